import Emulator

extension GuestTest {
  /// What became of a test.
  public struct Result: Sendable {
    /// Why the test failed: the line of the manifest, a sentence, and everything known.
    public struct Failure: Sendable {
      /// The line of the manifest that was not met.
      public let line: Int
      /// What was expected and what happened instead.
      public let sentence: String
      /// The sentence, the console's last lines, the diagnosis.
      public let description: String
    }

    /// The failure, nil if all is as expected.
    public internal(set) var failure: Failure?
    /// Instructions of one run.
    public internal(set) var instructionCount: UInt64 = 0
    /// The digest of the machine's state at the end.
    public internal(set) var digest: UInt64 = 0
    /// How many runs there were.
    public internal(set) var runCount = 0
  }

  /// Runs the test, as often as it says, on machines that `make` makes.
  ///
  /// A machine that has run as it should is given to `compare`, which compares it with the golden
  /// trace and says what is wrong.
  public func run(
    comparing compare: (Machine) -> String? = { _ in nil }, _ make: () throws -> Machine
  ) -> Result {
    var result = Result()
    var first: Fingerprint?
    for _ in 0..<max(1, repetitions) where result.failure == nil {
      let machine: Machine
      do {
        machine = try make()
      } catch {
        result.failure = Result.Failure(
          line: line, sentence: "there is no machine: \(error)",
          description: "there is no machine: \(error)")
        return result
      }
      result.runCount += 1
      do {
        try drive(machine)
      } catch {
        result.failure = error
      }
      let fingerprint = Fingerprint(machine)
      if let first {
        if let difference = fingerprint.difference(from: first), result.failure == nil {
          result.failure = failure(
            machine, line, "run \(result.runCount) is not the same as the first: \(difference)")
        }
      } else {
        first = fingerprint
        result.instructionCount = machine.instructionCount
        result.digest = machine.stateDigest()
        if let digest, digest.content != result.digest, result.failure == nil {
          result.failure = failure(
            machine, digest.line,
            "expected the digest \(digest.content.hex(digits: 16)), but the machine's is "
              + result.digest.hex(digits: 16))
        }
        if let golden, result.failure == nil, let difference = compare(machine) {
          result.failure = Result.Failure(
            line: golden.line, sentence: "the run is not as in \(golden.content.path)",
            description: difference)
        }
      }
    }
    return result
  }

  /// Runs a machine through the steps to its end.
  private func drive(_ machine: Machine) throws(Result.Failure) {
    switch console {
    case .com1: break
    case .com2: machine.console = machine.serialPorts[1]
    case .hvc: machine.console = machine.virtioConsole
    case .debug: machine.console = machine.debugConsole
    }
    let watch = ConsoleWatch(machine, forbidding: try forbidden.map(compile).map(\.pattern))
    for step in steps {
      switch step.content {
      case .type(let text): machine.type(text)
      case .expect(let pattern):
        let pattern = try compile(Line(content: pattern, line: step.line)).pattern
        try check(
          watch.run(until: pattern, within: machine.rest(of: limit, from: (0, 0))),
          machine, line: step.line, expected: "the console to show \(pattern)")
      }
    }
    guard let end else { return }
    let outcome = watch.run(until: nil, within: machine.rest(of: limit, from: (0, 0)))
    if case .stopped(end.content) = outcome { return }
    try check(outcome, machine, line: end.line, expected: "that \(end.content.sentence)")
  }

  private func compile(
    _ pattern: Line<Pattern>
  ) throws(Result.Failure) -> (pattern: ConsolePattern, line: Int) {
    do {
      return (try pattern.content.compiled(), pattern.line)
    } catch {
      throw Result.Failure(
        line: pattern.line, sentence: error.description, description: error.description)
    }
  }

  private func check(
    _ outcome: ConsoleWatch.Outcome, _ machine: Machine, line: Int, expected: String
  ) throws(Result.Failure) {
    switch outcome {
    case .found: return
    case .forbidden(let pattern):
      let place = forbidden.first {
        (try? $0.content.compiled().description) == pattern.description
      }
      throw failure(
        machine, place?.line ?? line, "the console shows \(pattern), which is forbidden")
    case .stopped(let stop):
      let bound = stop == .instructionLimit ? " (\(limit))" : ""
      throw failure(
        machine, line, "expected \(expected), but \(stop.sentence)\(bound)", stop: stop)
    }
  }

  private func failure(
    _ machine: Machine, _ line: Int, _ sentence: String, stop: StopReason? = nil
  ) -> Result.Failure {
    let failure = ExpectationFailure(machine, sentence, stop: stop)
    return Result.Failure(line: line, sentence: sentence, description: failure.description)
  }
}

extension GuestTest.Result.Failure: Error {}

/// What two runs of the same machine agree on.
private struct Fingerprint {
  private let count: UInt64
  private let parts: [(name: String, digest: UInt64)]
  private let output: [UInt8]

  init(_ machine: Machine) {
    count = machine.instructionCount
    parts = machine.partDigests()
    output = machine.console.output
  }

  /// How this differs from the first, nil if it does not.
  func difference(from first: Fingerprint) -> String? {
    if count != first.count { return "\(count) instructions instead of \(first.count)" }
    let differing = zip(parts, first.parts).filter { $0.digest != $1.digest }.map(\.0.name)
    if !differing.isEmpty { return "other digests of \(differing.joined(separator: ", "))" }
    return output == first.output ? nil : "other output"
  }
}
