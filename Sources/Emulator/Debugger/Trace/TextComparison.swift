import Emulator

/// Compares a run with the lines of a text.
///
/// Exact lines are compared one by one as they come; semantic ones at the end, since a repetition
/// is known only when it is over.
final class TextComparison: Comparison {
  private(set) var divergence: Divergence?
  private let expected: [String]
  private let end: Trace.End?
  private var text: EventText
  private var lines: [TraceLine] = []
  private var events: [UInt64: (processor: Int, address: UInt64)] = [:]
  private let mode: TraceMode

  private static let recentCount = 5

  init(_ trace: Trace, symbols: SymbolTable) {
    expected = trace.text ?? []
    end = trace.end
    mode = trace.options.mode
    text = EventText(mode: mode, symbols: symbols, processors: trace.machine.processors)
  }

  func event(_ event: ExecutionEvent) {
    guard divergence == nil else { return }
    let new = text.lines(event)
    guard !new.isEmpty else { return }
    events[event.position] = (event.processor, event.source.address)
    for line in new {
      lines.append(line)
      if mode == .exact { compare(line, at: lines.count - 1) }
    }
  }

  private func compare(_ line: TraceLine, at index: Int) {
    guard divergence == nil else { return }
    guard index < expected.count else {
      return diverge(.extraEvent, at: index, expected: "nothing more", line)
    }
    guard expected[index] != line.text else { return }
    diverge(.event, at: index, expected: expected[index], line)
  }

  private func diverge(
    _ kind: Divergence.Kind, at index: Int, expected wanted: String, _ line: TraceLine
  ) {
    // In exact lines the count of the expected one may be the earlier moment.
    let other = mode == .exact ? UInt64(wanted.prefix { $0 != " " }) : nil
    let position = min(line.position, other ?? .max)
    let place = events[line.position]
    divergence = Divergence(
      kind: kind, position: position, processor: place?.processor ?? 0,
      address: position == line.position ? place?.address : nil, expected: wanted,
      actual: line.text,
      before: lines[max(0, index - Self.recentCount)..<min(index, lines.count)].map(\.text))
  }

  func digest(_ digest: UInt64, at position: UInt64) {}
  func delta(_ delta: InstructionDelta, at position: UInt64) {}
  func flow(_ run: FlowRun, at position: UInt64) {}

  func finish(_ end: Trace.End) {
    guard divergence == nil else { return }
    let rest = text.rest()
    lines += rest
    if mode == .semantic { lines = Repetitions.collapse(lines) }
    let unseen = mode == .semantic ? lines.count : rest.count
    for index in lines.count - unseen..<lines.count { compare(lines[index], at: index) }
    guard divergence == nil else { return }
    if lines.count < expected.count {
      divergence = Divergence(
        kind: .missingEvent, position: end.instructionCount, expected: expected[lines.count],
        actual: "nothing more: \(end.reason) after \(end.instructionCount) instructions",
        before: lines.suffix(Self.recentCount).map(\.text))
    } else if mode == .exact {
      divergence = Self.difference(self.end, end)
    } else if let wanted = self.end?.reason, wanted != end.reason {
      divergence = Divergence(
        kind: .end, position: end.instructionCount, expected: wanted, actual: end.reason)
    }
  }
}
