import Emulator
import Testing

@Suite struct EscapeFilterTests {
  @Test func passesKeysAndFindsCommands() {
    var filter = EscapeFilter()
    #expect(filter.filter([97, 98]) == ([97, 98], nil))
    #expect(filter.filter([97, 1, 104, 98]) == ([97, 98], .help))
    #expect(filter.filter([1]) == ([], nil))
    #expect(filter.filter([1, 98]) == ([1, 98], nil))
    #expect(filter.filter([97, 1, 120, 98]) == ([97], .quit))
    #expect(filter.filter([1, 99]) == ([], .monitor))
    #expect(filter.filter([1, 122]) == ([], .unknown(122)))
  }
}

private func == (
  left: (forGuest: [UInt8], command: EscapeFilter.Command?),
  right: ([UInt8], EscapeFilter.Command?)
) -> Bool {
  left.forGuest == right.0 && left.command == right.1
}

@Suite struct InputScriptTests {
  @Test func eachPromptGetsALine() throws {
    let script = InputScript(Array("one\n\ntwo".utf8), prompt: try OutputPattern("[$#] "))
    var typed: [String] = []
    for byte in "$ one\nsaid # one\n## \n# \n".utf8 where script.isPrompt(next: byte) {
      typed.append(String(decoding: script.nextLine(), as: UTF8.self))
    }
    #expect(typed == ["one\n", "\n", "two\n"])
    #expect(script.nextLine().isEmpty)
  }

  @Test func aLineOfOutputAsksOnce() throws {
    let script = InputScript(Array("a\nb\n".utf8), prompt: try OutputPattern("login"))
    #expect("login: a login".utf8.count { script.isPrompt(next: $0) } == 1)
    #expect("\nlogin".utf8.count { script.isPrompt(next: $0) } == 1)
  }
}

@Suite struct OutputPatternTests {
  /// Whether the pattern matches somewhere in the text, given byte by byte.
  private func matches(_ expression: String, _ text: String) throws -> Bool {
    let pattern = try OutputPattern(expression)
    return text.utf8.contains { pattern.matches(next: $0) }
  }

  @Test func looksAtLines() throws {
    #expect(try matches("\\$ $", "a\r\nsh$ \r\n"))
    #expect(try matches("sh\\$ ", "boot\r\nsh$ "))
    #expect(try matches("^ready", "not ready\nready"))
    #expect(try !matches("^ready", "not ready\n"))
    #expect(try !matches("a.*b", "a\nb"))
    #expect(try matches("x{3}|y+z", "xxyyz"))
    #expect(try matches("end$", "the end\n"))
    #expect(try matches("^$|^end", "the end\nend"))
    #expect(try matches("b", String(repeating: "a", count: 10_000) + "b"))
  }

  @Test func badExpressionsAreExplained() {
    #expect(throws: HostError.self) { try OutputPattern("(") }
    #expect(throws: HostError.self) { try OutputPattern("[a") }
  }
}
