/// Results as the XML that JUnit made common: a suite for each manifest.
public enum JUnit {
  /// The file's text.
  public static func text(_ reports: [TestReport]) -> String {
    var lines = [#"<?xml version="1.0" encoding="UTF-8"?>"#]
    lines.append("<testsuites \(totals(reports))>")
    for manifest in reports.map(\.manifest).uniqued {
      let own = reports.filter { $0.manifest == manifest }
      lines.append("  <testsuite name=\(attribute(manifest)) \(totals(own))>")
      lines += own.flatMap(testCase)
      lines.append("  </testsuite>")
    }
    return (lines + ["</testsuites>", ""]).joined(separator: "\n")
  }

  private static func totals(_ reports: [TestReport]) -> String {
    let failures = reports.count { !$0.hasPassed }
    let seconds = reports.reduce(0) { $0 + $1.seconds }
    return #"tests="\#(reports.count)" failures="\#(failures)" errors="0" time="\#(time(seconds))""#
  }

  private static func testCase(_ report: TestReport) -> [String] {
    let head =
      "    <testcase classname=\(attribute(report.manifest)) name=\(attribute(report.test.name)) "
      + "file=\(attribute(report.manifest)) line=\"\(report.test.line)\" "
      + "time=\"\(time(report.seconds))\""
    guard let failure = report.result.failure else { return [head + "/>"] }
    return [
      head + ">",
      "      <failure message=\(attribute(failure.sentence))>"
        + escaped(report.failureLines.joined(separator: "\n")) + "</failure>",
      "    </testcase>",
    ]
  }

  private static func time(_ seconds: Double) -> String {
    let milliseconds = UInt64(max(0, seconds) * 1000)
    let digits = String(milliseconds % 1000)
    return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - digits.count))\(digits)"
  }

  private static func attribute(_ text: String) -> String { "\"\(escaped(text))\"" }

  /// The text with what XML reserves written as entities, and without what XML cannot hold.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case _ where scalar.value < 32 || scalar.value == 0xFFFE || scalar.value == 0xFFFF:
        result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension Array where Element: Hashable {
  /// The elements without those that were there before.
  fileprivate var uniqued: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
