/// A page in few bytes, for swap space in memory.
///
/// Runs of equal 64-bit words become one word and a length, everything else stays as it is. Most pages
/// of programs are largely zeroes.
///
/// Each part begins with a header of two bytes: the low 15 bits are a number of words, bit 15 says that
/// one word follows which is repeated, otherwise that many words follow.
package enum PageCompression {
  private static let words = Int(pageSize) / 8
  private static let shortestRun = 3

  /// The page at `page` in fewer bytes, or nil when it would not become smaller than `limit`.
  package static func compress(_ page: UnsafeRawPointer, limit: Int = 3072) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(256)
    var at = 0
    var literal = 0
    while at < words {
      let length = run(page, at)
      if length >= shortestRun {
        append(page, literal..<at, to: &bytes)
        append(header: UInt16(length) | 1 << 15, to: &bytes)
        append(word(page, at), to: &bytes)
        at += length
        literal = at
      } else {
        at += length
      }
      if bytes.count + (at - literal) * 8 > limit { return nil }
    }
    append(page, literal..<at, to: &bytes)
    return bytes.count <= limit ? bytes : nil
  }

  /// Rebuilds the page; false when the bytes are not a whole page.
  package static func expand(
    _ bytes: UnsafeRawBufferPointer, into page: UnsafeMutableRawPointer
  ) -> Bool {
    var from = 0
    var at = 0
    while from + 2 <= bytes.count {
      let header = Int(bytes.word16(from))
      from += 2
      let count = header & 0x7fff
      let isRun = header >> 15 != 0
      guard count > 0, at + count <= words, from + (isRun ? 8 : count * 8) <= bytes.count else {
        return false
      }
      for index in 0..<count {
        let value = bytes.word64(isRun ? from : from + index * 8)
        page.storeBytes(of: value, toByteOffset: (at + index) * 8, as: UInt64.self)
      }
      from += isRun ? 8 : count * 8
      at += count
    }
    return at == words && from == bytes.count
  }

  private static func word(_ page: UnsafeRawPointer, _ index: Int) -> UInt64 {
    page.load(fromByteOffset: index * 8, as: UInt64.self)
  }

  private static func run(_ page: UnsafeRawPointer, _ start: Int) -> Int {
    let value = word(page, start)
    var end = start + 1
    while end < words, word(page, end) == value { end += 1 }
    return end - start
  }

  private static func append(header: UInt16, to bytes: inout [UInt8]) {
    bytes.append(UInt8(truncatingIfNeeded: header))
    bytes.append(UInt8(truncatingIfNeeded: header >> 8))
  }

  private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
    for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift * 8))) }
  }

  private static func append(
    _ page: UnsafeRawPointer, _ range: Range<Int>, to bytes: inout [UInt8]
  ) {
    guard !range.isEmpty else { return }
    append(header: UInt16(range.count), to: &bytes)
    for index in range { append(word(page, index), to: &bytes) }
  }
}
