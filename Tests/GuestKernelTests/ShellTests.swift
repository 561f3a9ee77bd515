import GuestKernel
import Testing

/// The shell's logic: from text to a tree, and from words to fields.
@Suite struct ShellTests {
  // MARK: Parsing

  private func outline(_ text: String) -> String {
    do {
      return Outline.of(try ShellParser.parse(Array(text.utf8)))
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: [
    ("echo a b", "(echo a b)"),
    ("a; b", "(a);(b)"),
    ("a & b", "(a)&(b)"),
    ("a && b || c", "(a)&&(b)||(c)"),
    ("a | b | ! c", "unexpected"),
    ("! a | b", "!(a)|(b)"),
    ("a 'b c' \"d e\" f\\ g", "(a 'b c' 'd e' f' 'g)"),
    ("a > x 2>> y < z 2>&1", "(a 1>x 2>>y 0<z 2&1)"),
    ("x=1 y='2 3' a", "(x=1 y='2 3' a)"),
    ("if a; then b; elif c; then d; else e; fi", "if[(a)?(b) (c)?(d) :(e)]"),
    ("while a; do b; done", "while[(a) (b)]"),
    ("until a\ndo b\ndone", "until[(a) (b)]"),
    ("for i in 1 2; do a; done", "for[i in 1 2 (a)]"),
    ("for i do a; done", "for[i (a)]"),
    ("case $x in a|b) c;; *) d; esac", "case[$x a|b:(c) *:(d)]"),
    ("{ a; b; } > f", "{(a);(b)}1>f"),
    ("(a; b) | c", "sub{(a);(b)}|(c)"),
    ("f() { a; }", "f(){(a)}"),
    ("f() ( a ) > x", "f()sub{(a)}1>x"),
    ("a <> x 3<&- >&2", "(a 0<>x 3&- 1&2)"),
    ("a `b \\`c\\``", "(a $(b `c`))"),
    ("a \"$(b \")\")\" ${x:-\"}\"}", "(a ''$(b \")\") ${x:-\"}\"})"),
    ("a # comment\nb", "(a);(b)"),
    ("a $(b; c) `d`", "(a $(b; c) $(d))"),
    ("a ${x:-y z} $((1+2))", "(a ${x:-y z} $((1+2)))"),
    ("a \\\n b", "(a b)"),
    ("echo if then", "(echo if then)"),
  ])
  func parses(text: String, expected: String) {
    let result = outline(text)
    if expected == "unexpected" {
      #expect(result.contains("unexpected") || result.hasPrefix("(a)|(b)"))
    } else {
      #expect(result == expected)
    }
  }

  @Test(arguments: [
    "a |", "a &&", "if a; then", "'a", "\"a", "$(a", "${a", "{ a;", "f() {", "for i in a",
  ])
  func incomplete(text: String) {
    #expect(throws: ShellSyntaxError.incomplete) { try ShellParser.parse(Array(text.utf8)) }
  }

  @Test func nestingHasAnEnd() throws {
    func nested(_ depth: Int) -> [UInt8] {
      Array(
        (String(repeating: "( ", count: depth) + "a" + String(repeating: " )", count: depth)).utf8)
    }
    _ = try ShellParser.parse(nested(90))
    #expect(throws: ShellSyntaxError.tooDeep) { try ShellParser.parse(nested(100_000)) }
  }

  @Test(arguments: [
    "; a", "a ;; b", "fi", ")", "a )", "& a", "if ; then a; fi", "> ; a", "a || ; b",
  ])
  func errors(text: String) {
    #expect(throws: ShellSyntaxError.self) { try ShellParser.parse(Array(text.utf8)) }
    #expect(outline(text) != "incomplete")
  }

  @Test func hereDocument() throws {
    let list = try ShellParser.parse(Array("cat <<END | wc\none\ntwo\nEND\necho x".utf8))
    #expect(list.sequences.count == 2)
    guard case .simple(let command) = list.sequences[0].pipelines[0].pipeline.commands[0] else {
      Issue.record("not a simple command")
      return
    }
    #expect(document(command) == "'one\ntwo\n'")
  }

  private func document(_ command: ShellSimpleCommand) -> String {
    guard case .document(let word) = command.redirections.first?.kind else { return "none" }
    return Outline.of(word)
  }

  @Test(arguments: [
    ("cat <<END\na $x `b` \\$y \"q\"\nEND", "'a '$x' '$(b)' $y \"q\"\n'"),
    ("cat <<'END'\na $x \\$y\nEND", "'a $x \\$y\n'"),
    ("cat <<-END\n\tindented\n\t\tEND\n", "'indented\n'"),
  ])
  func documentsExpandUnlessTheirEndIsQuoted(text: String, expected: String) throws {
    let list = try ShellParser.parse(Array(text.utf8))
    guard case .simple(let command) = list.sequences[0].pipelines[0].pipeline.commands[0] else {
      Issue.record("not a simple command")
      return
    }
    #expect(document(command) == expected)
  }

  @Test(arguments: [
    ("ll x", "(ls -l x)"), ("a | ll", "(a)|(ls -l)"), ("echo ll", "(echo ll)"),
    ("'ll' x", "('ll' x)"), ("ls x; ls y", "(ls -F x);(ls -F y)"), ("loop", "(loop)"),
    ("back; ll", "(back);(ls -l)"),
  ])
  func aliases(text: String, expected: String) throws {
    let aliases = [("ll", "ls -l"), ("ls", "ls -F"), ("loop", "back"), ("back", "loop")].map {
      ShellAlias(name: Array($0.0.utf8), text: Array($0.1.utf8))
    }
    let outline = Outline.of(try ShellParser.parse(Array(text.utf8), aliases: aliases))
    // An alias of an alias: ll becomes ls -l, and that ls -F -l.
    #expect(outline == expected.replacing("ls -l", with: "ls -F -l"))
  }

  @Test func textOfASequence() throws {
    let list = try ShellParser.parse(Array("sleep 1 | wc & b".utf8))
    #expect(list.sequences[0].text == Array("sleep 1 | wc".utf8))
  }

  // MARK: Expansion

  private func fields(_ text: String, _ context: TestContext = TestContext()) -> [String] {
    guard let list = try? ShellParser.parse(Array(text.utf8)),
      case .simple(let command) = list.sequences[0].pipelines[0].pipeline.commands[0],
      let fields = try? ShellExpansion.fields(command.words, context)
    else { return ["error"] }
    return fields.map { String(decoding: $0, as: UTF8.self) }
  }

  @Test(arguments: [
    ("a $x b", ["a", "one", "two", "b"]),
    ("\"$x\"", ["one two"]),
    ("'$x'", ["$x"]),
    ("$nothing", []),
    ("\"$nothing\" ''", ["", ""]),
    ("pre$x.post", ["preone", "two.post"]),
    ("${nothing:-a b}", ["a", "b"]),
    ("\"${nothing:-a b}\"", ["a b"]),
    ("${x:+yes}${nothing:+no}", ["yes"]),
    ("${#x}", ["7"]),
    ("${path##*/} ${path%/*} ${path#*/} ${path%%/*}", ["c.txt", "a/b", "b/c.txt", "a"]),
    ("\"$@\" $#", ["first", "the second", "2"]),
    ("$* $1 $3", ["first", "the", "second", "first"]),
    ("$(anything) \"$(anything)\"", ["out", "put", "out  put"]),
    ("$((1 + 2 * 3)) $((n * -2)) $(((1+2)*3))", ["7", "-10", "9"]),
    ("$((7/2)) $((7%4)) $((1<<4)) $((3>2 && 2>3)) $((!0))", ["3", "3", "16", "0", "1"]),
    ("*.txt", ["a.txt", "b.txt"]),
    ("'*'.txt \\*.txt", ["*.txt", "*.txt"]),
    ("*.c", ["*.c"]),
    ("/bin/l*", ["/bin/ln", "/bin/ls"]),
    ("/*/ls", ["/bin/ls"]),
    ("~ ~/x '~'", ["/root", "/root/x", "~"]),
    ("$$x", ["42x"]),
    ("${10}${#@}", ["2"]),
    ("${nothing?} x", ["error"]),
    ("${nothing-} ${x?}", ["one", "two"]),
    ("a\"$@\"b", ["afirst", "the secondb"]),
    ("$((x2 = 3, x2 += 4)) $x2", ["7", "7"]),
    ("$((0x1f)) $((010)) $((n++)) $n $((--n))", ["31", "8", "5", "6", "5"]),
    ("$((n > 3 ? 1 : 2)) $((0 && (n = 9))) $n", ["1", "0", "5"]),
    ("$((1 || 1 / 0))", ["1"]),
    ("~guest/x ~nobody", ["/home/guest/x", "~nobody"]),
    ("$", ["$"]),
  ])
  func expands(text: String, expected: [String]) {
    #expect(fields(text) == expected)
  }

  @Test(arguments: [
    ("a:b:c", ["a", "b", "c"]), ("a::c", ["a", "", "c"]), (":a", ["", "a"]), ("a:", ["a"]),
    ("a : b", ["a", "b"]), ("  a  b  ", ["a", "b"]), ("", []),
  ])
  func separators(value: String, expected: [String]) {
    let context = TestContext()
    context.assign(Array(": ".utf8), to: Array("IFS".utf8))
    context.assign(Array(value.utf8), to: Array("v".utf8))
    #expect(fields("$v", context) == expected)
  }

  @Test func noArgumentsAreNoField() {
    let context = TestContext()
    context.arguments = []
    #expect(fields("a \"$@\" b", context) == ["a", "b"])
    #expect(fields("\"$*\"", context) == [""])
  }

  @Test func optionsOfExpansion() {
    let context = TestContext()
    context.refusesUnset = true
    #expect(fields("$nothing", context) == ["error"])
    #expect(fields("${nothing-a} $@", context) == ["a", "first", "the", "second"])
    context.ignoresPatterns = true
    #expect(fields("*.txt", context) == ["*.txt"])
  }

  @Test(arguments: [
    (["%s-%d|", "a", "1", "b", "2"], "a-1|b-2|"),
    (["%5d|%-5d|%05d", "42", "42", "-42"], "   42|42   |-0042"),
    (["%x %X %o %#x", "255", "255", "8", "255"], "ff FF 10 0xff"), (["%c%c", "xyz"], "x"),
    (["%.2s|%*d", "abc", "4", "7"], "ab|   7"), (["a\\tb\\n"], "a\tb\n"), (["\\101%%"], "A%"),
    (["%b|", "a\\nb\\c", "x"], "a\nb"), (["%d", "'A"], "65"), (["%s"], ""),
    (["plain", "x"], "plain"),
    (["%i %u", "0x10", "010"], "16 8"),
  ])
  func printf(words: [String], expected: String) {
    let bytes = words.map { Array($0.utf8) }
    let (output, bad) = PrintFormat.text(bytes[0], Array(bytes.dropFirst()))
    #expect(String(decoding: output, as: UTF8.self) == expected)
    #expect(bad == nil)
  }

  @Test func printfSaysWhatIsNoNumber() {
    let (output, bad) = PrintFormat.text(Array("%d".utf8), [Array("12x".utf8)])
    #expect(output == Array("12".utf8))
    #expect(bad == Array("12x".utf8))
  }

  @Test func assignmentByDefault() {
    let context = TestContext()
    #expect(fields("${new:=value} $new", context) == ["value", "value"])
  }

  @Test(arguments: [
    ("*", "", true), ("*", "abc", true), ("a*c", "abbc", true), ("a*c", "ab", false),
    ("?", "a", true), ("?", "", false), ("[a-c]x", "bx", true), ("[!a-c]x", "bx", false),
    ("[]]", "]", true), ("[", "[", true), ("*a*b*", "xaxbx", true), ("a\\*", "a*", true),
    ("a\\*", "ab", false), ("**", "x", true), ("*.tar.gz", "x.tar.tar.gz", true),
  ])
  func patterns(pattern: String, name: String, matches: Bool) {
    #expect(Glob.matches(Array(pattern.utf8), Array(name.utf8)) == matches)
  }

  @Test(arguments: [
    "1 +", "1 2", "(1", "1/0", "1 % 0", "@", "09", "0xg", "1 ? 2", "x = ", "path + 1",
  ])
  func badArithmetic(text: String) {
    #expect(throws: ShellSyntaxError.self) {
      try Arithmetic.value(of: Array(text.utf8), TestContext())
    }
  }
}

