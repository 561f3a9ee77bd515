/// `$((...))`: whole numbers with C's operators and precedence, variables by name.
///
/// Overflow wraps, as it does in C's unsigned arithmetic; division by zero is a syntax error.
/// POSIX.1, "Arithmetic Expansion".
package struct Arithmetic {
  private let text: [UInt8]
  private var position = 0
  private let context: ShellContext
  /// Inside of an operand that does not count, as the right one of `0 && x = 1`.
  private var isSkipping = false

  package static func value(
    of text: [UInt8], _ context: ShellContext
  ) throws(ShellSyntaxError) -> Int {
    var parser = Arithmetic(text: try expanded(text, context), context: context)
    parser.skipBlanks()
    if parser.position == parser.text.count { return 0 }
    let value = try parser.list()
    parser.skipBlanks()
    guard parser.position == parser.text.count else {
      throw .unexpected(Array(parser.text[parser.position...]))
    }
    return value
  }

  private init(text: [UInt8], context: ShellContext) {
    self.text = text
    self.context = context
  }

  /// With `$name` and `$(...)` replaced first.
  private static func expanded(
    _ text: [UInt8], _ context: ShellContext
  ) throws(ShellSyntaxError) -> [UInt8] {
    guard text.contains(Ascii.dollar) || text.contains(Ascii.backquote) else { return text }
    return try ShellExpansion.text(try ShellParser.word(text), context)
  }

  private mutating func skipBlanks() {
    while position < text.count, text[position].isBlank { position += 1 }
  }

  private mutating func take(_ symbol: StaticString) -> Bool {
    skipBlanks()
    guard Array(text[position...]).starts(with: symbol) else { return false }
    position += symbol.utf8CodeUnitCount
    return true
  }

  // MARK: Operators

  private struct Operator {
    let symbol: StaticString
    let precedence: Int
    let apply: (Int, Int) -> Int?
  }

  /// Longer symbols come before those they begin with.
  private static var operators: [Operator] {
    [
      Operator(symbol: "||", precedence: 1) { $0 != 0 || $1 != 0 ? 1 : 0 },
      Operator(symbol: "&&", precedence: 2) { $0 != 0 && $1 != 0 ? 1 : 0 },
      Operator(symbol: "==", precedence: 6) { $0 == $1 ? 1 : 0 },
      Operator(symbol: "!=", precedence: 6) { $0 != $1 ? 1 : 0 },
      Operator(symbol: "<<", precedence: 8) { $0 << $1 },
      Operator(symbol: ">>", precedence: 8) { $0 >> $1 },
      Operator(symbol: "<=", precedence: 7) { $0 <= $1 ? 1 : 0 },
      Operator(symbol: ">=", precedence: 7) { $0 >= $1 ? 1 : 0 },
      Operator(symbol: "<", precedence: 7) { $0 < $1 ? 1 : 0 },
      Operator(symbol: ">", precedence: 7) { $0 > $1 ? 1 : 0 },
      Operator(symbol: "|", precedence: 3) { $0 | $1 },
      Operator(symbol: "^", precedence: 4) { $0 ^ $1 },
      Operator(symbol: "&", precedence: 5) { $0 & $1 },
      Operator(symbol: "+", precedence: 9) { $0 &+ $1 },
      Operator(symbol: "-", precedence: 9) { $0 &- $1 },
      Operator(symbol: "*", precedence: 10) { $0 &* $1 },
      Operator(symbol: "/", precedence: 10) {
        $1 == 0 ? nil : $0.dividedReportingOverflow(by: $1).partialValue
      },
      Operator(symbol: "%", precedence: 10) {
        $1 == 0 ? nil : $0.remainderReportingOverflow(dividingBy: $1).partialValue
      },
    ]
  }

  private mutating func nextOperator() -> Operator? {
    skipBlanks()
    let rest = Array(text[position...])
    for candidate in Self.operators where rest.starts(with: candidate.symbol) { return candidate }
    return nil
  }

  /// Expressions with commas between them: the last one counts.
  private mutating func list() throws(ShellSyntaxError) -> Int {
    var value = try assignment()
    while take(",") { value = try assignment() }
    return value
  }

  /// `name = value`, `name += value` and the like, or a condition.
  private mutating func assignment() throws(ShellSyntaxError) -> Int {
    skipBlanks()
    let start = position
    let length = ShellName.length(in: text, at: position, allowsSpecial: false)
    guard length > 0 else { return try condition() }
    let name = Array(text[start..<start + length])
    position += length
    var change: Operator?
    if let found = nextOperator(), found.precedence > 2,
      found.precedence < 6 || found.precedence > 7
    {
      let end = position + found.symbol.utf8CodeUnitCount
      if end < text.count, text[end] == Ascii.equals {
        change = found
        position = end
      }
    }
    skipBlanks()
    guard position < text.count, text[position] == Ascii.equals,
      position + 1 == text.count || text[position + 1] != Ascii.equals
    else {
      position = start
      return try condition()
    }
    position += 1
    var value = try assignment()
    if let change { value = try apply(change, Arithmetic.number(name, context), value) }
    store(value, in: name)
    return value
  }

  /// `a ? b : c`, of which only one is evaluated.
  private mutating func condition() throws(ShellSyntaxError) -> Int {
    let value = try binary(0)
    guard take("?") else { return value }
    let wasSkipping = isSkipping
    defer { isSkipping = wasSkipping }
    isSkipping = wasSkipping || value == 0
    let first = try assignment()
    guard take(":") else { throw .missing(.word) }
    isSkipping = wasSkipping || value != 0
    let second = try assignment()
    return value != 0 ? first : second
  }

  /// Operators of at least this precedence, each taking what binds tighter on its right.
  private mutating func binary(_ least: Int) throws(ShellSyntaxError) -> Int {
    var left = try unary()
    while let found = nextOperator(), found.precedence > least {
      position += found.symbol.utf8CodeUnitCount
      let wasSkipping = isSkipping
      // What is left of || and && may decide alone.
      if found.precedence == 1, left != 0 { isSkipping = true }
      if found.precedence == 2, left == 0 { isSkipping = true }
      let right = try binary(found.precedence)
      isSkipping = wasSkipping
      left = try apply(found, left, right)
    }
    return left
  }

  private func apply(
    _ operation: Operator, _ left: Int, _ right: Int
  ) throws(ShellSyntaxError) -> Int {
    if let value = operation.apply(left, right) { return value }
    if isSkipping { return 0 }
    throw .unexpected([UInt8](text: "a division by zero"))
  }

  private mutating func unary() throws(ShellSyntaxError) -> Int {
    skipBlanks()
    guard position < text.count else { throw .missing(.word) }
    if take("++") { return try change(by: 1) }
    if take("--") { return try change(by: -1) }
    if take("-") { return try 0 &- unary() }
    if take("+") { return try unary() }
    if take("!") { return try unary() == 0 ? 1 : 0 }
    if take("~") { return try ~unary() }
    if take("(") {
      let value = try list()
      guard take(")") else { throw .incomplete }
      return value
    }
    return try text[position].isDigit ? number() : variable()
  }
}

