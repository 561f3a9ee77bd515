/// Little-endian numbers in a file; what does not lie inside it reads as nil.
struct ByteReader {
  let bytes: [UInt8]

  /// The number at an offset.
  func number<Number: FixedWidthInteger>(_ offset: Int, as type: Number.Type) -> Number? {
    let size = MemoryLayout<Number>.size
    guard offset >= 0, offset <= bytes.count - size else { return nil }
    return bytes.withUnsafeBytes {
      Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
  }

  /// The 32-bit number at an offset.
  func word(_ offset: Int) -> UInt32? { number(offset, as: UInt32.self) }

  /// The 64-bit number at an offset.
  func quadword(_ offset: Int) -> UInt64? { number(offset, as: UInt64.self) }
}
