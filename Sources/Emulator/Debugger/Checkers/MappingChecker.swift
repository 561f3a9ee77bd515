import Emulator

/// Finds mappings of the kernel that applications may use, or that are writable and executable.
///
/// Address spaces are looked at when CR3 is loaded, and again from time to time. What may be both
/// written and executed is wrong only once the kernel has started: it runs applications, or takes
/// interrupts.
final class MappingChecker: Checker {
  /// Instructions after which an address space is looked at again.
  private static let interval: UInt64 = 20_000_000
  private static let spaceLimit = 1024
  /// Tables that are read for one look.
  private static let tableLimit = 2048

  private unowned let run: CheckedRun
  private let layout: KernelLayout
  private var looks: [UInt64: UInt64] = [:]
  private var hasStarted = false

  init(_ run: CheckedRun) {
    self.run = run
    layout = KernelLayout(run.machine, slide: run.symbols.slide)
  }

  func observe(_ event: ExecutionEvent) {
    guard run.machine.processors.indices.contains(event.processor) else { return }
    let cpu = run.machine.processors[event.processor].cpu
    switch event.kind {
    case .controlRegister(3, _): lookAt(cpu, event.source.address)
    case .delivery(let delivery) where delivery.source == .external: start()
    case _ where event.source.cpl != 3 && event.target.cpl == 3:
      start()
      lookAt(cpu, event.source.address)
    default: break
    }
  }

  private func start() {
    guard !hasStarted else { return }
    hasStarted = true
    looks = [:]
  }

  func look() {
    for processor in run.machine.processors {
      lookAt(processor.cpu, processor.cpu.instructionPointer.value)
    }
  }

  private func lookAt(_ cpu: CPU, _ address: UInt64) {
    let space = cpu.state.pointee.cr3 & PageTableEntry.addressMask
    let position = run.machine.instructionCount
    guard !layout.parts.isEmpty, cpu.cr0.contains(.paging), cpu.isIA32e, space != run.givenSpace,
      looks[space].map({ position - $0 >= Self.interval }) ?? true
    else { return }
    if looks.count >= Self.spaceLimit { looks = [:] }
    looks[space] = position
    checkRights(cpu, address)
    var budget = Self.tableLimit
    let isFiveLevel = cpu.cr4.rawValue & 1 << 12 != 0
    findUserPages(
      cpu, table: space, level: isFiveLevel ? 5 : 4, linear: 0, budget: &budget, address)
  }

  /// Looks for what is writable and executable where the image's segments are.
  private func checkRights(_ cpu: CPU, _ address: UInt64) {
    guard hasStarted, cpu.efer.contains(.noExecuteEnable) else { return }
    for part in layout.parts {
      var at = part.linear
      let end = part.linear.addingClamped(part.size)
      while at < end {
        let page = cpu.peekTranslation(LinearAddress(at))
        let size = page?.pageSize ?? 4096
        let isOwn =
          page.map { part.physical == nil || part.contains(physical: $0.physicalPage) } ?? false
        if let page, isOwn, page.isWritable, !page.isNoExecute {
          report(at, "is mapped writable and executable", cpu, address)
          break
        }
        let (next, overflow) = (at & ~(size &- 1)).addingReportingOverflow(size)
        guard !overflow, next > at else { break }
        at = next
      }
    }
  }

  /// Descends through entries that applications may use.
  private func findUserPages(
    _ cpu: CPU, table: UInt64, level: Int, linear: UInt64, budget: inout Int, _ address: UInt64
  ) {
    guard budget > 0, let bytes = run.machine.memory.read(PhysicalAddress(table), count: 4096)
    else { return }
    budget -= 1
    let shift = UInt64(12 + 9 * (level - 1))
    for index in 0..<512 {
      let value = bytes[index * 8..<index * 8 + 8].reversed().reduce(0 as UInt64) {
        $0 << 8 | UInt64($1)
      }
      let entry = PageTableEntry(rawValue: value)
      guard entry.contains([.present, .user]) else { continue }
      let at = linear | UInt64(index) << shift
      if level > 1 && !(level <= 3 && entry.contains(.pageSize)) {
        findUserPages(
          cpu, table: value & PageTableEntry.addressMask, level: level - 1, linear: at,
          budget: &budget, address)
        continue
      }
      let size: UInt64 = 1 << shift
      judge(value & PageTableEntry.addressMask & ~(size - 1), size, linear: at, cpu, address)
    }
  }

  private func judge(
    _ physical: UInt64, _ size: UInt64, linear: UInt64, _ cpu: CPU, _ address: UInt64
  ) {
    let canonical = linear & 1 << 47 != 0 ? linear | 0xFFFF_0000_0000_0000 : linear
    for part in layout.parts {
      let overlaps =
        part.physical.map {
          $0 < physical.addingClamped(size) && physical < $0.addingClamped(part.size)
        }
        ?? (part.linear < canonical.addingClamped(size)
          && canonical < part.linear.addingClamped(part.size))
      guard overlaps else { continue }
      let own = part.physical.map { part.linear &+ (max(physical, $0) - $0) } ?? canonical
      report(
        own, "is mapped at 0x\(String(canonical, radix: 16)) for applications", cpu, address,
        key: "user \(part.linear)")
    }
  }

  private func report(
    _ page: UInt64, _ text: String, _ cpu: CPU, _ address: UInt64, key: String? = nil
  ) {
    run.report(
      .mapping, at: address, cpu: cpu, key: key ?? "rights \(page)", isAnywhere: true,
      "the kernel's \(run.describe(page)) \(text), with CR3 "
        + "0x\(String(cpu.state.pointee.cr3, radix: 16))")
  }
}
