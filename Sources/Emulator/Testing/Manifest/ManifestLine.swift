/// The words of a line of a manifest.
struct ManifestLine {
  /// A word, and how it was written.
  enum Word: Equatable {
    case bare(String)
    case quoted(String)
    case expression(String)
  }

  /// The words, without comments.
  let words: [Word]

  /// Takes a line apart, or says what is wrong with it.
  init(_ text: Substring) throws(Problem) {
    var rest = text
    var words: [Word] = []
    while true {
      rest = rest.drop { $0 == " " || $0 == "\t" }
      guard let first = rest.first, first != "#" else { break }
      switch first {
      case "\"": words.append(.quoted(try Self.takeQuoted(&rest)))
      // Only behind these a slash begins an expression; elsewhere it begins a path.
      case "/" where words == [.bare("expect")] || words == [.bare("forbid")]:
        words.append(.expression(try Self.takeExpression(&rest)))
      default:
        let word = rest.prefix { $0 != " " && $0 != "\t" }
        words.append(.bare(String(word)))
        rest = rest.dropFirst(word.count)
      }
    }
    self.words = words
  }

  /// What is wrong with a line.
  struct Problem: Error { let sentence: String }

  private static func takeQuoted(_ rest: inout Substring) throws(Problem) -> String {
    rest.removeFirst()
    var text = ""
    while let character = rest.popFirst() {
      switch character {
      case "\"": return text
      case "\\": text.unicodeScalars.append(try takeEscape(&rest))
      default: text.append(character)
      }
    }
    throw Problem(sentence: "the quotation has no end: a \" was expected")
  }

  private static func takeEscape(_ rest: inout Substring) throws(Problem) -> Unicode.Scalar {
    switch rest.popFirst() {
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "e": return "\u{1B}"
    case "\\": return "\\"
    case "\"": return "\""
    case "x":
      let digits = rest.prefix(2)
      guard digits.count == 2, let value = UInt8(digits, radix: 16), value < 0x80 else {
        throw Problem(sentence: "\\x takes two hexadecimal digits, at most 7F")
      }
      rest = rest.dropFirst(2)
      return Unicode.Scalar(value)
    default:
      throw Problem(sentence: "behind a \\ one of n r t e x \\ \" was expected")
    }
  }

  private static func takeExpression(_ rest: inout Substring) throws(Problem) -> String {
    rest.removeFirst()
    var text = ""
    while let character = rest.popFirst() {
      if character == "/" { return text }
      if character == "\\", rest.first == "/" {
        text.append(rest.removeFirst())
      } else {
        text.append(character)
      }
    }
    throw Problem(sentence: "the expression has no end: a / was expected")
  }
}
