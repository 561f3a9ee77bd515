import Emulator

/// Reads expressions: numbers, registers, symbols, `file:line`, `[address]`, `[address:size]`,
/// `phys[address:size]`, and C's operators.
struct ExpressionParser {
  private static let deepest = 64

  private let symbols: ProgramSymbols
  private let text: [Character]
  private var position = 0
  private var depth = 0

  private init(_ text: some StringProtocol, _ symbols: ProgramSymbols) {
    self.text = Array(text)
    self.symbols = symbols
  }

  /// The expression that all of `text` is.
  static func parse(
    _ text: some StringProtocol, _ symbols: ProgramSymbols
  ) throws(MonitorError) -> Expression {
    var parser = ExpressionParser(text, symbols)
    let expression = try parser.expression(above: 0)
    parser.skipSpace()
    guard parser.position == parser.text.count else {
      throw MonitorError("what is `\(String(parser.text[parser.position...]))`?")
    }
    return expression
  }

  /// The expression that `text` begins with, and what follows it.
  static func parsePrefix(
    _ text: some StringProtocol, _ symbols: ProgramSymbols
  ) throws(MonitorError) -> (Expression, rest: String) {
    var parser = ExpressionParser(text, symbols)
    let expression = try parser.expression(above: 0)
    parser.skipSpace()
    return (expression, String(parser.text[parser.position...]))
  }

  // MARK: Characters

  private var next: Character? { position < text.count ? text[position] : nil }

  private mutating func skipSpace() {
    while let character = next, character.isWhitespace { position += 1 }
  }

  private mutating func take(_ wanted: String) -> Bool {
    skipSpace()
    let characters = Array(wanted)
    guard text[position...].starts(with: characters) else { return false }
    position += characters.count
    return true
  }

  private mutating func expect(_ wanted: String) throws(MonitorError) {
    guard take(wanted) else {
      let found = next.map { "`\($0)`" } ?? "the end"
      throw MonitorError("`\(wanted)` is missing before \(found)")
    }
  }

  // MARK: Grammar

  private mutating func expression(above lowest: Int) throws(MonitorError) -> Expression {
    depth += 1
    defer { depth -= 1 }
    guard depth < Self.deepest else { throw MonitorError("the expression is nested too deeply") }
    var left = try operand()
    while let operation = peekOperator(), operation.precedence > lowest {
      position += operation.rawValue.count
      left = .binary(operation, left, try expression(above: operation.precedence))
    }
    return left
  }

  private mutating func peekOperator() -> Expression.BinaryOperator? {
    skipSpace()
    // Those of two characters come first.
    return Expression.BinaryOperator.allCases.sorted { $0.rawValue.count > $1.rawValue.count }
      .first { text[position...].starts(with: Array($0.rawValue)) }
  }

  private mutating func operand() throws(MonitorError) -> Expression {
    depth += 1
    defer { depth -= 1 }
    guard depth < Self.deepest else { throw MonitorError("the expression is nested too deeply") }
    if take("-") { return .unary(.minus, try operand()) }
    if take("~") { return .unary(.complement, try operand()) }
    if take("!") { return .unary(.not, try operand()) }
    if take("*") { return .load(try operand(), size: 8, isPhysical: false) }
    if take("&") { return try operand() }
    if take("(") {
      let inner = try expression(above: 0)
      try expect(")")
      return inner
    }
    if take("phys[") { return try load(isPhysical: true) }
    if take("[") { return try load(isPhysical: false) }
    if take("$") { return try register(word()) }
    if take("'") {
      let name = String(text[position...].prefix { $0 != "'" })
      position += name.count
      try expect("'")
      return try symbol(name)
    }
    return try name(word())
  }

  /// The inside of brackets.
  private mutating func load(isPhysical: Bool) throws(MonitorError) -> Expression {
    let address = try expression(above: 0)
    var size: UInt64 = 8
    if take(":") {
      let digits = word()
      guard let number = Self.number(digits), [1, 2, 4, 8].contains(number) else {
        throw MonitorError("memory is read in 1, 2, 4 or 8 bytes, not in `\(digits)`")
      }
      size = number
    }
    try expect("]")
    return .load(address, size: Int(size), isPhysical: isPhysical)
  }

