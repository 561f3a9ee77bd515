import Emulator

/// Finds the first instruction at which two machines do not do the same.
///
/// Both run from their beginnings; their registers are compared at intervals, then, in the first
/// interval that differs, behind every instruction.
struct Lockstep {
  private let first: () throws -> Machine
  private let second: () throws -> Machine
  private let firstInput: InputLog
  private let secondInput: InputLog
  private let limit: UInt64

  init(
    first: @escaping () throws -> Machine, second: @escaping () throws -> Machine,
    firstInput: InputLog, secondInput: InputLog, limit: UInt64
  ) {
    self.first = first
    self.second = second
    self.firstInput = firstInput
    self.secondInput = secondInput
    self.limit = limit
  }

  /// The first difference, nil if there is none up to the limit.
  func firstDifference() throws -> Divergence? {
    guard let start = try intervalStart() else { return nil }
    let (one, two) = try machines(at: start)
    let (a, b) = (record(one), record(two))
    var symbols = SymbolTable(two.image?.elf)
    symbols.slide = ImageSlide.find(in: two)
    for index in 0..<max(a.count, b.count) {
      guard index < a.count, index < b.count else {
        let last = index < b.count ? b[index] : a[index]
        return Divergence(
          kind: .end, position: last.position, processor: last.delta.processor,
          address: last.delta.rip,
          expected: index < a.count ? "one more instruction" : "the end of the run",
          actual: index < b.count ? "one more instruction" : "the end of the run")
      }
      guard a[index].delta != b[index].delta else { continue }
      let difference = DeltaDifference(a[index].delta, b[index].delta, symbols)
      return Divergence(
        kind: difference.kind, position: b[index].position, processor: b[index].delta.processor,
        address: b[index].delta.rip, expected: difference.expected, actual: difference.actual)
    }
    return nil
  }

  private func machines(at count: UInt64) throws -> (Machine, Machine) {
    let one = try first()
    let two = try second()
    one.replay(firstInput)
    two.replay(secondInput)
    if count > 0 {
      _ = one.run(limit: count)
      _ = two.run(limit: count)
    }
    return (one, two)
  }

  /// Where the first interval begins behind which the machines differ.
  private func intervalStart() throws -> UInt64? {
    let (one, two) = try machines(at: 0)
    guard one.processorDigest() == two.processorDigest() else { return 0 }
    while one.instructionCount < limit {
      let start = one.instructionCount
      let stops = (
        one.run(limit: Trace.digestInterval), two.run(limit: Trace.digestInterval)
      )
      if one.processorDigest() != two.processorDigest() || stops.0 != stops.1 { return start }
      if stops.0 != .instructionLimit { return nil }
    }
    return nil
  }

  private func record(_ machine: Machine) -> [(position: UInt64, delta: InstructionDelta)] {
    var options = TraceOptions()
    options.recordsDeltas = true
    let tracks = InstructionTracks(machine, options: options)
    var result: [(position: UInt64, delta: InstructionDelta)] = []
    tracks.deltaAdded = { result.append((position: $1, delta: $0)) }
    tracks.start(weaving: [])
    _ = machine.run(limit: Trace.digestInterval + 1)
    _ = tracks.finish()
    return result
  }
}