private final class TestContext: ShellContext {
  private var variables = [
    "x": "one two", "path": "a/b/c.txt", "n": "5", "HOME": "/root", "$": "42",
  ]

  override init() {
    super.init()
    arguments = [Array("first".utf8), Array("the second".utf8)]
    name = Array("sh".utf8)
  }
  override func value(of name: [UInt8]) -> [UInt8]? {
    variables[String(decoding: name, as: UTF8.self)].map { Array($0.utf8) }
  }
  override func assign(_ value: [UInt8], to name: [UInt8]) {
    variables[String(decoding: name, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
  }
  override func home(of user: [UInt8]) -> [UInt8]? {
    user == Array("guest".utf8) ? Array("/home/guest".utf8) : nil
  }
  override func output(of script: [UInt8]) -> [UInt8] { Array("out  put\n\n".utf8) }
  override func names(in directory: [UInt8]) -> [[UInt8]] {
    let names: [String] =
      switch String(decoding: directory, as: UTF8.self) {
      case "": ["b.txt", "a.txt", ".hidden.txt", "c.d"]
      case "/": ["bin"]
      case "/bin/": ["ls", "ln", "cat"]
      default: []
      }
    return names.map { Array($0.utf8) }
  }
}

/// A tree as short text.
private enum Outline {
  static func of(_ list: ShellList) -> String {
    var text = ""
    for (index, sequence) in list.sequences.enumerated() {
      if index > 0 { text += list.sequences[index - 1].isInBackground ? "&" : ";" }
      for (connector, pipeline) in sequence.pipelines {
        if connector == .and { text += "&&" }
        if connector == .or { text += "||" }
        if pipeline.isNegated { text += "!" }
        text += pipeline.commands.map { of($0) }.joined(separator: "|")
      }
    }
    return text
  }

  static func of(_ command: ShellCommand) -> String {
    switch command {
    case .simple(let simple):
      let all =
        simple.assignments.map { "\(string($0.name))=\(of($0.value))" }
        + simple.words.map { of($0) } + simple.redirections.map { of($0) }
      return "(\(all.joined(separator: " ")))"
    case .group(let list, let redirections):
      return "{\(of(list))}" + redirections.map { of($0) }.joined()
    case .subshell(let list, let redirections):
      return "sub{\(of(list))}" + redirections.map { of($0) }.joined()
    case .conditional(let branches, let otherwise, _):
      let all = branches.map { "\(of($0.condition))?\(of($0.body))" }
      return "if[\((all + (otherwise.map { [":" + of($0)] } ?? [])).joined(separator: " "))]"
    case .loop(let condition, let body, let isUntil, _):
      return "\(isUntil ? "until" : "while")[\(of(condition)) \(of(body))]"
    case .iteration(let name, let words, let body, _):
      let list = words.map { " in " + $0.map { of($0) }.joined(separator: " ") } ?? ""
      return "for[\(string(name))\(list) \(of(body))]"
    case .selection(let subject, let cases, _):
      let all = cases.map {
        "\($0.patterns.map { of($0) }.joined(separator: "|")):\(of($0.body))"
      }
      return "case[\(of(subject)) \(all.joined(separator: " "))]"
    case .function(let name, let body):
      return "\(string(name))()\(of(body))"
    }
  }

  static func of(_ word: ShellWord) -> String {
    word.parts.map { part in
      switch part {
      case .literal(let bytes, let isQuoted): isQuoted ? "'\(string(bytes))'" : string(bytes)
      case .parameter(let parameter, _):
        parameter.operation == .value
          ? "$\(string(parameter.name))"
          : "${\(string(parameter.name)):-\(string(parameter.word))}"
      case .command(let script, _): "$(\(string(script)))"
      case .arithmetic(let text): "$((\(string(text))))"
      }
    }.joined()
  }

  static func of(_ redirection: ShellRedirection) -> String {
    let sign =
      switch redirection.kind {
      case .input: "<"
      case .output: ">"
      case .append: ">>"
      case .readWrite: "<>"
      case .duplicate: "&"
      case .document: "<<"
      }
    return "\(redirection.descriptor)\(sign)\(of(redirection.target))"
  }

  static func string(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
