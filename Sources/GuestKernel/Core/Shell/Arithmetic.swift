/// `$((...))`: whole numbers with C's operators and precedence, variables by name.
///
/// Overflow wraps, as it does in C's unsigned arithmetic; division by zero is a syntax error.
package struct Arithmetic {
  private let text: [UInt8]
  private var position = 0
  private let context: ShellContext

  package static func value(
    of text: [UInt8], _ context: ShellContext
  ) throws(ShellSyntaxError) -> Int {
    var parser = Arithmetic(text: try expanded(text, context), context: context)
    let value = try parser.binary(0)
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
    guard text.contains(Ascii.dollar) else { return text }
    return try ShellExpansion.text(try ShellParser.word(text), context)
  }

  private mutating func skipBlanks() {
    while position < text.count, text[position].isBlank { position += 1 }
  }

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

  /// Operators of at least this precedence, each taking what binds tighter on its right.
  private mutating func binary(_ least: Int) throws(ShellSyntaxError) -> Int {
    var left = try unary()
    while let found = nextOperator(), found.precedence > least {
      position += found.symbol.utf8CodeUnitCount
      let right = try binary(found.precedence)
      guard let value = found.apply(left, right) else {
        throw .unexpected([UInt8](text: "a division by zero"))
      }
      left = value
    }
    return left
  }

  private mutating func nextOperator() -> Operator? {
    skipBlanks()
    let rest = Array(text[position...])
    for candidate in Self.operators where rest.starts(with: candidate.symbol) { return candidate }
    return nil
  }

  private mutating func unary() throws(ShellSyntaxError) -> Int {
    skipBlanks()
    guard position < text.count else { throw .missing(.word) }
    let byte = text[position]
    switch byte {
    case Ascii.minus:
      position += 1
      return try 0 &- unary()
    case Ascii.plus:
      position += 1
      return try unary()
    case Ascii.exclamation:
      position += 1
      return try unary() == 0 ? 1 : 0
    case Ascii.tilde:
      position += 1
      return try ~unary()
    case Ascii.open:
      position += 1
      let value = try binary(0)
      skipBlanks()
      guard position < text.count, text[position] == Ascii.close else { throw .incomplete }
      position += 1
      return value
    default:
      return try byte.isDigit ? number() : variable()
    }
  }

  private mutating func number() throws(ShellSyntaxError) -> Int {
    let start = position
    while position < text.count, text[position].isDigit { position += 1 }
    guard let value = Array(text[start..<position]).decimal else {
      throw .unexpected(Array(text[start..<position]))
    }
    return Int(truncatingIfNeeded: value)
  }

  /// A name's value as a number; 0 when it has none.
  private mutating func variable() throws(ShellSyntaxError) -> Int {
    let length = ShellName.length(in: text, at: position, allowsSpecial: false)
    guard length > 0 else { throw .unexpected([text[position]]) }
    let name = Array(text[position..<position + length])
    position += length
    return context.value(of: name)?.signedDecimal ?? 0
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
}
