/// The SHA instructions: four rounds of SHA-1, two of SHA-256, and their message schedules.
///
/// SDM volume 2, the *Operation* section of each instruction.
enum SHA {
  typealias Words = SIMD4<UInt32>

  /// SHA1NEXTE, SHA1MSG1, SHA1MSG2, SHA256RNDS2, SHA256MSG1, SHA256MSG2: opcodes C8 to CD of the
  /// 0F 38 map; the third source is XMM0.
  static func apply(_ opcode: UInt8, _ a: UInt128, _ b: UInt128, keys: UInt128) -> UInt128 {
    let (x, y) = (a.elements(Words.self), b.elements(Words.self))
    let result: Words =
      switch opcode {
      case 0xC8: Words(y[0], y[1], y[2], y[3] &+ rotatedLeft(x[3], 30))
      case 0xC9: Words(y[2] ^ x[0], y[3] ^ x[1], x[0] ^ x[2], x[1] ^ x[3])
      case 0xCA: schedule1(x, y)
      case 0xCB: rounds256(x, y, keys.elements(Words.self))
      case 0xCC:
        Words(
          x[0] &+ small0(x[1]), x[1] &+ small0(x[2]), x[2] &+ small0(x[3]), x[3] &+ small0(y[0]))
      default: schedule256(x, y)
      }
    return UInt128(elements: result)
  }

  @inline(__always) private static func rotatedLeft(_ x: UInt32, _ n: UInt32) -> UInt32 {
    x &<< n | x &>> (32 &- n)
  }

  @inline(__always) private static func rotatedRight(_ x: UInt32, _ n: UInt32) -> UInt32 {
    x &>> n | x &<< (32 &- n)
  }

  /// SHA1MSG2.
  private static func schedule1(_ x: Words, _ y: Words) -> Words {
    let w16 = rotatedLeft(x[3] ^ y[2], 1)
    return Words(
      rotatedLeft(x[0] ^ w16, 1), rotatedLeft(x[1] ^ y[0], 1), rotatedLeft(x[2] ^ y[1], 1), w16)
  }

  /// SHA1RNDS4: `function` chooses f and K.
  static func rounds1(_ state: UInt128, _ messages: UInt128, function: UInt8) -> UInt128 {
    let (s, w) = (state.elements(Words.self), messages.elements(Words.self))
    var (a, b, c, d, e): (UInt32, UInt32, UInt32, UInt32, UInt32) = (s[3], s[2], s[1], s[0], 0)
    for round in 0..<4 {
      let (f, k): (UInt32, UInt32) =
        switch function & 3 {
        case 0: (b & c ^ ~b & d, 0x5A82_7999)
        case 1: (b ^ c ^ d, 0x6ED9_EBA1)
        case 2: (b & c ^ b & d ^ c & d, 0x8F1B_BCDC)
        default: (b ^ c ^ d, 0xCA62_C1D6)
        }
      let next = f &+ rotatedLeft(a, 5) &+ w[3 &- round] &+ e &+ k
      (a, b, c, d, e) = (next, a, rotatedLeft(b, 30), c, d)
    }
    return UInt128(elements: Words(d, c, b, a))
  }

  /// SHA256RNDS2: `x` holds H, G, D and C, `y` F, E, B and A.
  private static func rounds256(_ x: Words, _ y: Words, _ keys: Words) -> Words {
    var (a, b, c, d) = (y[3], y[2], x[3], x[2])
    var (e, f, g, h) = (y[1], y[0], x[1], x[0])
    for round in 0..<2 {
      let choice = e & f ^ ~e & g
      let majority = a & b ^ a & c ^ b & c
      let rotatedE = rotatedRight(e, 6) ^ rotatedRight(e, 11) ^ rotatedRight(e, 25)
      let rotatedA = rotatedRight(a, 2) ^ rotatedRight(a, 13) ^ rotatedRight(a, 22)
      let t = choice &+ rotatedE &+ keys[round] &+ h
      (a, b, c, d, e, f, g, h) = (t &+ majority &+ rotatedA, a, b, c, t &+ d, e, f, g)
    }
    return Words(f, e, b, a)
  }

  /// σ₀ of SHA-256.
  @inline(__always) private static func small0(_ x: UInt32) -> UInt32 {
    rotatedRight(x, 7) ^ rotatedRight(x, 18) ^ x >> 3
  }

  /// σ₁ of SHA-256.
  @inline(__always) private static func small1(_ x: UInt32) -> UInt32 {
    rotatedRight(x, 17) ^ rotatedRight(x, 19) ^ x >> 10
  }

  /// SHA256MSG2.
  private static func schedule256(_ x: Words, _ y: Words) -> Words {
    let w16 = x[0] &+ small1(y[2])
    let w17 = x[1] &+ small1(y[3])
    return Words(w16, w17, x[2] &+ small1(w16), x[3] &+ small1(w17))
  }
}
