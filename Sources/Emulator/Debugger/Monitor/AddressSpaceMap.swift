import Emulator

/// What the paging structures map, run-length coded.
struct AddressSpaceMap {
  /// Neighbouring pages with the same rights, one behind the other in physical memory too.
  private struct Run {
    var start: UInt64
    var size: UInt64
    var physical: UInt64
    var rights: String
    var pageSize: UInt64
    var isWritableCode: Bool
    var isUser: Bool
  }

  /// The lines, with what is suspicious at the end.
  private(set) var lines: [String] = []

  private static let most = 4000

  private let machine: Machine
  private let cpu: CPU
  private let number: Int
  private let range: ClosedRange<UInt64>
  private var runs: [Run] = []
  private var entriesLeft = 4_000_000

  init(
    _ machine: Machine, _ processor: Processor, _ symbols: ProgramSymbols,
    _ range: ClosedRange<UInt64>
  ) {
    self.machine = machine
    cpu = processor.cpu
    number = machine.processors.firstIndex { $0 === processor } ?? 0
    self.range = range
    guard cpu.cr0.contains(.paging) else {
      lines = ["paging is off (CR0.PG is 0): addresses are physical"]
      return
    }
    collect()
    let physical = PhysicalMapText(machine, number)
    for run in runs.prefix(Self.most) {
      let name = symbols.name(run.start).map { "  \($0)" } ?? ""
      let device = physical.describe(run.physical)
      lines.append(
        "\(run.start.hex(digits: 16))-\((run.start &+ (run.size &- 1)).hex(digits: 16))  "
          + "\(run.rights)  \(PageExplanation.size(run.size)) at \(run.physical.hex)"
          + (run.pageSize > 4096 ? " in pages of \(PageExplanation.size(run.pageSize))" : "")
          + (device == "RAM" ? "" : ", \(device)") + name)
    }
    if runs.count > Self.most { lines.append("and \(runs.count - Self.most) more") }
    if entriesLeft <= 0 {
      lines.append("the paging structures are too large to be read to the end")
    }
    lint(symbols)
  }

  private mutating func lint(_ symbols: ProgramSymbols) {
    for run in runs.filter(\.isWritableCode).prefix(20) {
      lines.append(
        "lint: \(run.start.hex), \(PageExplanation.size(run.size)), is writable and executable")
    }
    for run in runs.filter(\.isUser).prefix(1000) {
      let last = run.start &+ (run.size &- 1)
      guard let symbol = symbols.table.first(in: run.start...max(run.start, last)) else { continue }
      lines.append(
        "lint: user mode can reach the kernel's \(symbol.displayName) at \(symbol.address.hex)")
    }
  }

  // MARK: The structures

  private mutating func collect() {
    if cpu.isIA32e {
      let isFive = cpu.cr4.contains(.linearAddresses57)
      descend(
        cpu.state.pointee.cr3 & PageTableEntry.addressMask, level: isFive ? 5 : 4, base: 0,
        entries: [], isWide: true)
    } else if cpu.cr4.contains(.physicalAddressExtension) {
      for index in 0..<4 {
        let entry = cpu.state.pointee.pdpte[index]
        guard entry & 1 != 0 else { continue }
        descend(
          entry & PageTableEntry.addressMask, level: 2, base: UInt64(index) << 30, entries: [],
          isWide: true)
      }
    } else {
      descend(cpu.state.pointee.cr3 & 0xFFFF_F000, level: 2, base: 0, entries: [], isWide: false)
    }
  }

  private mutating func descend(
    _ table: UInt64, level: Int, base: UInt64, entries: [PageTableEntry], isWide: Bool
  ) {
    let count = isWide ? 512 : 1024
    let width = isWide ? 8 : 4
    guard let bytes = machine.memory.read(PhysicalAddress(table), count: count * width) else {
      return
    }
    let shift = isWide ? UInt64(12 + 9 * (level - 1)) : level == 2 ? 22 : 12
    for index in 0..<count {
      entriesLeft -= 1
      guard entriesLeft > 0 else { return }
      let raw = bytes[index * width..<(index + 1) * width].reversed().reduce(UInt64(0)) {
        $0 << 8 | UInt64($1)
      }
      guard raw & 1 != 0 else { continue }
      let address = extended(base &+ UInt64(index) << shift)
      let last = address &+ (1 << shift &- 1)
      guard last >= range.lowerBound, address <= range.upperBound else { continue }
      let entry = PageTableEntry(rawValue: raw)
      let isLarge =
        entry.contains(.pageSize) && (level == 3 || level == 2)
        && (isWide || cpu.cr4.contains(.pageSizeExtensions))
      if level == 1 || isLarge {
        add(address, 1 << shift, entries + [entry])
      } else {
        let next = raw & (isWide ? PageTableEntry.addressMask : 0xFFFF_F000)
        descend(
          next, level: level - 1, base: base &+ UInt64(index) << shift, entries: entries + [entry],
          isWide: isWide)
      }
    }
  }

  /// The canonical form of an address in IA-32e mode.
  private func extended(_ address: UInt64) -> UInt64 {
    guard cpu.isIA32e else { return address }
    let unused: UInt64 = cpu.cr4.contains(.linearAddresses57) ? 7 : 16
    return UInt64(bitPattern: Int64(bitPattern: address << unused) >> Int64(unused))
  }

  private mutating func add(_ address: UInt64, _ size: UInt64, _ entries: [PageTableEntry]) {
    guard let translation = cpu.peekTranslation(LinearAddress(address)) else { return }
    let rights = PageRights(entries, cpu)
    let text = rights.text + (translation.isGlobal ? " global" : "")
    if let last = runs.last, last.start &+ last.size == address,
      last.physical &+ last.size == translation.physicalPage, last.rights == text,
      last.pageSize == size
    {
      runs[runs.count - 1].size &+= size
      return
    }
    runs.append(
      Run(
        start: address, size: size, physical: translation.physicalPage, rights: text,
        pageSize: size, isWritableCode: rights.isWritable && rights.isExecutable,
        isUser: rights.isUser))
  }
}
