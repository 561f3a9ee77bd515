/// Texts as words of a line: between double quotes, with what could be misread escaped.
enum Quoting {
  /// The text in quotes; what is no printable ASCII becomes `\xNN`.
  static func quote(_ text: String) -> String { quote(Array(text.utf8)) }

  static func quote(_ bytes: some Sequence<UInt8>) -> String {
    var result = "\""
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "\""): result += "\\\""
      case UInt8(ascii: "\\"): result += "\\\\"
      case 0x0A: result += "\\n"
      case 0x0D: result += "\\r"
      case 0x20..<0x7F: result.unicodeScalars.append(Unicode.Scalar(byte))
      default: result += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
    }
    return result + "\""
  }

  /// The words of a line, quoted ones without their quotes; nil if a quote does not end.
  static func split(_ line: String) -> [String]? {
    splitBytes(line)?.map { String(decoding: $0, as: UTF8.self) }
  }

  static func splitBytes(_ line: String) -> [[UInt8]]? {
    var words: [[UInt8]] = []
    var bytes = Array(line.utf8)[...]
    while let first = bytes.first {
      if first == UInt8(ascii: " ") {
        bytes = bytes.dropFirst()
      } else if first == UInt8(ascii: "\"") {
        guard let word = quoted(&bytes) else { return nil }
        words.append(word)
      } else {
        let word = bytes.prefix { $0 != UInt8(ascii: " ") }
        words.append(Array(word))
        bytes = bytes.dropFirst(word.count)
      }
    }
    return words
  }

  private static func quoted(_ bytes: inout ArraySlice<UInt8>) -> [UInt8]? {
    var word: [UInt8] = []
    bytes = bytes.dropFirst()
    while let byte = bytes.popFirst() {
      if byte == UInt8(ascii: "\"") { return word }
      guard byte == UInt8(ascii: "\\") else {
        word.append(byte)
        continue
      }
      guard let escaped = bytes.popFirst() else { return nil }
      switch escaped {
      case UInt8(ascii: "n"): word.append(0x0A)
      case UInt8(ascii: "r"): word.append(0x0D)
      case UInt8(ascii: "x"):
        let digits = String(decoding: bytes.prefix(2), as: UTF8.self)
        guard let value = UInt8(digits, radix: 16), digits.utf8.count == 2 else { return nil }
        word.append(value)
        bytes = bytes.dropFirst(2)
      default: word.append(escaped)
      }
    }
    return nil
  }
}
