/// Elementary functions of `WideFloat`, by argument reduction and power series.
///
/// Integers only, so that every host computes the same bits.
enum Transcendental {
  /// π.
  static let pi = WideFloat(
    exponent: 1, significand: 0xC90F_DAA2_2168_C234_C4C6_628B_80DC_1CD1)
  /// 2 ÷ π.
  private static let twoOverPi = WideFloat(
    exponent: -1, significand: 0xA2F9_836E_4E44_1529_FC27_57D1_F534_DDC1)
  /// ln 2.
  private static let ln2 = WideFloat(
    exponent: -1, significand: 0xB172_17F7_D1CF_79AB_C9E3_B398_03F2_F6AF)
  /// 2 ÷ ln 2.
  private static let twoOverLn2 = WideFloat(
    exponent: 1, significand: 0xB8AA_3B29_5C17_F0BB_BE87_FED0_691D_3E89)

  /// The processor's π ÷ 2, of 66 bits, with 128 bits behind the point, lowest word first.
  ///
  /// SDM volume 1, "Approximation of Pi".
  private static let halfPi: InlineArray<3, UInt64> = [1 << 63, 0x921F_B544_42D1_8469, 1]

  /// arctan(j ÷ 8), j from 1 to 8.
  private static func arctangentOfEighths(_ j: Int) -> WideFloat {
    switch j {
    case 1: .init(exponent: -4, significand: 0xFEAD_D4D5_617B_6E32_C897_989F_3E88_8EF8)
    case 2: .init(exponent: -3, significand: 0xFADB_AFC9_6406_EB15_6DC7_9EF5_F7A2_17E6)
    case 3: .init(exponent: -2, significand: 0xB7B0_CA0F_26F7_8473_8AA3_2122_DCFE_4483)
    case 4: .init(exponent: -2, significand: 0xED63_382B_0DDA_7B45_6FE4_45EC_BC3A_8D03)
    case 5: .init(exponent: -1, significand: 0x8F00_5D5E_F7F5_9F9B_5C83_5E16_65C4_3748)
    case 6: .init(exponent: -1, significand: 0xA4BC_7D19_34F7_0924_19A8_7F2A_457D_AC9F)
    case 7: .init(exponent: -1, significand: 0xB805_3E2B_C231_9E73_CB2D_A552_10A4_443D)
    default: pi.scaled(by: -2)
    }
  }

  /// 2^x − 1 for |x| < 1, as the series of e^(x ln 2).
  static func exponentialMinusOne(_ x: WideFloat) -> WideFloat {
    let y = x * ln2
    var sum = y
    var term = y
    for k in 2..<48 {
      term = (term * y).divided(by: k)
      if term.isNegligible(beside: sum) { break }
      sum = sum + term
    }
    return sum
  }

  /// s + s³/3 + s⁵/5 + … (artanh), or with alternating signs (arctan), for |s| < 1/5.
  private static func oddSeries(_ s: WideFloat, alternates: Bool) -> WideFloat {
    var square = s * s
    square.isNegative = alternates
    var power = s
    var sum = s
    for k in 1..<48 {
      power = power * square
      let term = power.divided(by: 2 &* k &+ 1)
      if term.isNegligible(beside: sum) { break }
      sum = sum + term
    }
    return sum
  }

  /// log₂ x for x > 0: the exponent, and 2 artanh((m − 1) ÷ (m + 1)) ÷ ln 2 for m near one.
  static func binaryLogarithm(_ x: WideFloat) -> WideFloat {
    let rootOfTwo: UInt128 = 0xB504_F333_F9DE_6484 << 64
    let isLarge = x.significand > rootOfTwo
    let power = x.exponent &+ (isLarge ? 1 : 0)
    let m = WideFloat(exponent: isLarge ? -1 : 0, significand: x.significand)
    let one = WideFloat(1)
    let fraction = oddSeries((m - one) / (m + one), alternates: false) * twoOverLn2
    return WideFloat(power) + fraction
  }

  /// log₂(1 + x) for x > −1.
  static func binaryLogarithmOfOnePlus(_ x: WideFloat) -> WideFloat {
    // Beyond a quarter 1 + x keeps every bit of x that counts.
    if x.exponent >= -2 { return binaryLogarithm(WideFloat(1) + x) }
    return oddSeries(x / (WideFloat(2) + x), alternates: false) * twoOverLn2
  }

  /// The angle in 0 … π of the point (x, y), y > 0, x ≠ 0.
  static func arctangent(_ y: WideFloat, over x: WideFloat) -> WideFloat {
    var width = x
    width.isNegative = false
    let isSteep =
      y.exponent > width.exponent
      || (y.exponent == width.exponent && y.significand > width.significand)
    var angle = arctangent(ofAtMostOne: isSteep ? width / y : y / width)
    if isSteep { angle = pi.scaled(by: -1) - angle }
    return x.isNegative ? pi - angle : angle
  }

