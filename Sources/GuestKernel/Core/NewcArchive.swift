/// A cpio archive in the "newc" format, which initial RAM disks have: header, name, content, padded to
/// four bytes each; numbers are eight hexadecimal digits.
package struct NewcArchive {
  package struct Member {
    package let name: [UInt8]
    package let mode: FileMode
    package let content: UnsafeRawBufferPointer
  }

  private let bytes: UnsafeRawBufferPointer
  /// Where the next member begins.
  package private(set) var offset = 0
  /// True when the last member is not followed by what should come there.
  package private(set) var isDamaged = false
  private static let headerSize = 110

  /// Nil when it is no such archive.
  package init?(_ bytes: UnsafeRawBufferPointer) {
    guard NewcArchive.hasMagic(bytes, at: 0) else { return nil }
    self.bytes = bytes
  }

  /// "070701", or "070702" with checksums.
  private static func hasMagic(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
    guard bytes.count >= offset + headerSize else { return false }
    let magic: [UInt8] = [0x30, 0x37, 0x30, 0x37, 0x30]
    for index in 0..<5 where bytes[offset + index] != magic[index] { return false }
    return bytes[offset + 5] == 0x31 || bytes[offset + 5] == 0x32
  }

  /// The next member; nil at the trailer, and where the archive is damaged.
  package mutating func next() -> Member? {
    guard let header else {
      isDamaged = true
      return nil
    }
    let (mode, size, nameSize) = header
    let nameAt = offset + NewcArchive.headerSize
    let contentAt = (nameAt + nameSize + 3) & ~3
    guard contentAt + size <= bytes.count else {
      isDamaged = true
      return nil
    }
    let name = Array(bytes[nameAt..<nameAt + nameSize - 1])
    if name.equals("TRAILER!!!") { return nil }
    offset = (contentAt + size + 3) & ~3
    return Member(
      name: name, mode: FileMode(rawValue: UInt16(truncatingIfNeeded: mode)),
      content: UnsafeRawBufferPointer(rebasing: bytes[contentAt..<contentAt + size]))
  }

  /// Nil when no header is there; a name that is longer than any path is none.
  private var header: (mode: Int, size: Int, nameSize: Int)? {
    guard NewcArchive.hasMagic(bytes, at: offset), let mode = field(1), let size = field(6),
      let nameSize = field(11), nameSize > 0, nameSize <= PathSteps.longestPath + 1
    else { return nil }
    return (mode, size, nameSize)
  }

  private func field(_ index: Int) -> Int? {
    var value = 0
    for position in 0..<8 {
      let digit = bytes[offset + 6 + index * 8 + position]
      switch digit {
      case 0x30...0x39: value = value << 4 | Int(digit &- 0x30)
      case 0x41...0x46: value = value << 4 | Int(digit &- 0x37)
      case 0x61...0x66: value = value << 4 | Int(digit &- 0x57)
      default: return nil
      }
    }
    return value
  }
}
