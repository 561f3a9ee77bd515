/// The memory of a display adapter: bytes that the frame buffer shows one after another, and that
/// VGA sees as four planes, byte `4 n + p` being byte `n` of plane `p`.
package final class VideoMemory {
  /// The pages that hold anything, by number.
  struct Content: Codable, Equatable, Sendable {
    package var pages: [Int] = []
    package var words: [UInt64] = []
  }

  let size: Int
  let bytes: UnsafeMutablePointer<UInt8>

  private static let pageWords = 512

  /// Makes memory of zeroes; the size is a multiple of 4 KiB.
  init(size: Int) {
    self.size = size
    bytes = .allocate(capacity: size)
    clear()
  }

  deinit { bytes.deallocate() }

  func clear() { bytes.update(repeating: 0, count: size) }

  /// What the memory holds, without its empty pages.
  var content: Content {
    get {
      var content = Content()
      let words = UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt64.self)
      for page in 0..<size / (Self.pageWords * 8) {
        let piece = UnsafeBufferPointer(start: words + page * Self.pageWords, count: Self.pageWords)
        guard piece.contains(where: { $0 != 0 }) else { continue }
        content.pages.append(page)
        content.words += piece
      }
      return content
    }
    set {
      clear()
      let words = UnsafeMutableRawPointer(bytes).assumingMemoryBound(to: UInt64.self)
      for (index, page) in newValue.pages.enumerated() {
        let first = index * Self.pageWords
        guard page >= 0, (page + 1) * Self.pageWords * 8 <= size,
          first + Self.pageWords <= newValue.words.count
        else { continue }
        for word in 0..<Self.pageWords {
          words[page * Self.pageWords + word] = newValue.words[first + word]
        }
      }
    }
  }

  /// Reads a byte; zero behind the end.
  @inline(__always) package subscript(index: Int) -> UInt8 {
    get { index >= 0 && index < size ? bytes[index] : 0 }
    set { if index >= 0 && index < size { bytes[index] = newValue } }
  }

  /// The same byte of all four planes, plane 0 lowest.
  @inline(__always) func planes(at offset: Int) -> UInt32 {
    var value: UInt32 = 0
    for plane in (0..<4).reversed() { value = value << 8 | UInt32(self[offset &* 4 &+ plane]) }
    return value
  }
}