  private static func arctangent(ofAtMostOne t: WideFloat) -> WideFloat {
    // The nearest eighth: t < 1/16 needs none.
    let eighths =
      t.exponent < -4
      ? 0
      : Int(
        truncatingIfNeeded: (t.significand >> UInt128(123 &- t.exponent)
          &+ 1) >> 1)
    if eighths == 0 { return oddSeries(t, alternates: true) }
    let c = WideFloat(eighths).scaled(by: -3)
    let rest = (t - c) / (WideFloat(1) + t * c)
    return arctangentOfEighths(eighths) + oddSeries(rest, alternates: true)
  }

  /// sin a and cos a for 0 < |a| < 2⁶³, a reduced by the processor's π.
  static func sineAndCosine(_ a: UnpackedFloat) -> (sine: WideFloat, cosine: WideFloat) {
    let (rest, quadrant) = reduce(a.magnitude)
    let (s, c) = (sineSeries(rest), cosineSeries(rest))
    var (sine, cosine) = quadrant & 1 == 0 ? (s, c) : (c, s)
    if quadrant & 2 != 0 { sine = -sine }
    if (quadrant &+ 1) & 2 != 0 { cosine = -cosine }
    return (a.isNegative ? -sine : sine, cosine)
  }

  /// a − n π/2 with |result| ≤ π/4 or very little more, and n modulo 4.
  private static func reduce(_ a: UnpackedFloat) -> (rest: WideFloat, quadrant: Int) {
    let x = WideFloat(a)
    guard a.exponent >= -1 else { return (x, 0) }
    let turns = x * twoOverPi + WideFloat(exponent: -1, significand: 1 << 127)
    guard turns.exponent >= 0 else { return (x, 0) }
    let n = UInt64(truncatingIfNeeded: turns.significand >> UInt128(127 &- turns.exponent))
    // 64 bits before the point and 128 behind it hold argument, product and rest exactly.
    var words = InlineArray<3, UInt64>(repeating: 0)
    let position = 128 &+ a.exponent &- 63
    let (word, bit) = (position >> 6, UInt64(position & 63))
    words[word] = a.significand << bit
    if word < 2 { words[word &+ 1] = bit == 0 ? 0 : a.significand >> (64 &- bit) }
    subtract(n, from: &words)
    return (normalize(words), Int(n & 3))
  }

  /// words := words − n π/2, modulo 2¹⁹².
  private static func subtract(_ n: UInt64, from words: inout InlineArray<3, UInt64>) {
    var carry: UInt64 = 0
    var borrow: UInt64 = 0
    for k in 0..<3 {
      let product = UInt128(halfPi[k]) &* UInt128(n) &+ UInt128(carry)
      carry = product.high
      let (first, borrowsFirst) = words[k].subtractingReportingOverflow(product.low)
      let (second, borrowsSecond) = first.subtractingReportingOverflow(borrow)
      words[k] = second
      borrow = borrowsFirst || borrowsSecond ? 1 : 0
    }
  }

  /// Takes a two's complement fixed-point number with 128 bits behind the point.
  private static func normalize(_ fixed: InlineArray<3, UInt64>) -> WideFloat {
    var words = fixed
    let isNegative = words[2] >> 63 != 0
    if isNegative {
      var carry: UInt64 = 1
      for k in 0..<3 {
        let (value, overflows) = (~words[k]).addingReportingOverflow(carry)
        words[k] = value
        carry = overflows ? 1 : 0
      }
    }
    let fraction = UInt128(low: words[0], high: words[1])
    if words[2] == 0 {
      return WideFloat(isNegative: isNegative, exponent: -1, normalizing: fraction)
    }
    return WideFloat(
      isNegative: isNegative, exponent: 63, normalizing: UInt128(low: words[1], high: words[2]))
  }

  /// r − r³/3! + r⁵/5! − ….
  private static func sineSeries(_ r: WideFloat) -> WideFloat {
    let square = -(r * r)
    var term = r
    var sum = r
    for k in 1..<32 {
      term = (term * square).divided(by: (2 &* k) &* (2 &* k &+ 1))
      if k > 1 && term.isNegligible(beside: sum) { break }
      sum = sum + term
    }
    return sum
  }

  /// 1 − r²/2! + r⁴/4! − ….
  private static func cosineSeries(_ r: WideFloat) -> WideFloat {
    let square = -(r * r)
    var term = WideFloat(1)
    var sum = term
    for k in 1..<32 {
      term = (term * square).divided(by: (2 &* k &- 1) &* (2 &* k))
      if k > 1 && term.isNegligible(beside: sum) { break }
      sum = sum + term
    }
    return sum
  }
}
