/// Arithmetic under Ed25519: numbers modulo 2²⁵⁵ - 19 in five limbs of 51 bits, and points of the
/// twisted Edwards curve in extended coordinates, where one formula adds any two points.
struct FieldElement {
  private var limbs: (UInt64, UInt64, UInt64, UInt64, UInt64)

  private static let mask: UInt64 = (1 << 51) &- 1

  init(_ small: UInt64) { limbs = (small, 0, 0, 0, 0) }

  private init(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64, _ e: UInt64) {
    limbs = (a, b, c, d, e)
  }

  /// A number of 255 bits in four words, the least significant first.
  init(words w: (UInt64, UInt64, UInt64, UInt64)) {
    let mask = Self.mask
    limbs = (
      w.0 & mask, (w.0 >> 51 | w.1 << 13) & mask, (w.1 >> 38 | w.2 << 26) & mask,
      (w.2 >> 25 | w.3 << 39) & mask, w.3 >> 12 & mask
    )
  }

  static func + (a: Self, b: Self) -> Self {
    Self(
      a.limbs.0 &+ b.limbs.0, a.limbs.1 &+ b.limbs.1, a.limbs.2 &+ b.limbs.2,
      a.limbs.3 &+ b.limbs.3, a.limbs.4 &+ b.limbs.4
    ).carried
  }

  /// Adds 4 p before it subtracts, so that no limb goes below zero.
  static func - (a: Self, b: Self) -> Self {
    let low: UInt64 = 0x1f_ffff_ffff_ffb4
    let high: UInt64 = 0x1f_ffff_ffff_fffc
    return Self(
      a.limbs.0 &+ low &- b.limbs.0, a.limbs.1 &+ high &- b.limbs.1,
      a.limbs.2 &+ high &- b.limbs.2, a.limbs.3 &+ high &- b.limbs.3,
      a.limbs.4 &+ high &- b.limbs.4
    ).carried
  }

  private var carried: Self {
    var l = limbs
    l.1 &+= l.0 >> 51
    l.2 &+= l.1 >> 51
    l.3 &+= l.2 >> 51
    l.4 &+= l.3 >> 51
    let mask = Self.mask
    return Self(
      (l.0 & mask) &+ (l.4 >> 51) &* 19, l.1 & mask, l.2 & mask, l.3 & mask, l.4 & mask)
  }

  static func * (x: Self, y: Self) -> Self {
    func product(_ a: UInt64, _ b: UInt64) -> UInt128 { UInt128(a) &* UInt128(b) }
    let (a, b) = (x.limbs, y.limbs)
    // 2²⁵⁵ is 19: what goes over the top comes back in at the bottom, nineteenfold.
    let (b1, b2, b3, b4) = (b.1 &* 19, b.2 &* 19, b.3 &* 19, b.4 &* 19)
    var r0 = product(a.0, b.0) &+ product(a.1, b4) &+ product(a.2, b3)
    r0 = r0 &+ product(a.3, b2) &+ product(a.4, b1)
    var r1 = product(a.0, b.1) &+ product(a.1, b.0) &+ product(a.2, b4)
    r1 = r1 &+ product(a.3, b3) &+ product(a.4, b2)
    var r2 = product(a.0, b.2) &+ product(a.1, b.1) &+ product(a.2, b.0)
    r2 = r2 &+ product(a.3, b4) &+ product(a.4, b3)
    var r3 = product(a.0, b.3) &+ product(a.1, b.2) &+ product(a.2, b.1)
    r3 = r3 &+ product(a.3, b.0) &+ product(a.4, b4)
    var r4 = product(a.0, b.4) &+ product(a.1, b.3) &+ product(a.2, b.2)
    r4 = r4 &+ product(a.3, b.1) &+ product(a.4, b.0)
    r1 = r1 &+ (r0 >> 51)
    r2 = r2 &+ (r1 >> 51)
    r3 = r3 &+ (r2 >> 51)
    r4 = r4 &+ (r3 >> 51)
    func low(_ r: UInt128) -> UInt64 { UInt64(truncatingIfNeeded: r) & mask }
    let over = UInt64(truncatingIfNeeded: r4 >> 51)
    return Self(low(r0) &+ over &* 19, low(r1), low(r2), low(r3), low(r4)).carried
  }

  /// Raises to 2ⁿ - `below`, for small `below`: square and multiply, from the highest bit.
  func power(bits: Int, minus below: UInt64) -> Self {
    var result = FieldElement(1)
    for bit in stride(from: bits - 1, through: 0, by: -1) {
      result = result * result
      // The bits of 2ⁿ - k are those of -k, of which all above the lowest 64 are ones.
      if bit >= 64 || (0 &- below) >> UInt64(bit) & 1 != 0 { result = result * self }
    }
    return result
  }

  var inverse: Self { power(bits: 255, minus: 21) }

