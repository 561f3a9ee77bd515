/// Splits lines into words: by blanks, with 'single' and "double" quotes around what belongs together.
package enum Words {
  /// Splits a kernel command line; a quote left open ends with the line.
  package static func split(_ line: [UInt8]) -> [[UInt8]] {
    var reader = WordReader(line: line)
    var words: [[UInt8]] = []
    while case .word(let word) = reader.next() { words.append(word) }
    return words
  }

  /// Splits text at each `;` outside of quotes; blanks around the parts go.
  package static func parts(_ text: [UInt8]) -> [[UInt8]] {
    var parts: [[UInt8]] = [[]]
    var quote: UInt8 = 0
    for byte in text {
      if quote == 0, byte == 0x3b {
        parts.append([])
        continue
      }
      if quote == 0, byte == 0x22 || byte == 0x27 {
        quote = byte
      } else if byte == quote {
        quote = 0
      }
      parts[parts.count - 1].append(byte)
    }
    var result: [[UInt8]] = []
    for part in parts {
      var part = part
      while part.first == 0x20 { part.removeFirst() }
      while part.last == 0x20 { part.removeLast() }
      if !part.isEmpty { result.append(part) }
    }
    return result
  }
}

private struct WordReader {
  enum Token {
    case word([UInt8])
    case end
  }

  let line: [UInt8]
  var position = 0

  mutating func next() -> Token {
    while position < line.count, line[position] == 0x20 || line[position] == 0x09 { position += 1 }
    guard position < line.count else { return .end }
    var word: [UInt8] = []
    var quote: UInt8 = 0
    while position < line.count {
      let byte = line[position]
      if quote != 0 {
        if byte == quote { quote = 0 } else { word.append(byte) }
      } else if byte == 0x22 || byte == 0x27 {
        quote = byte
      } else if byte == 0x20 || byte == 0x09 {
        break
      } else {
        word.append(byte)
      }
      position += 1
    }
    return .word(word)
  }
}

extension [UInt8] {
  /// The bytes of a literal.
  package init(text: StaticString) {
    self = text.withUTF8Buffer { Array($0) }
  }

  /// A number in decimal.
  package init(decimal value: UInt64) {
    var line = TextLine()
    line.append(decimal: value)
    self = line.withBytes { Array($0) }
  }

  package func equals(_ text: StaticString) -> Bool {
    count == text.utf8CodeUnitCount && starts(with: text)
  }

  package func starts(with text: StaticString) -> Bool {
    text.withUTF8Buffer { prefix in
      guard count >= prefix.count else { return false }
      for index in 0..<prefix.count where self[index] != prefix[index] { return false }
      return true
    }
  }

  package func hasPrefix(_ prefix: [UInt8]) -> Bool {
    guard count >= prefix.count else { return false }
    for index in 0..<prefix.count where self[index] != prefix[index] { return false }
    return true
  }

  /// The decimal number these bytes spell.
  package var decimal: UInt64? {
    guard !isEmpty else { return nil }
    var value: UInt64 = 0
    for byte in self {
      guard byte >= 0x30, byte <= 0x39 else { return nil }
      let (product, over) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(byte &- 0x30))
      if over || carry { return nil }
      value = sum
    }
    return value
  }
}
