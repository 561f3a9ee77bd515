import Emulator

/// Reads the statements of a manifest.
struct ManifestReader {
  /// What the option of a machine takes.
  enum OptionKind: Equatable {
    case flag
    case value
    /// A value that adds to those before it.
    case values
  }

  /// The options of a machine, under the names that `emu boot` gives them.
  static let options: KeyValuePairs<String, OptionKind> = [
    "image": .value, "protocol": .value, "append": .value, "module": .values, "initrd": .values,
    "entry": .value, "memory": .value, "cpu": .value, "cpus": .value, "quantum": .value,
    "seed": .value, "disk": .values, "cdrom": .values, "bios": .value, "vga": .value,
    "vga-bios": .value, "rng": .flag, "hvc": .flag, "virtio": .value, "no-serial-screen": .flag,
  ]
  static let statements = [
    "test", "console", "expect", "type", "forbid", "end", "limit", "time", "repeat", "digest",
    "golden",
  ]
  static let ends = ["power-off", "exit N", "reset", "triple-fault", "halted", "running"]

  private let name: String
  private var common = GuestTest(name: "", line: 0)
  private var test: GuestTest?
  private var tests: [GuestTest] = []
  private var number = 0

  init(name: String) { self.name = name }

  /// Reads a line.
  mutating func read(_ text: Substring, number: Int) throws(ManifestError) {
    self.number = number
    let words: [ManifestLine.Word]
    do {
      words = try ManifestLine(text).words
    } catch {
      throw self.error(error.sentence)
    }
    guard let first = words.first else { return }
    guard case .bare(let keyword) = first else {
      throw error("a statement begins with a word: \(Self.keywords)")
    }
    let arguments = words.dropFirst()
    if keyword == "test" {
      try beginTest(arguments)
    } else if let kind = Self.options.first(where: { $0.key == keyword })?.value {
      try addOption(keyword, kind, arguments)
    } else {
      try addStatement(keyword, arguments)
    }
  }

  /// The tests, when there are no more lines.
  mutating func finish(lineCount: Int) throws(ManifestError) -> [GuestTest] {
    try endTest()
    guard !tests.isEmpty else {
      throw ManifestError(name, lineCount, "no test begins here: test NAME was expected")
    }
    return tests
  }

  private static var keywords: String {
    (statements + options.map(\.key)).joined(separator: ", ")
  }

  private func error(_ sentence: String) -> ManifestError {
    ManifestError(name, number, sentence)
  }

  // MARK: Tests

  private mutating func beginTest(
    _ arguments: ArraySlice<ManifestLine.Word>
  ) throws(ManifestError) {
    try endTest()
    let title = try word(arguments, "test takes a name")
    let isPlain = title.allSatisfy {
      $0.isASCII && ($0.isLetter || $0.isNumber || "-_.+".contains($0))
    }
    guard isPlain, !title.isEmpty else {
      throw error("a test's name has letters, digits, and - _ . +, unlike \"\(title)\"")
    }
    if let other = tests.first(where: { $0.name == title }) {
      throw error("the test \(title) is there already, in line \(other.line)")
    }
    test = common.named(title, line: number)
  }

  private mutating func endTest() throws(ManifestError) {
    guard let test else { return }
    let expects = test.steps.contains { if case .expect = $0.content { true } else { false } }
    guard expects || test.end != nil || test.digest != nil else {
      throw ManifestError(
        name, test.line, "the test \(test.name) expects nothing: give it expect, end or digest")
    }
    if let golden = test.golden, test.end == nil {
      throw ManifestError(
        name, golden.line, "a run that is compared with a trace has to end: end was expected")
    }
    guard test.options.contains(where: { ["image", "bios"].contains($0.name) }) else {
      throw ManifestError(
        name, test.line, "the test \(test.name) has no machine: image FILE was expected")
    }
    tests.append(test)
    self.test = nil
  }

  /// Changes the test that is being read, or what all tests begin with.
  private mutating func change(_ body: (inout GuestTest) -> Void) {
    guard var test else { return body(&common) }
    body(&test)
    self.test = test
  }

  private mutating func addOption(
    _ keyword: String, _ kind: OptionKind, _ arguments: ArraySlice<ManifestLine.Word>
  ) throws(ManifestError) {
    var argument: String?
    if kind == .flag {
      guard arguments.isEmpty else { throw error("\(keyword) takes nothing") }
    } else {
      argument = try word(arguments, "\(keyword) takes one argument, in quotes if it has spaces")
    }
    let option = GuestTest.Option(name: keyword, argument: argument, line: number)
    change { test in
      if kind != .values { test.options.removeAll { $0.name == keyword } }
      test.options.append(option)
    }
  }

  // MARK: Statements

