import Emulator

/// Compares a run with a binary trace: every event, digest, delta and run of instructions.
final class BinaryComparison: Comparison {
  private(set) var divergence: Divergence?
  private let trace: Trace
  private let expected: [ExecutionEvent]
  private var next = 0
  private var nextDigest = 0
  private var text: EventText
  private var recent: [ExecutionEvent] = []
  private var deltas: DeltaDecoder
  private var flow: FlowDecoder
  private let symbols: SymbolTable

  private static let recentCount = 8

  init(_ trace: Trace, symbols: SymbolTable) {
    self.trace = trace
    self.symbols = symbols
    expected = trace.decodedEvents()
    text = EventText(mode: .exact, symbols: symbols, processors: trace.machine.processors)
    deltas = DeltaDecoder(trace.deltas, processors: trace.machine.processors)
    flow = FlowDecoder(trace.flow)
  }

  func event(_ event: ExecutionEvent) {
    guard divergence == nil else { return }
    guard next < expected.count else {
      return diverge(.extraEvent, event, expected: "nothing more", actual: describe(event))
    }
    let wanted = expected[next]
    next += 1
    guard wanted != event else {
      recent.append(event)
      if recent.count > Self.recentCount * 4 { recent.removeFirst(Self.recentCount * 3) }
      return
    }
    diverge(
      Divergence.kind(wanted, event), wanted.position < event.position ? wanted : event,
      expected: describe(wanted), actual: describe(event))
  }

  private func diverge(
    _ kind: Divergence.Kind, _ event: ExecutionEvent, expected: String, actual: String
  ) {
    divergence = Divergence(
      kind: kind, position: event.position, processor: event.processor,
      address: event.source.address, expected: expected, actual: actual, before: before)
  }

  private func describe(_ event: ExecutionEvent) -> String {
    if case .output(let port, let byte) = event.kind {
      return "\(event.position) \(event.processor) port \(port) sends byte \(UInt64(byte).hex)"
    }
    return text.lines(event).map(\.text).joined(separator: "; ")
  }

  /// The last events, without the bytes that consoles show.
  private var before: [String] {
    recent.filter { EventKinds($0.kind) != .console }.suffix(Self.recentCount).map(describe)
  }

  func digest(_ digest: UInt64, at position: UInt64) {
    guard divergence == nil, nextDigest < trace.digests.count else { return }
    defer { nextDigest += 1 }
    guard trace.digests[nextDigest] != digest else { return }
    let start = position - Trace.digestInterval
    divergence = Divergence(
      kind: .digest, position: position,
      expected: "registers \(trace.digests[nextDigest].hex) at instruction \(position)",
      actual: "\(digest.hex); they were the same at \(start)", before: before)
  }

  func delta(_ delta: InstructionDelta, at position: UInt64) {
    guard divergence == nil else { return }
    guard let wanted = deltas.next() else {
      return diverge(
        .controlFlow, delta, at: position, "the end of the trace", "one instruction more")
    }
    guard wanted != delta else { return }
    let difference = DeltaDifference(wanted, delta, symbols)
    diverge(difference.kind, delta, at: position, difference.expected, difference.actual)
  }

  private func diverge(
    _ kind: Divergence.Kind, _ delta: InstructionDelta, at position: UInt64, _ expected: String,
    _ actual: String
  ) {
    divergence = Divergence(
      kind: kind, position: position, processor: delta.processor, address: delta.rip,
      expected: expected, actual: actual, before: before)
  }

  func flow(_ run: FlowRun, at position: UInt64) {
    guard divergence == nil else { return }
    let wanted = flow.next()
    guard wanted != run else { return }
    func text(_ run: FlowRun) -> String {
      let name = symbols.describe(run.start).map { " <\($0)>" } ?? ""
      return "\(run.count) instructions from \(run.start.hex)\(name) on"
    }
    // The run ended with the instruction before the present one.
    let common = min(run.count, wanted?.start == run.start ? wanted?.count ?? 0 : 0)
    divergence = Divergence(
      kind: .controlFlow, position: position - 1 - (run.count - max(common, 1)),
      processor: run.processor, address: wanted?.start == run.start ? nil : run.start,
      expected: wanted.map(text) ?? "the end of the trace", actual: text(run), before: before)
  }

  func finish(_ end: Trace.End) {
    guard divergence == nil else { return }
    if next < expected.count {
      return diverge(
        .missingEvent, expected[next], expected: describe(expected[next]),
        actual: "nothing more: \(end.reason) after \(end.instructionCount) instructions")
    }
    divergence = Self.difference(trace.end, end)
    divergence?.before = before
  }
}

/// How two deltas of what should be one instruction differ.
struct DeltaDifference {
  let kind: Divergence.Kind
  private(set) var expected = ""
  private(set) var actual = ""

  init(_ wanted: InstructionDelta, _ got: InstructionDelta, _ symbols: SymbolTable) {
    func place(_ address: UInt64) -> String {
      address.hex + (symbols.describe(address).map { " <\($0)>" } ?? "")
    }
    if wanted.rip != got.rip || wanted.processor != got.processor {
      kind = .controlFlow
      expected = "the instruction at \(place(wanted.rip)) on processor \(wanted.processor)"
      actual = "the one at \(place(got.rip)) on processor \(got.processor)"
      return
    }
    var parts: [(String, String)] = []
    for index in 0..<16 where wanted.registers[index] != got.registers[index] {
      parts.append(
        (
          "\(RegisterNames.general[index])=\(wanted.registers[index].hex)",
          "\(RegisterNames.general[index])=\(got.registers[index].hex)"
        ))
    }
    if wanted.flags != got.flags {
      parts.append(("rflags=\(wanted.flags.hex)", "rflags=\(got.flags.hex)"))
    }
    if wanted.vectors != got.vectors {
      func text(_ delta: InstructionDelta) -> String {
        let changes = delta.vectors.map { "\($0.number)=\($0.value.hex)" }
        return "vector quadwords "
          + (changes.isEmpty ? "unchanged" : changes.joined(separator: ","))
      }
      parts.append((text(wanted), text(got)))
    }
    let hasData = !parts.isEmpty
    if wanted.stores != got.stores {
      func text(_ stores: [InstructionDelta.Store]) -> String {
        stores.isEmpty
          ? "no store"
          : stores.map(\.text).joined(separator: " ")
      }
      parts.append((text(wanted.stores), text(got.stores)))
    }
    if wanted.next != got.next {
      parts.append(("goes on at \(place(wanted.next))", "goes on at \(place(got.next))"))
    }
    kind = wanted.next != got.next ? .controlFlow : hasData ? .data : .memory
    expected = parts.map(\.0).joined(separator: " ")
    actual = parts.map(\.1).joined(separator: " ")
  }
}