// MARK: Numbers and variables

extension Arithmetic {
  private mutating func number() throws(ShellSyntaxError) -> Int {
    let start = position
    while position < text.count, text[position].isDigit || text[position].isLetter {
      position += 1
    }
    let digits = Array(text[start..<position])
    guard let value = digits.constant else { throw .unexpected(digits) }
    return value
  }

  private mutating func name() throws(ShellSyntaxError) -> [UInt8] {
    skipBlanks()
    let length = ShellName.length(in: text, at: position, allowsSpecial: false)
    guard length > 0 else {
      throw position < text.count ? .unexpected([text[position]]) : .missing(.name)
    }
    position += length
    return Array(text[position - length..<position])
  }

  /// A name's value as a number, which `++` or `--` behind it changes afterwards.
  private mutating func variable() throws(ShellSyntaxError) -> Int {
    let name = try name()
    let value = try Arithmetic.number(name, context)
    if take("++") { store(value &+ 1, in: name) } else if take("--") { store(value &- 1, in: name) }
    return value
  }

  private mutating func change(by step: Int) throws(ShellSyntaxError) -> Int {
    let name = try name()
    let value = try Arithmetic.number(name, context) &+ step
    store(value, in: name)
    return value
  }

  private func store(_ value: Int, in name: [UInt8]) {
    if isSkipping { return }
    var line = TextLine()
    line.appendSigned(value)
    context.assign(line.withBytes { Array($0) }, to: name)
  }

  /// 0 when it has no value; what is no number is an error, as a misspelt script should notice.
  private static func number(
    _ name: [UInt8], _ context: ShellContext
  ) throws(ShellSyntaxError) -> Int {
    guard let text = context.value(of: name) else {
      if context.refusesUnset { throw .unset(name, []) }
      return 0
    }
    let digits = text[...].trimmed
    if digits.isEmpty { return 0 }
    let sign = digits[0] == Ascii.minus || digits[0] == Ascii.plus ? 1 : 0
    guard let value = Array(digits.dropFirst(sign)).constant else { throw .unexpected(text) }
    return digits[0] == Ascii.minus ? 0 &- value : value
  }
}

extension [UInt8] {
  /// A decimal number with a sign before it, perhaps.
  package var signedDecimal: Int? {
    let isNegative = first == Ascii.minus
    guard let value = Array(dropFirst(isNegative ? 1 : 0)).decimal, value <= UInt64(Int.max) else {
      return nil
    }
    return isNegative ? -Int(value) : Int(value)
  }

  /// A number as C writes it: decimal, octal after a 0, hexadecimal after 0x; it may wrap.
  package var constant: Int? {
    guard let first else { return nil }
    var base = 10
    var digits = self[...]
    if first == 0x30, count > 1 {
      let isHexadecimal = self[1] | 0x20 == 0x78
      base = isHexadecimal ? 16 : 8
      digits = dropFirst(isHexadecimal ? 2 : 1)
    }
    guard !digits.isEmpty else { return nil }
    var value = 0
    for byte in digits {
      let digit = byte.isDigit ? Int(byte) - 0x30 : byte.isLetter ? Int(byte | 0x20) - 0x57 : 99
      guard digit < base else { return nil }
      value = value &* base &+ digit
    }
    return value
  }
}