  private mutating func addStatement(
    _ keyword: String, _ arguments: ArraySlice<ManifestLine.Word>
  ) throws(ManifestError) {
    let number = number
    switch keyword {
    case "expect":
      try addStep(.expect(try pattern(keyword, arguments)), keyword)
    case "type":
      try addStep(.type(try word(arguments, "type takes a text, as \"ls\\n\"")), keyword)
    case "forbid":
      let pattern = try pattern(keyword, arguments)
      change { $0.forbidden.append(GuestTest.Line(content: pattern, line: number)) }
    case "console":
      let names = GuestTest.Console.allCases.map(\.rawValue).joined(separator: ", ")
      guard let console = GuestTest.Console(rawValue: try word(arguments, "console takes a name"))
      else { throw error("a console is one of \(names)") }
      change { $0.console = console }
    case "end":
      let reason = try end(arguments)
      change { $0.end = GuestTest.Line(content: reason, line: number) }
    case "limit":
      let count = try count(keyword, arguments, "a number of instructions, as 50_000_000")
      change { $0.limit.instructions = count }
    case "time":
      let milliseconds = try count(keyword, arguments, "milliseconds of virtual time")
      let (time, isTooLong) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
      change { $0.limit.nanoseconds = isTooLong ? .max : time }
    case "repeat":
      let times = try count(keyword, arguments, "how often the test runs")
      change { $0.repetitions = Int(clamping: times) }
    case "digest":
      let text = try word(arguments, "digest takes 16 hexadecimal digits")
      guard let value = UInt64(text, radix: 16), test != nil else {
        throw error("digest takes 16 hexadecimal digits, in a test")
      }
      change { $0.digest = GuestTest.Line(content: value, line: number) }
    case "golden":
      let golden = try golden(arguments)
      change { $0.golden = GuestTest.Line(content: golden, line: number) }
    default:
      throw error("\"\(keyword)\" is no statement; there are \(Self.keywords)")
    }
  }

  private mutating func addStep(
    _ action: GuestTest.Action, _ keyword: String
  ) throws(ManifestError) {
    guard test != nil else { throw error("\(keyword) belongs to a test: test NAME was expected") }
    let step = GuestTest.Line(content: action, line: number)
    change { $0.steps.append(step) }
  }

  // MARK: Arguments

  private func word(
    _ arguments: ArraySlice<ManifestLine.Word>, _ expected: String
  ) throws(ManifestError) -> String {
    guard arguments.count == 1 else { throw error(expected) }
    switch arguments.first {
    case .bare(let text), .quoted(let text): return text
    default: throw error(expected)
    }
  }

  private func pattern(
    _ keyword: String, _ arguments: ArraySlice<ManifestLine.Word>
  ) throws(ManifestError) -> GuestTest.Pattern {
    let expected = "\(keyword) takes one \"text\" or /expression/"
    if arguments.count == 1, case .expression(let expression) = arguments.first {
      do {
        _ = try GuestTest.Pattern.line(expression).compiled()
      } catch {
        throw self.error(error.description)
      }
      return .line(expression)
    }
    let text = try word(arguments, expected)
    guard !text.isEmpty else { throw error(expected) }
    return .text(text)
  }

  private func count(
    _ keyword: String, _ arguments: ArraySlice<ManifestLine.Word>, _ expected: String
  ) throws(ManifestError) -> UInt64 {
    let text = try word(arguments, "\(keyword) takes \(expected)")
    guard let value = UInt64(text.filter { $0 != "_" }), value > 0 else {
      throw error("\(keyword) takes \(expected), not \"\(text)\"")
    }
    return value
  }

  private func golden(
    _ arguments: ArraySlice<ManifestLine.Word>
  ) throws(ManifestError) -> GuestTest.Golden {
    let isSemantic = arguments.count == 2 && arguments.last == .bare("semantic")
    let path = try word(
      isSemantic ? arguments.dropLast() : arguments,
      "golden takes the file of a trace, and semantic for a kernel that is built anew")
    guard test != nil else { throw error("golden belongs to a test: test NAME was expected") }
    return GuestTest.Golden(path: path, mode: isSemantic ? .semantic : .exact)
  }

  private func end(_ arguments: ArraySlice<ManifestLine.Word>) throws(ManifestError) -> StopReason {
    let texts = arguments.map { if case .bare(let text) = $0 { text } else { "" } }
    switch texts.first {
    case "power-off" where texts.count == 1: return .poweredOff
    case "reset" where texts.count == 1: return .reset
    case "triple-fault" where texts.count == 1: return .shutdown
    case "halted" where texts.count == 1: return .haltedForever
    case "running" where texts.count == 1: return .instructionLimit
    case "exit" where texts.count == 2:
      let digits = texts[1].hasPrefix("0x") ? texts[1].dropFirst(2) : texts[1][...]
      if let value = UInt32(digits, radix: texts[1].hasPrefix("0x") ? 16 : 10) {
        return .debugExit(value)
      }
    default: break
    }
    throw error("an end is one of \(Self.ends.joined(separator: ", "))")
  }
}
