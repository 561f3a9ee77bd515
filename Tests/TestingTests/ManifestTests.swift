import Emulator
import EmulatorTesting
import Testing

/// What a manifest means, and what is said of a wrong one.
@Suite struct ManifestTests {
  private func read(_ text: String) throws -> [GuestTest] {
    try Manifest(text, name: "m").tests
  }

  @Test func statementsBeforeTheFirstTestHoldForAll() throws {
    let tests = try read(
      """
      image a.elf   # the same for all
      memory 64M
      module one
      forbid "panic"
      limit 5_000
      end power-off

      test first
        module "two three"
        memory 32M
        rng
        expect "$ "
        type "ls\\n\\x41\\e\\""
        expect /^a\\/b +[0-9]$/
      test second
        image /b.elf
        repeat 7
        time 250
        console debug
        end exit 0x10
        digest 00ff
      """)
    #expect(tests.map(\.name) == ["first", "second"])
    let first = tests[0]
    #expect(
      first.options.map { "\($0.name)=\($0.argument ?? "") \($0.line)" } == [
        "image=a.elf 1", "module=one 3", "module=two three 9", "memory=32M 10", "rng= 11",
      ])
    #expect(
      first.steps.map(\.content) == [
        .expect(.text("$ ")), .type("ls\nA\u{1B}\""), .expect(.line("^a/b +[0-9]$")),
      ])
    #expect(first.steps.map(\.line) == [12, 13, 14])
    #expect(first.forbidden.map(\.content) == [.text("panic")])
    #expect(first.limit.instructions == 5000 && first.end?.content == .poweredOff)
    let second = tests[1]
    #expect(second.options.first { $0.name == "image" }?.argument == "/b.elf")
    #expect(second.repetitions == 7 && second.console == .debug)
    #expect(second.limit == RunLimit(instructions: 5000, nanoseconds: 250_000_000))
    #expect(second.end?.content == .debugExit(16) && second.digest?.content == 0xFF)
    #expect(second.steps.isEmpty)
  }

  @Test(arguments: [
    ("", "m:1: no test begins here"), ("image k\n\n# none", "m:3: no test begins here"),
    ("test", "m:1: test takes a name"), ("test a b", "m:1: test takes a name"),
    ("test a/b", "m:1: a test's name has letters"),
    ("image k\ntest a\nend power-off\ntest a\n", "m:4: the test a is there already, in line 2"),
    ("image k\ntest a\n", "m:2: the test a expects nothing"),
    ("test a\nend halted", "m:1: the test a has no machine: image FILE was expected"),
    ("image k\ntest a\nexpekt \"x\"", "m:3: \"expekt\" is no statement; there are test"),
    ("expect \"x\"", "m:1: expect belongs to a test"),
    ("image k\ntest a\nexpect \"x", "m:3: the quotation has no end"),
    ("image k\ntest a\nexpect \"\\q\"", "m:3: behind a \\ one of"),
    ("image k\ntest a\nexpect /x", "m:3: the expression has no end"),
    ("image k\ntest a\nexpect /(/", "m:3: the expression (: Unmatched ("),
    ("image k\ntest a\nexpect \"\"", "m:3: expect takes one \"text\" or /expression/"),
    ("image k\ntest a\nexpect a b", "m:3: expect takes one"),
    ("image k l", "m:1: image takes one argument"), ("rng on", "m:1: rng takes nothing"),
    ("limit 0", "m:1: limit takes a number of instructions"),
    ("limit 12x", "not \"12x\""), ("repeat -1", "m:1: repeat takes how often"),
    ("end dancing", "m:1: an end is one of power-off, exit N"),
    ("end exit 0x1ffffffff", "m:1: an end is one of"), ("console lpt1", "m:1: a console is one of"),
    ("digest 12", "in a test"), ("golden f", "golden belongs to a test"),
    ("test a\nimage k\nexpect \"x\"\ngolden f", "end was expected"),
    ("\"image\" k", "m:1: a statement begins with a word"),
  ]) func wrongOnes(text: String, expected: String) throws {
    let error = #expect(throws: ManifestError.self) { try read(text) }
    #expect(error?.description.contains(expected) ?? false, "\(error?.description ?? "")")
  }

  /// Nothing that stands in a file may stop the reader.
  @Test func anyBytesAreReadOrRefused() {
    var state: UInt64 = 88172645463325252
    let alphabet = Array("\"/\\# \tntxe09aA\nexpect type end test image k\n".unicodeScalars)
    for _ in 0..<3000 {
      var text = ""
      for _ in 0..<40 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        text.unicodeScalars.append(alphabet[Int(state % UInt64(alphabet.count))])
      }
      _ = try? Manifest(text, name: "m")
    }
  }
}