  /// The one form below p of this number.
  var bytes: [UInt8] {
    var l = carried.carried.limbs
    // It is below p + 19 now: adding 19 shows whether it reaches p.
    var q = (l.0 &+ 19) >> 51
    for limb in [l.1, l.2, l.3, l.4] { q = (limb &+ q) >> 51 }
    l.0 &+= 19 &* q
    l.1 &+= l.0 >> 51
    l.2 &+= l.1 >> 51
    l.3 &+= l.2 >> 51
    l.4 &+= l.3 >> 51
    let m = Self.mask
    l = (l.0 & m, l.1 & m, l.2 & m, l.3 & m, l.4 & m)
    let words = [
      l.0 | l.1 << 51, l.1 >> 13 | l.2 << 38, l.2 >> 26 | l.3 << 25, l.3 >> 39 | l.4 << 12,
    ]
    var bytes: [UInt8] = []
    for word in words {
      for shift in stride(from: UInt64(0), to: 64, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: word >> shift))
      }
    }
    return bytes
  }

  var isOdd: Bool { bytes[0] & 1 != 0 }
  static func == (a: Self, b: Self) -> Bool { a.bytes == b.bytes }
}

/// A point as (X, Y, Z, T): x = X/Z, y = Y/Z, x y = T/Z.
struct CurvePoint {
  private var x: FieldElement
  private var y: FieldElement
  private var z: FieldElement
  private var t: FieldElement

  private static let d = FieldElement(
    words: (
      0x75eb_4dca_1359_78a3, 0x0070_0a4d_4141_d8ab, 0x8cc7_4079_7779_e898, 0x5203_6cee_2b6f_fe73
    ))
  private static let rootOfMinusOne = FieldElement(
    words: (
      0xc4ee_1b27_4a0e_a0b0, 0x2f43_1806_ad2f_e478, 0x2b4d_0099_3dfb_d7a7, 0x2b83_2480_4fc1_df0b
    ))

  static var base: CurvePoint {
    let x = FieldElement(
      words: (
        0xc956_2d60_8f25_d51a, 0x692c_c760_9525_a7b2, 0xc0a4_e231_fdd6_dc5c, 0x2169_36d3_cd6e_53fe
      ))
    let six: UInt64 = 0x6666_6666_6666_6666
    let y = FieldElement(words: (0x6666_6666_6666_6658, six, six, six))
    return CurvePoint(x: x, y: y)
  }

  private static var neutral: CurvePoint {
    CurvePoint(x: FieldElement(0), y: FieldElement(1))
  }

  private init(x: FieldElement, y: FieldElement) {
    self.x = x
    self.y = y
    z = FieldElement(1)
    t = x * y
  }

  /// The point whose y these 32 bytes hold, with the lowest bit of x on top; nil if there is none.
  ///
  /// RFC 8032, "Decoding".
  init?(encoded bytes: [UInt8]) {
    let words = bytes.withUnsafeBytes {
      ($0.word64(0), $0.word64(8), $0.word64(16), $0.word64(24) & (1 << 63 - 1))
    }
    let y = FieldElement(words: words)
    var canonical = y.bytes
    canonical[31] |= bytes[31] & 0x80
    guard canonical == bytes else { return nil }
    let u = y * y - FieldElement(1)
    let v = Self.d * y * y + FieldElement(1)
    let v3 = v * v * v
    var x = u * v3 * (u * v3 * v3 * v).power(bits: 252, minus: 3)
    let square = v * x * x
    if !(square == u) {
      guard square == FieldElement(0) - u else { return nil }
      x = x * Self.rootOfMinusOne
    }
    let wantsOdd = bytes[31] & 0x80 != 0
    if x == FieldElement(0), wantsOdd { return nil }
    if x.isOdd != wantsOdd { x = FieldElement(0) - x }
    self.init(x: x, y: y)
  }

  var encoded: [UInt8] {
    let inverse = z.inverse
    var bytes = (y * inverse).bytes
    if (x * inverse).isOdd { bytes[31] |= 0x80 }
    return bytes
  }

  var negated: CurvePoint {
    var point = self
    point.x = FieldElement(0) - x
    point.t = FieldElement(0) - t
    return point
  }

  static func + (p: CurvePoint, q: CurvePoint) -> CurvePoint {
    let a = (p.y - p.x) * (q.y - q.x)
    let b = (p.y + p.x) * (q.y + q.x)
    let c = p.t * q.t * (d + d)
    let zz = p.z * q.z
    let (e, f, g, h) = (b - a, zz + zz - c, zz + zz + c, b + a)
    var sum = CurvePoint.neutral
    sum.x = e * f
    sum.y = g * h
    sum.z = f * g
    sum.t = e * h
    return sum
  }

  /// m P + n Q, bit by bit for both at once.
  static func combine(
    _ m: Scalar, _ p: CurvePoint, _ n: Scalar, _ q: CurvePoint
  ) -> CurvePoint {
    let both = p + q
    var result = CurvePoint.neutral
    for bit in stride(from: 255, through: 0, by: -1) {
      result = result + result
      switch (m.bit(bit), n.bit(bit)) {
      case (true, true): result = result + both
      case (true, false): result = result + p
      case (false, true): result = result + q
      case (false, false): break
      }
    }
    return result
  }
}
