/// Hexadecimal digits, in which packets hold numbers and bytes.
enum HexDigits {
  private static let digits = Array("0123456789abcdef".utf8)

  /// The value of a digit.
  static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// Two digits a byte.
  static func encode(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 0xF)])
    }
    return text
  }

  /// The bytes that pairs of digits stand for; nil where something else is among them.
  static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 2)
    var high: UInt8?
    for digit in text {
      guard let value = value(digit) else { return nil }
      if let upper = high {
        bytes.append(upper << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return bytes
  }
}

extension FixedWidthInteger {
  /// The number in hexadecimal, as packets hold it.
  var packetText: String { String(self, radix: 16) }
}

/// Reads a packet from its front.
struct PacketReader {
  /// What has not been read.
  private(set) var rest: ArraySlice<UInt8>

  init(_ packet: some Collection<UInt8>) { rest = Array(packet)[...] }

  /// Whether everything has been read.
  var isAtEnd: Bool { rest.isEmpty }

  /// The rest as text.
  var text: String { String(decoding: rest, as: UTF8.self) }

  /// Reads one character if it comes next.
  mutating func take(_ character: Character) -> Bool { take(String(character)) }

  /// Reads the text if it comes next.
  mutating func take(_ prefix: String) -> Bool {
    guard rest.starts(with: prefix.utf8) else { return false }
    rest = rest.dropFirst(prefix.utf8.count)
    return true
  }

  /// Reads any one character.
  mutating func character() -> UInt8? { rest.popFirst() }

  /// Reads as many bytes.
  mutating func bytes(_ count: Int) -> [UInt8]? {
    guard count >= 0, count <= rest.count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  /// Reads a hexadecimal number of at most 64 bits.
  mutating func number() -> UInt64? {
    var value: UInt64 = 0
    var count = 0
    while let first = rest.first, let digit = HexDigits.value(first) {
      guard value >> 60 == 0 else { return nil }
      value = value << 4 | UInt64(digit)
      count += 1
      rest = rest.dropFirst()
    }
    return count > 0 ? value : nil
  }

  /// Reads a number that must be small enough for a count or an index.
  mutating func count() -> Int? {
    guard let value = number(), value <= UInt64(Int32.max) else { return nil }
    return Int(value)
  }

  /// Reads up to the character, which is read too, or to the end.
  mutating func field(until end: Character) -> ArraySlice<UInt8> {
    let byte = end.asciiValue ?? 0
    let field = rest.prefix { $0 != byte }
    rest = rest.dropFirst(field.count + 1)
    return field
  }
}
