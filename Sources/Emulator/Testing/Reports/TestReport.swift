/// A test that ran, for a report.
public struct TestReport: Sendable {
  /// The manifest's name.
  public let manifest: String
  /// The test.
  public let test: GuestTest
  /// What became of it.
  public let result: GuestTest.Result
  /// Seconds of the wall clock.
  public let seconds: Double
  /// The command that runs it again.
  public let command: String

  /// Puts together what is known of a test that ran.
  public init(
    manifest: String, test: GuestTest, result: GuestTest.Result, seconds: Double, command: String
  ) {
    self.manifest = manifest
    self.test = test
    self.result = result
    self.seconds = seconds
    self.command = command
  }

  /// Whether all was as expected.
  public var hasPassed: Bool { result.failure == nil }

  /// Line, sentence, console, diagnosis and command of a failure; empty for a test that passed.
  var failureLines: [String] {
    guard let failure = result.failure else { return [] }
    let text = "\(manifest):\(failure.line): \(failure.description)"
    return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      + ["again: \(command)"]
  }

  /// A line for people, and what is known of a failure below it.
  public var text: String {
    let runs = result.runCount > 1 ? ", \(result.runCount) runs alike" : ""
    guard !hasPassed else {
      return "ok      \(test.name)  \(result.instructionCount) instructions, "
        + "digest \(result.digest.hex(digits: 16))\(runs)"
    }
    return (["FAILED  \(test.name)"] + failureLines.map { "  " + $0 }).joined(separator: "\n")
  }
}
