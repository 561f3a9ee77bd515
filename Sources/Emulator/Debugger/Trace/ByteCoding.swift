/// Numbers as bytes: seven bits each, the lowest first, and a bit that says whether more follow.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func write(byte: UInt8) { bytes.append(byte) }

  mutating func write(_ number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// A number that may be negative: its sign goes into the lowest bit.
  mutating func write(signed number: Int64) {
    write(UInt64(bitPattern: number &<< 1 ^ number &>> 63))
  }

  mutating func write(_ content: [UInt8]) {
    write(UInt64(content.count))
    bytes += content
  }

  mutating func write(_ text: String) { write(Array(text.utf8)) }

  /// Eight bytes, the lowest first.
  mutating func write(quadword: UInt64) {
    withUnsafeBytes(of: quadword.littleEndian) { bytes += $0 }
  }
}

/// Reads what `ByteWriter` wrote; nil where it ends too early or makes no sense.
struct ByteReader {
  private let bytes: ArraySlice<UInt8>
  private(set) var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  init(_ bytes: [UInt8]) { self.init(bytes[...]) }

  var isAtEnd: Bool { position >= bytes.endIndex }

  mutating func byte() -> UInt8? {
    guard position < bytes.endIndex else { return nil }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func number() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 70, by: 7) {
      guard let byte = byte() else { return nil }
      if shift == 63 && byte > 1 { return nil }
      value |= UInt64(byte & 0x7F) &<< UInt64(shift)
      if byte & 0x80 == 0 { return value }
    }
    return nil
  }

  mutating func signed() -> Int64? {
    number().map { Int64(bitPattern: $0 &>> 1) ^ -Int64(bitPattern: $0 & 1) }
  }

  mutating func content() -> [UInt8]? {
    guard let count = number(), count <= UInt64(bytes.endIndex - position) else { return nil }
    defer { position += Int(count) }
    return Array(bytes[position..<position + Int(count)])
  }

  mutating func text() -> String? { content().map { String(decoding: $0, as: UTF8.self) } }

  mutating func quadword() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 8) {
      guard let byte = byte() else { return nil }
      value |= UInt64(byte) &<< UInt64(shift)
    }
    return value
  }
}
