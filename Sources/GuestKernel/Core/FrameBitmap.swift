/// Which physical frames are free: one bit for each, 1 for free.
///
/// Lock: none; the owner calls it with interrupts off.
package struct FrameBitmap {
  private let words: UnsafeMutablePointer<UInt64>
  package let frameCount: Int
  package private(set) var freeCount = 0
  /// Every word below this one is zero.
  private var firstCandidate = 0

  /// The bytes of storage that `frameCount` frames need.
  package static func storageSize(frameCount: Int) -> Int { (frameCount + 63) / 64 * 8 }

  /// Makes a map in which every frame is in use.
  package init(storage: UnsafeMutableRawPointer, frameCount: Int) {
    let count = FrameBitmap.storageSize(frameCount: frameCount) / 8
    words = storage.bindMemory(to: UInt64.self, capacity: count)
    words.initialize(repeating: 0, count: count)
    self.frameCount = frameCount
  }

  package func isFree(_ frame: Int) -> Bool {
    guard frame >= 0, frame < frameCount else { return false }
    return words[frame / 64] >> UInt64(frame % 64) & 1 != 0
  }

  /// Marks the frames of `range` as free, whole words at a time.
  package mutating func release(_ range: Range<Int>) {
    for frame in apply(range, { $0 | $1 }) { _ = release(frame) }
  }

  /// Marks the frames of `range` as in use.
  package mutating func reserve(_ range: Range<Int>) {
    for frame in apply(range, { $0 & ~$1 }) {
      guard isFree(frame) else { continue }
      words[frame / 64] &= ~(1 << UInt64(frame % 64))
      freeCount -= 1
    }
  }

  /// Gives one frame back; false when it was free already or does not exist.
  package mutating func release(_ frame: Int) -> Bool {
    guard frame >= 0, frame < frameCount, !isFree(frame) else { return false }
    words[frame / 64] |= 1 << UInt64(frame % 64)
    freeCount += 1
    firstCandidate = min(firstCandidate, frame / 64)
    return true
  }

  /// Takes the lowest free frame.
  package mutating func allocate() -> Int? {
    let count = (frameCount + 63) / 64
    while firstCandidate < count {
      let word = words[firstCandidate]
      if word != 0 {
        words[firstCandidate] = word & (word &- 1)
        freeCount -= 1
        return firstCandidate * 64 + word.trailingZeroBitCount
      }
      firstCandidate += 1
    }
    return nil
  }

  /// Applies `change` to the whole words inside `range` and returns the frames left over.
  private mutating func apply(
    _ range: Range<Int>, _ change: (UInt64, UInt64) -> UInt64
  ) -> [Int] {
    let range = range.clamped(to: 0..<frameCount)
    let firstWord = (range.lowerBound + 63) / 64
    let endWord = range.upperBound / 64
    guard firstWord < endWord else { return Array(range) }
    for word in firstWord..<endWord {
      freeCount -= words[word].nonzeroBitCount
      words[word] = change(words[word], .max)
      freeCount += words[word].nonzeroBitCount
    }
    firstCandidate = min(firstCandidate, firstWord)
    return Array(range.lowerBound..<firstWord * 64) + Array(endWord * 64..<range.upperBound)
  }
}
