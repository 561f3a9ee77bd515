/// A number with a 128-bit significand, for the transcendental functions: wide enough that a few
/// dozen truncations stay far below the last place of the extended format.
struct WideFloat {
  var isNegative: Bool
  /// The power of two of bit 127 of the significand.
  var exponent: Int
  /// The leading one is bit 127; zero is zero.
  var significand: UInt128

  init(isNegative: Bool = false, exponent: Int, significand: UInt128) {
    self.isNegative = isNegative
    self.exponent = exponent
    self.significand = significand
  }

  /// Brings the leading one to bit 127.
  init(isNegative: Bool, exponent: Int, normalizing significand: UInt128) {
    let shift = significand.leadingZeroBitCount
    self.init(
      isNegative: isNegative, exponent: exponent &- shift,
      significand: significand &<< UInt128(shift & 127))
  }

  /// A zero or finite datum, exactly.
  init(_ a: UnpackedFloat) {
    self.init(
      isNegative: a.isNegative, exponent: a.exponent,
      significand: a.kind == .finite ? UInt128(a.significand) << 64 : 0)
  }

  /// An integer, exactly.
  init(_ value: Int) { self.init(UnpackedFloat(Int64(value))) }

  var isZero: Bool { significand == 0 }

  static prefix func - (a: WideFloat) -> WideFloat {
    WideFloat(isNegative: !a.isNegative, exponent: a.exponent, significand: a.significand)
  }

  static func + (a: WideFloat, b: WideFloat) -> WideFloat {
    if a.isZero { return b }
    if b.isZero { return a }
    let swaps =
      a.exponent < b.exponent || (a.exponent == b.exponent && a.significand < b.significand)
    let (large, small) = swaps ? (b, a) : (a, b)
    let y = small.significand.shiftedRightJamming(large.exponent &- small.exponent)
    if a.isNegative != b.isNegative {
      return WideFloat(
        isNegative: large.isNegative, exponent: large.exponent,
        normalizing: large.significand &- y)
    }
    let (sum, carries) = large.significand.addingReportingOverflow(y)
    return WideFloat(
      isNegative: large.isNegative, exponent: large.exponent &+ (carries ? 1 : 0),
      significand: carries ? sum >> 1 | 1 << 127 : sum)
  }

  static func - (a: WideFloat, b: WideFloat) -> WideFloat { a + -b }

  static func * (a: WideFloat, b: WideFloat) -> WideFloat {
    let product = a.significand.multipliedFullWidth(by: b.significand)
    return WideFloat(
      isNegative: a.isNegative != b.isNegative, exponent: a.exponent &+ b.exponent &+ 1,
      normalizing: product.high)
  }

  /// The divisor must not be zero.
  static func / (a: WideFloat, b: WideFloat) -> WideFloat {
    if a.isZero || b.isZero { return WideFloat(exponent: 0, significand: 0) }
    let isSmaller = a.significand < b.significand
    // The high half stays below the divisor, whose leading bit is set: no division overflows.
    let quotient =
      isSmaller
      ? b.significand.dividingFullWidth((high: a.significand, low: 0)).quotient
      : b.significand.dividingFullWidth(
        (high: a.significand >> 1, low: a.significand &<< 127)
      ).quotient
    return WideFloat(
      isNegative: a.isNegative != b.isNegative,
      exponent: a.exponent &- b.exponent &- (isSmaller ? 1 : 0), significand: quotient)
  }

  /// A quotient by a small positive integer.
  func divided(by n: Int) -> WideFloat {
    WideFloat(
      isNegative: isNegative, exponent: exponent,
      normalizing: significand / UInt128(max(n, 1)))
  }

  /// Times a power of two.
  func scaled(by power: Int) -> WideFloat {
    WideFloat(isNegative: isNegative, exponent: exponent &+ power, significand: significand)
  }

  /// Whether adding this to `sum` would no longer change a bit that matters.
  func isNegligible(beside sum: WideFloat) -> Bool {
    isZero || exponent < sum.exponent &- 110
  }
}
