/// Results in the Test Anything Protocol, version 14.
public enum TAP {
  /// The lines before the first test.
  public static func header(count: Int) -> String { "TAP version 14\n1..\(count)" }

  /// The lines of a test, which is the `number`th, from 1 on.
  public static func lines(_ report: TestReport, number: Int) -> String {
    let name = "\(number) - \(report.manifest): \(report.test.name)"
    guard let failure = report.result.failure else { return "ok \(name)" }
    var lines = ["not ok \(name)", "  ---", "  message: \(quoted(failure.sentence))"]
    lines += ["  at: \(quoted("\(report.manifest):\(failure.line)"))", "  details: |"]
    lines += report.failureLines.map { "    " + $0 }
    return (lines + ["  ..."]).joined(separator: "\n")
  }

  /// A text as a YAML scalar in double quotes.
  private static func quoted(_ text: String) -> String {
    "\""
      + text.map { character in
        switch character {
        case "\"": "\\\""
        case "\\": "\\\\"
        case "\n": "\\n"
        default: String(character)
        }
      }.joined() + "\""
  }
}