  private mutating func word() -> String {
    skipSpace()
    let word = text[position...].prefix {
      $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." || $0 == "$" || $0 == "/" || $0 == "@"
    }
    // Only paths of source files have slashes, and those have a colon and a line behind them.
    var characters = Array(word)
    if let slash = characters.firstIndex(of: "/"), !isFileAndLine(behind: characters.count) {
      characters = Array(characters[..<slash])
    }
    position += characters.count
    return String(characters)
  }

  private func isFileAndLine(behind count: Int) -> Bool {
    let colon = position + count
    return colon + 1 < text.count && text[colon] == ":" && text[colon + 1].isNumber
  }

  private func register(_ word: String) throws(MonitorError) -> Expression {
    guard let register = RegisterName.named(word) else {
      throw MonitorError("there is no register `\(word)`")
    }
    return .register(register)
  }

  private mutating func name(_ word: String) throws(MonitorError) -> Expression {
    guard !word.isEmpty else {
      throw MonitorError(next.map { "what is `\($0)`?" } ?? "an expression is missing")
    }
    if let value = Self.number(word) { return .number(value) }
    if word.first?.isNumber == true, !isFileAndLine(behind: 0) {
      throw MonitorError("`\(word)` is no number")
    }
    // `[name:4]` is memory; names of source files have a dot, as those of methods.
    if word.contains("."), isFileAndLine(behind: 0), symbols.table.symbols(named: word).isEmpty {
      position += 1
      let digits = String(text[position...].prefix { $0.isNumber })
      position += digits.count
      return try line(word, Int(digits) ?? 0)
    }
    if let register = RegisterName.named(word), symbols.table.symbols(exactly: word).isEmpty {
      return .register(register)
    }
    return try symbol(word + labels())
  }

  /// The labels behind a function's name, as `(_:access:)`; nothing if there are none.
  private mutating func labels() -> String {
    guard next == "(", let end = text[position...].firstIndex(of: ")") else { return "" }
    let labels = text[position...end]
    let inside = labels.dropFirst().dropLast()
    guard inside.isEmpty || inside.last == ":",
      inside.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == ":" })
    else { return "" }
    position = end + 1
    return String(labels)
  }

  private func symbol(_ name: String) throws(MonitorError) -> Expression {
    do throws(SymbolTable.NameError) {
      let meaning = try symbols.table.meaning(of: name)
      let address = Result { () throws(SymbolTable.NameError) in try meaning.address() }
      return .symbol(
        meaning.addresses,
        address.map { NamedAddress($0, symbols) }.mapError { MonitorError($0.description) })
    } catch {
      throw MonitorError(error.description)
    }
  }

  private func line(_ file: String, _ line: Int) throws(MonitorError) -> Expression {
    guard let debugFile = symbols.debugFile, debugFile.hasLines else {
      throw MonitorError("the program has no line tables (see --symbols)")
    }
    guard let found = debugFile.code(file: file, line: line), let first = found.addresses.first
    else { throw MonitorError("there is no code for \(file):\(line)") }
    return .address(NamedAddress(first, symbols))
  }

  /// A number: decimal, `0x…`, `0b…`, or hexadecimal with an h behind it.
  static func number(_ text: String) -> UInt64? {
    let digits = text.lowercased().filter { $0 != "_" }
    if digits.hasPrefix("0x") { return UInt64(digits.dropFirst(2), radix: 16) }
    if digits.hasPrefix("0b"), !digits.hasSuffix("h") {
      return UInt64(digits.dropFirst(2), radix: 2)
    }
    if digits.hasSuffix("h"), digits.first?.isNumber == true {
      return UInt64(digits.dropLast(), radix: 16)
    }
    return UInt64(digits)
  }
}
