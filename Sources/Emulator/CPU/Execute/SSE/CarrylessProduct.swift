/// PCLMULQDQ: the product of two polynomials over the field of two elements.
enum CarrylessProduct {
  /// The product of the halves that bits 0 and 4 of `halves` choose.
  static func of(_ a: UInt128, _ b: UInt128, halves: UInt8) -> UInt128 {
    multiply(halves & 1 == 0 ? a.low : a.high, halves & 0x10 == 0 ? b.low : b.high)
  }

  /// Four bits of `b` at a time, by the sixteen multiples of `a`.
  private static func multiply(_ a: UInt64, _ b: UInt64) -> UInt128 {
    var multiples = InlineArray<16, UInt128>(repeating: 0)
    for k in 1..<16 {
      let half = multiples[k >> 1] &<< 1
      multiples[k] = k & 1 == 0 ? half : half ^ UInt128(a)
    }
    var product: UInt128 = 0
    for shift in stride(from: UInt64(60), through: 0, by: -4) {
      product = product &<< 4 ^ multiples[Int(b &>> shift & 0xF)]
      if shift == 0 { break }
    }
    return product
  }
}
