import Emulator

/// Finds kernel stacks that are exceeded.
///
/// Stacks are known by symbols, by the options, and by what the TSS says. The bytes below each are
/// watched: who writes them with a stack pointer that is there too has exceeded the stack. Frames
/// that skip these bytes are found at the next interrupt.
final class StackChecker: Checker {
  struct Extent: Equatable {
    let name: String
    let low: UInt64
    let high: UInt64

    /// Whether a stack pointer belongs to it; that of an empty stack is its end.
    func contains(_ pointer: UInt64) -> Bool { pointer > low && pointer <= high }
  }

  /// Bytes that are watched below a stack.
  private static let watched: UInt64 = 512
  /// How far below a stack RSP may be and still be that stack's.
  private static let reach: UInt64 = 64 << 10
  private static let largest: UInt64 = 1 << 20
  private static let smallest: UInt64 = 512

  private unowned let run: CheckedRun
  private(set) var extents: [Extent] = []

  init(_ run: CheckedRun) {
    self.run = run
    for extent in optionExtents() + symbolExtents() { add(extent) }
  }

  // MARK: Where stacks are

  private func optionExtents() -> [Extent] {
    run.options.stacks.compactMap { low, high in
      guard let from = run.address(of: low), let to = run.address(of: high), from < to else {
        return nil
      }
      return Extent(name: low, low: from, high: to)
    }
  }

  /// Objects called stacks, and pairs of labels as `boot_stack` and `boot_stack_top`.
  private func symbolExtents() -> [Extent] {
    let layout = KernelLayout(run.machine, slide: run.symbols.slide)
    let named = run.symbols.symbols(prefix: "").filter { symbol in
      symbol.name.contains("stack")
        && !layout.parts.contains { $0.contains(linear: symbol.address) && !$0.isWritable }
    }
    var found: [Extent] = []
    for symbol in named where symbol.size >= Self.smallest && symbol.size <= Self.largest {
      let (end, overflow) = symbol.address.addingReportingOverflow(symbol.size)
      if !overflow { found.append(Extent(name: symbol.name, low: symbol.address, high: end)) }
    }
    for suffix in ["_top", "_end"] {
      for top in named where top.name.hasSuffix(suffix) {
        let stem = top.name.dropLast(suffix.count)
        let starts = ["", "_bottom", "_guard", "_base", "_start"].map { stem + $0 }
        let start = named.first { candidate in
          starts.contains { $0 == candidate.name } && candidate.address < top.address
            && top.address - candidate.address <= Self.largest
        }
        if let start {
          found.append(Extent(name: String(stem), low: start.address, high: top.address))
        }
      }
    }
    return found
  }

  private func add(_ extent: Extent) {
    let isKnown = extents.contains { $0.low < extent.high && extent.low < $0.high }
    guard !isKnown, extent.low >= Self.watched else { return }
    extents.append(extent)
    let below = Watchpoint(
      address: extent.low - Self.watched, count: Self.watched, kind: .write)
    _ = run.watches.add(below) { [unowned self] hit in judge(hit, extent) }
  }

  /// Learns the stacks that the TSS of a processor names.
  private func readTaskState(_ cpu: CPU) {
    guard cpu.isIA32e, let size = run.options.stackSize else { return }
    let base = cpu[.tr].base
    guard base != 0 else { return }
    let offsets: [UInt64] = [4] + (0..<7).map { 36 + 8 * UInt64($0) }
    for (number, offset) in offsets.enumerated() {
      guard let top = run.machine.peek(cpu, linear: base &+ offset, count: 8), top > size,
        !extents.contains(where: { $0.contains(top) })
      else { continue }
      add(
        Extent(name: number == 0 ? "RSP0" : "IST\(number)", low: top - size, high: top))
    }
  }

  // MARK: Judging

  func observe(_ event: ExecutionEvent) {
    guard run.machine.processors.indices.contains(event.processor) else { return }
    let cpu = run.machine.processors[event.processor].cpu
    switch event.kind {
    case .delivery(let delivery):
      if event.source.cpl == 3 { readTaskState(cpu) }
      guard delivery.failure == nil, event.target.cpl == 0 else { return }
      check(cpu, at: event.source.address)
    case .table(.tr, _, _): readTaskState(cpu)
    default: break
    }
  }

  private func check(_ cpu: CPU, at address: UInt64) {
    let pointer = cpu[.rsp]
    guard !extents.contains(where: { $0.contains(pointer) }) else { return }
    for extent in extents
    where pointer <= extent.low && extent.low - pointer <= Self.reach && isBelow(extent, cpu) {
      report(extent, pointer, cpu, at: address)
    }
  }

  private func judge(_ hit: WatchHit, _ extent: Extent) {
    let cpu = run.machine.processor.cpu
    let pointer = cpu[.rsp]
    guard let rip = hit.rip, cpu.cpl < 3, pointer < extent.low, extent.low - pointer <= Self.reach,
      pointer <= hit.address
    else { return }
    // On a stack that lies below, only the frame tells where the writer came from.
    let isElsewhere = extents.contains { $0 != extent && $0.contains(pointer) }
    guard !isElsewhere || extent.contains(cpu[.rbp]) else { return }
    report(extent, pointer, cpu, at: rip, position: hit.position)
  }

  /// Whether the frame of a processor whose RSP is below a stack is in it, or nowhere.
  private func isBelow(_ extent: Extent, _ cpu: CPU) -> Bool {
    let frame = cpu[.rbp]
    return extent.contains(frame) || frame <= extent.low && extent.low - frame <= Self.reach
  }

  private func report(
    _ extent: Extent, _ pointer: UInt64, _ cpu: CPU, at address: UInt64, position: UInt64? = nil
  ) {
    let bounds = "\(run.describe(extent.low)) to 0x\(String(extent.high, radix: 16))"
    run.report(
      .stack, at: address, cpu: cpu, key: extent.name, isAnywhere: true, position: position,
      "the stack \(extent.name) is exceeded by \(extent.low - pointer) bytes",
      details: ["  the stack: \(bounds); RSP is 0x\(String(pointer, radix: 16))"])
  }
}
