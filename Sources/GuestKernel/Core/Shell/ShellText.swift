/// The bytes that mean something to the shell, by name.
enum Ascii {
  static let tab: UInt8 = 0x09
  static let newline: UInt8 = 0x0a
  static let space: UInt8 = 0x20
  static let exclamation: UInt8 = 0x21
  static let doubleQuote: UInt8 = 0x22
  static let hash: UInt8 = 0x23
  static let dollar: UInt8 = 0x24
  static let percent: UInt8 = 0x25
  static let ampersand: UInt8 = 0x26
  static let quote: UInt8 = 0x27
  static let open: UInt8 = 0x28
  static let close: UInt8 = 0x29
  static let star: UInt8 = 0x2a
  static let plus: UInt8 = 0x2b
  static let comma: UInt8 = 0x2c
  static let minus: UInt8 = 0x2d
  static let dot: UInt8 = 0x2e
  static let slash: UInt8 = 0x2f
  static let colon: UInt8 = 0x3a
  static let semicolon: UInt8 = 0x3b
  static let less: UInt8 = 0x3c
  static let equals: UInt8 = 0x3d
  static let greater: UInt8 = 0x3e
  static let question: UInt8 = 0x3f
  static let at: UInt8 = 0x40
  static let openBracket: UInt8 = 0x5b
  static let backslash: UInt8 = 0x5c
  static let closeBracket: UInt8 = 0x5d
  static let caret: UInt8 = 0x5e
  static let underscore: UInt8 = 0x5f
  static let backquote: UInt8 = 0x60
  static let openBrace: UInt8 = 0x7b
  static let bar: UInt8 = 0x7c
  static let closeBrace: UInt8 = 0x7d
  static let tilde: UInt8 = 0x7e
}

extension UInt8 {
  package var isDigit: Bool { self >= 0x30 && self <= 0x39 }
  package var isLetter: Bool { (self | 0x20) >= 0x61 && (self | 0x20) <= 0x7a }
  package var isBlank: Bool { self == Ascii.space || self == Ascii.tab || self == Ascii.newline }

  /// An unquoted word ends before it.
  var endsWord: Bool {
    switch self {
    case Ascii.space, Ascii.tab, Ascii.newline, Ascii.semicolon, Ascii.ampersand, Ascii.bar,
      Ascii.open, Ascii.close, Ascii.less, Ascii.greater:
      true
    default: false
    }
  }

  /// A backslash before it has a meaning inside double quotes.
  var isEscapableInQuotes: Bool {
    self == Ascii.dollar || self == Ascii.backquote || self == Ascii.doubleQuote
      || self == Ascii.backslash
  }
}

/// Names of variables and functions.
package enum ShellName {
  /// How many bytes of a name stand there; digits and `?$!#@*` are names of a kind after a `$`.
  static func length(in text: [UInt8], at start: Int, allowsSpecial: Bool) -> Int {
    guard start < text.count else { return 0 }
    let first = text[start]
    if first.isDigit { return allowsSpecial ? 1 : 0 }
    guard first.isLetter || first == Ascii.underscore else {
      return allowsSpecial && isSpecial(first) ? 1 : 0
    }
    var end = start + 1
    while end < text.count,
      text[end].isLetter || text[end].isDigit || text[end] == Ascii.underscore
    {
      end += 1
    }
    return end - start
  }

  package static func isValid(_ text: [UInt8]) -> Bool {
    !text.isEmpty && length(in: text, at: 0, allowsSpecial: false) == text.count
  }

  private static func isSpecial(_ byte: UInt8) -> Bool {
    switch byte {
    case Ascii.question, Ascii.dollar, Ascii.exclamation, Ascii.hash, Ascii.at, Ascii.star,
      Ascii.minus:
      true
    default: false
    }
  }
}
