import Emulator

/// Runs a machine again and compares it with a trace as it goes.
public struct TraceCheck {
  /// How a check went.
  public struct Result {
    /// The first difference, nil if there is none.
    public var divergence: Divergence?
    /// How the run ended, or where it was left.
    public var end: Trace.End
  }

  private let trace: Trace
  private let make: () throws -> Machine
  private let input: InputLog
  private let folder: String?

  /// Prepares the check of a trace.
  ///
  /// - Parameters:
  ///   - trace: The trace.
  ///   - input: What comes from outside, nil for what the trace has.
  ///   - folder: The folder of the trace, where its files are looked for too.
  ///   - make: Makes the machine to check.
  public init(
    _ trace: Trace, input: InputLog? = nil, folder: String? = nil,
    make: @escaping () throws -> Machine
  ) {
    self.folder = folder
    self.trace = trace
    self.input = input ?? trace.input
    self.make = make
  }

  /// Runs and compares; the run ends soon behind the first difference.
  public func callAsFunction() throws -> Result {
    var symbols = SymbolTable(try make().image?.elf)
    symbols.slide = trace.slide
    let run = TraceRun(options: trace.options, make: make)
    let comparison: any Comparison =
      trace.text == nil
      ? BinaryComparison(trace, symbols: symbols) : TextComparison(trace, symbols: symbols)
    let end = try Self.run(run, input, comparison)
    return Result(divergence: try located(comparison, end), end: end)
  }

  private static func run(
    _ run: TraceRun, _ input: InputLog, _ comparison: some Comparison
  ) throws -> Trace.End {
    let end = try run(input: input, for: comparison).end
    comparison.finish(end)
    return end
  }

  /// The first difference; where only digests tell, the instruction is searched for by running
  /// the recorded machine beside this one, if it can still be made.
  private func located(
    _ comparison: some Comparison, _ end: Trace.End
  ) throws -> Divergence? {
    guard let found = comparison.divergence else { return nil }
    guard found.kind == .digest || found.kind == .end,
      let recorded = try? recordedMachine()
    else { return found }
    let exact = try Lockstep(
      first: recorded, second: make, firstInput: trace.input, secondInput: input,
      limit: max(end.instructionCount, trace.end?.instructionCount ?? 0)
    ).firstDifference()
    guard var exact else {
      var found = found
      found.actual += "; the recorded machine, run again here, does the same: emu has changed"
      return found
    }
    exact.before = found.before
    return exact
  }

  /// Makes the recorded machine, of files that are as they were.
  private func recordedMachine() throws -> (() throws -> Machine)? {
    let source = FileSource(embedded: trace.embedded, folder: folder)
    for file in trace.machine.files where trace.embedded[file.digest] == nil {
      _ = try file.verified(source.read(file.path))
    }
    _ = try trace.machine.makeMachine(source)
    return { try trace.machine.makeMachine(source) }
  }
}

/// Compares what it hears with what it expects.
protocol Comparison: TraceListener {
  /// The first difference so far.
  var divergence: Divergence? { get }
  /// The run has ended.
  func finish(_ end: Trace.End)
}

extension Comparison {
  var isSatisfied: Bool { divergence != nil }
  var wantsInstructions: Bool { true }

  /// The difference between two ends.
  static func difference(_ expected: Trace.End?, _ end: Trace.End) -> Divergence? {
    guard let expected, expected != end else { return nil }
    func text(_ end: Trace.End) -> String {
      "\(end.reason) after \(end.instructionCount) instructions and \(end.time) ns, digest "
        + end.digest.hex
    }
    return Divergence(
      kind: .end, position: min(expected.instructionCount, end.instructionCount),
      expected: text(expected), actual: text(end))
  }
}

extension Divergence {
  /// What kind of difference two events make.
  static func kind(_ expected: ExecutionEvent, _ actual: ExecutionEvent) -> Kind {
    if expected.kind == actual.kind && expected.target == actual.target
      && EventKinds(actual.kind) == .irq
    {
      return .timing
    }
    switch (expected.kind, actual.kind) {
    case (.read(let a, let b, let c, _), .read(let d, let e, let f, _))
    where a == d && b == e && c == f && expected.source == actual.source: return .device
    default: return .event
    }
  }
}
