/// The block function of ChaCha20 (RFC 8439): 64 bytes that nobody can tell from chance without the
/// key.
package struct ChaCha20 {
  /// Four constants, eight words of key, a counter and three words of nonce.
  private var state: InlineArray<16, UInt32>

  package init(key: [UInt32], counter: UInt32, nonce: [UInt32]) {
    state = InlineArray(repeating: 0)
    state[0] = 0x6170_7865
    state[1] = 0x3320_646e
    state[2] = 0x7962_2d32
    state[3] = 0x6b20_6574
    for index in 0..<8 { state[4 + index] = key[index] }
    state[12] = counter
    for index in 0..<3 { state[13 + index] = nonce[index] }
  }

  /// The next block.
  package mutating func next() -> InlineArray<16, UInt32> {
    var work = state
    for _ in 0..<10 {
      ChaCha20.quarter(&work, 0, 4, 8, 12)
      ChaCha20.quarter(&work, 1, 5, 9, 13)
      ChaCha20.quarter(&work, 2, 6, 10, 14)
      ChaCha20.quarter(&work, 3, 7, 11, 15)
      ChaCha20.quarter(&work, 0, 5, 10, 15)
      ChaCha20.quarter(&work, 1, 6, 11, 12)
      ChaCha20.quarter(&work, 2, 7, 8, 13)
      ChaCha20.quarter(&work, 3, 4, 9, 14)
    }
    for index in 0..<16 { work[index] = work[index] &+ state[index] }
    state[12] = state[12] &+ 1
    return work
  }

  /// Replaces the key, so that earlier output cannot be found out from what is here now.
  package mutating func rekey(_ words: InlineArray<16, UInt32>) {
    for index in 0..<8 { state[4 + index] = words[index] }
  }

  /// Adds something unpredictable to the key.
  package mutating func mix(_ value: UInt64, at position: Int) {
    state[4 + position & 7] ^= UInt32(truncatingIfNeeded: value)
    state[4 + (position + 1) & 7] ^= UInt32(truncatingIfNeeded: value >> 32)
  }

  private static func quarter(
    _ s: inout InlineArray<16, UInt32>, _ a: Int, _ b: Int, _ c: Int, _ d: Int
  ) {
    s[a] = s[a] &+ s[b]
    s[d] = rotate(s[d] ^ s[a], 16)
    s[c] = s[c] &+ s[d]
    s[b] = rotate(s[b] ^ s[c], 12)
    s[a] = s[a] &+ s[b]
    s[d] = rotate(s[d] ^ s[a], 8)
    s[c] = s[c] &+ s[d]
    s[b] = rotate(s[b] ^ s[c], 7)
  }

  private static func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 {
    value << count | value >> (32 - count)
  }
}
