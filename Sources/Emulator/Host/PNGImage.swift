/// A picture as a PNG file.
///
/// PNG specification (ISO/IEC 15948); the pixels are stored without compression.
public enum PNGImage {
  private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
  private static let largestBlock = 0xFFFF

  /// The bytes of the file.
  public static func encode(_ picture: Picture) -> [UInt8] {
    // Eight bits of red, green and blue; deflate, the only filter method, no interlacing.
    let header = bigEndian(picture.width) + bigEndian(picture.height) + [8, 2, 0, 0, 0]
    return signature + chunk("IHDR", header) + chunk("IDAT", compressed(rows(picture)))
      + chunk("IEND", [])
  }

  /// Each row behind the number of its filter: 0, none.
  private static func rows(_ picture: Picture) -> [UInt8] {
    let pitch = picture.width * 3
    var bytes: [UInt8] = []
    bytes.reserveCapacity((pitch + 1) * picture.height)
    for row in 0..<picture.height {
      bytes.append(0)
      bytes += picture.bytes[row * pitch..<(row + 1) * pitch]
    }
    return bytes
  }

  /// A zlib stream of stored blocks.
  private static func compressed(_ content: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = [0x78, 0x01]
    bytes.reserveCapacity(content.count + content.count / largestBlock * 5 + 16)
    var first = 0
    repeat {
      let count = min(content.count - first, largestBlock)
      let isLast = first + count == content.count
      let length = UInt16(truncatingIfNeeded: count)
      bytes.append(isLast ? 1 : 0)
      for number in [length, ~length] {
        bytes += [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)]
      }
      bytes += content[first..<first + count]
      first += count
    } while first < content.count
    return bytes + bigEndian(adler(content))
  }

  private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    let named = Array(name.utf8) + content
    return bigEndian(content.count) + named + bigEndian(crc(named))
  }

  private static func bigEndian(_ number: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt32(truncatingIfNeeded: number).bigEndian) { Array($0) }
  }

  private static func adler(_ bytes: [UInt8]) -> Int {
    var low = 1
    var high = 0
    for byte in bytes {
      low = (low + Int(byte)) % 65521
      high = (high + low) % 65521
    }
    return high << 16 | low
  }

  /// CRC-32 with the polynomial EDB8_8320h.
  private static func crc(_ bytes: [UInt8]) -> Int {
    let table = (0..<256).map { tableEntry(UInt32($0)) }
    var crc = UInt32.max
    for byte in bytes { crc = table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ crc >> 8 }
    return Int(~crc)
  }

  private static func tableEntry(_ index: UInt32) -> UInt32 {
    var value = index
    for _ in 0..<8 { value = value & 1 != 0 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    return value
  }
}
