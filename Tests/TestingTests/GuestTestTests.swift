import Emulator
import EmulatorTesting
import TestImages
import Testing

/// Tests that pass and fail, and how they are reported.
@Suite struct GuestTestTests {
  private func test(_ statements: String, name: String = "t") throws -> GuestTest {
    let text = "image k\ntest \(name)\n\(statements)"
    return try #require(try Manifest(text, name: "m").tests.first)
  }

  private func printer(_ text: String, then code: [UInt8] = TestCode.powerOff) -> () throws
    -> Machine
  {
    { try Guests.printing(text, then: code) }
  }

  @Test func whatIsTypedComesBack() throws {
    let result = try test("type \"ab\"\nexpect \"ab\"\ntype \"q\"\nend exit 0x10").run {
      try Guests.bare(TestCode.echo)
    }
    #expect(result.failure == nil, "\(result.failure?.description ?? "")")
    #expect(result.runCount == 1 && result.instructionCount > 100)
  }

  @Test(arguments: [
    (
      "expect \"b\"\nexpect \"a\"", 4,
      "expected the console to show \"a\", but the machine powered off"
    ),
    ("forbid \"b\"\nend power-off", 3, "the console shows \"b\", which is forbidden"),
    ("forbid /^b$/\nend power-off", 3, "the console shows /^b$/, which is forbidden"),
    ("expect \"a\"\nend halted", 4, "expected that the machine halted for ever, but"),
    ("end exit 3", 3, "expected that the guest wrote 3 to the debug-exit port"),
    ("limit 4\nexpect \"b\"", 4, "but the limit was reached (4 instructions"),
    ("end power-off\ndigest 12", 4, "expected the digest 0000000000000012, but"),
  ]) func failures(statements: String, line: Int, sentence: String) throws {
    let result = try test(statements).run(printer("a\nb"))
    let failure = try #require(result.failure)
    #expect(failure.line == line)
    #expect(failure.sentence.contains(sentence), "\(failure.sentence)")
  }

  @Test func forbiddenTextCountsBetweenExpectationsToo() throws {
    let result = try test("forbid \"bc\"\nexpect \"ab\"\nexpect \"cd\"").run(printer("abcd"))
    #expect(result.failure?.line == 3)
  }

  @Test func theSameEveryTime() throws {
    let good = try test("repeat 20\nend power-off").run(printer("a"))
    #expect(good.failure == nil && good.runCount == 20)
    var count = 0
    let bad = try test("repeat 20\nend power-off").run {
      count += 1
      return try Guests.printing(count == 7 ? "b" : "a", then: TestCode.powerOff)
    }
    #expect(bad.runCount == 7)
    #expect(
      bad.failure?.sentence.hasPrefix("run 7 is not the same as the first: other digests of")
        ?? false)
  }

  @Test func reportsSayWhatFailed() throws {
    let failed = try test("expect \"<never>\"", name: "bad").run(
      printer("a & b\n", then: TestCode.undefined))
    let passed = try test("expect \"a\"").run(printer("a"))
    func report(_ name: String, _ result: GuestTest.Result) throws -> TestReport {
      TestReport(
        manifest: "m", test: try test("end halted", name: name), result: result, seconds: 1.0625,
        command: "emu test m --filter '^\(name)$'")
    }
    let reports = [try report("good", passed), try report("bad", failed)]
    #expect(reports.map(\.hasPassed) == [true, false])
    #expect(reports[0].text.hasPrefix("ok      good  "))
    for part in ["FAILED  bad", "  m:3: expected", "  | a & b", "#UD", "  again: emu test m"] {
      #expect(reports[1].text.contains(part))
    }
    #expect(TAP.header(count: 2) == "TAP version 14\n1..2")
    #expect(TAP.lines(reports[0], number: 1) == "ok 1 - m: good")
    let tap = TAP.lines(reports[1], number: 2)
    #expect(
      tap.hasPrefix(
        "not ok 2 - m: bad\n  ---\n  message: \"expected the console to show \\\"<never>\\\""))
    #expect(tap.hasSuffix("\n  ..."))
    let xml = JUnit.text(reports)
    #expect(xml.contains(#"<testsuites tests="2" failures="1" errors="0" time="2.125">"#))
    #expect(xml.contains(#"<testcase classname="m" name="good" file="m" line="2" time="1.062"/>"#))
    #expect(xml.contains("&quot;&lt;never&gt;&quot;") && xml.contains("a &amp; b"))
    #expect(!xml.contains("<never>"))
  }
}
