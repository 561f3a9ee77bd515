import Emulator

/// What a guest did not do: what was expected, what happened instead, and what there is to know.
///
/// Its description is for a test's log: the sentence, the end of the console, the diagnosis.
public struct ExpectationFailure: Error, Sendable, CustomStringConvertible {
  /// Lines of console output that are shown.
  private static let tailLength = 20

  /// What was expected, and what happened instead, in one sentence.
  public let sentence: String
  /// Why the machine stopped; nil where it did not.
  public let stop: StopReason?
  /// The machine's instruction count.
  public let instructionCount: UInt64
  /// The last lines of the console's output.
  public let console: [String]
  /// Where the machine stands and how it came there; empty after an ordinary end.
  public let diagnosis: [String]

  /// Describes the present of a machine.
  package init(_ machine: Machine, _ sentence: String, stop: StopReason?) {
    self.sentence = sentence
    self.stop = stop
    instructionCount = machine.instructionCount
    console = Self.tail(machine.console.output)
    let isOrdinary = stop.map(\.isOrdinaryEnd) ?? true
    diagnosis = stop.map { isOrdinary ? [] : machine.diagnosis(of: $0).lines } ?? []
  }

  /// The sentence, the console's last lines and the diagnosis.
  public var description: String {
    var lines = ["\(sentence), at instruction \(instructionCount)"]
    lines += console.isEmpty ? ["the console is empty"] : ["the console's last lines:"]
    lines += console.map { "  | \($0)" }
    lines += diagnosis
    return lines.joined(separator: "\n")
  }

  private static func tail(_ output: [UInt8]) -> [String] {
    // A line has its limit too: a guest may write for ever without ending one.
    let text = String(decoding: output.suffix(tailLength * 200), as: UTF8.self)
    let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
    let isEnded = lines.last?.isEmpty ?? false
    return (isEnded ? lines.dropLast() : lines[...]).suffix(tailLength).map { line in
      String(line.filter { !($0.asciiValue.map { $0 < 32 } ?? false) })
    }
  }
}

extension StopReason {
  /// Whether a guest or its user ended the run, so that nothing is to be explained.
  var isOrdinaryEnd: Bool {
    switch self {
    case .poweredOff, .debugExit, .reset, .conditionMet: true
    default: false
    }
  }

  /// What happened, as the end of a sentence.
  package var sentence: String {
    switch self {
    case .poweredOff: "the machine powered off"
    case .debugExit(let value): "the guest wrote \(value) to the debug-exit port"
    case .reset: "the machine was reset"
    case .shutdown: "a triple fault shut the processor down"
    case .haltedForever: "the machine halted for ever"
    case .instructionLimit: "the limit was reached"
    case .conditionMet: "what was waited for happened"
    case .stopped: "somebody stopped the machine"
    case .breakpoint: "a breakpoint was reached"
    case .watchpoint: "a watchpoint was hit"
    case .idle: "the machine waits"
    }
  }
}
