/// Unsigned division of twice the width.
package enum DIV {
  /// Quotient and remainder, or nil where the processor raises #DE.
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    high: T, low: T, divisor: T
  ) -> (quotient: T, remainder: T)? where T.Magnitude == T {
    // Also false for a divisor of zero; otherwise the quotient fits.
    guard high < divisor else { return nil }
    return divisor.dividingFullWidth((high, low))
  }
}

/// Signed division of twice the width, rounding to zero.
package enum IDIV {
  /// Quotient and remainder, or nil where the processor raises #DE.
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    high: T, low: T, divisor: T
  ) -> (quotient: T, remainder: T)? where T.Magnitude == T {
    let isNegative = StatusFlags.topBit(high) != 0
    let divisorIsNegative = StatusFlags.topBit(divisor) != 0
    let lowMagnitude = isNegative ? 0 &- low : low
    let highMagnitude = isNegative ? ~high &+ (low == 0 ? 1 : 0) : high
    guard
      let (quotient, remainder) = DIV.apply(
        high: highMagnitude, low: lowMagnitude,
        divisor: divisorIsNegative ? 0 &- divisor : divisor)
    else { return nil }
    let quotientIsNegative = isNegative != divisorIsNegative
    let limit: T = 1 &<< T(truncatingIfNeeded: T.bitWidth &- 1)
    guard quotient < limit || (quotient == limit && quotientIsNegative) else { return nil }
    return (
      quotientIsNegative ? 0 &- quotient : quotient, isNegative ? 0 &- remainder : remainder
    )
  }
}

extension CPU {
  /// DIV and IDIV: AX by SRC into AL and AH, or rDX:rAX by SRC into rAX and rDX.
  ///
  /// The flags, undefined, stay.
  func divide(_ i: borrowing Instruction, signed: Bool) throws(Exception) {
    let source = try read(i.operand0, i)
    switch i.operand0.size {
    case 1:
      let high = UInt8(truncatingIfNeeded: self[.rax] >> 8)
      try divide(by: UInt8(truncatingIfNeeded: source), high: high, signed: signed)
    case 2:
      let high = UInt16(truncatingIfNeeded: self[.rdx])
      try divide(by: UInt16(truncatingIfNeeded: source), high: high, signed: signed)
    case 4:
      let high = UInt32(truncatingIfNeeded: self[.rdx])
      try divide(by: UInt32(truncatingIfNeeded: source), high: high, signed: signed)
    default: try divide(by: source, high: self[.rdx], signed: signed)
    }
  }

  private func divide<T: FixedWidthInteger & UnsignedInteger>(
    by divisor: T, high: T, signed: Bool
  ) throws(Exception) where T.Magnitude == T {
    let low = T(truncatingIfNeeded: self[.rax])
    let result =
      signed
      ? IDIV.apply(high: high, low: low, divisor: divisor)
      : DIV.apply(high: high, low: low, divisor: divisor)
    guard let result else { throw .divideError }
    writeDouble(high: result.remainder, low: result.quotient)
  }
}
