/// Unsigned multiplication into twice the width.
package enum MUL {
  /// The product's halves; CF = OF = 1 if the high half is not zero.
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T
  ) -> (high: T, low: T, flags: UInt64) where T.Magnitude == T {
    let (high, low) = a.multipliedFullWidth(by: b)
    return (high, low, productFlags(low, overflow: high != 0))
  }

  /// CF and OF together; the others, which the manual leaves undefined, follow the low half, so
  /// that the flags before need not be known.
  @inline(__always)
  static func productFlags<T: FixedWidthInteger & UnsignedInteger>(
    _ low: T, overflow: Bool
  ) -> UInt64 {
    let both = StatusFlags.carry | StatusFlags.overflow
    return StatusFlags.of(low) | (overflow ? both : 0)
  }
}

/// Signed multiplication into twice the width.
package enum IMUL {
  /// The product's halves; CF = OF = 1 if the low half alone is not the product.
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T
  ) -> (high: T, low: T, flags: UInt64) where T.Magnitude == T {
    let (unsignedHigh, low) = a.multipliedFullWidth(by: b)
    // Two's complement: a negative operand counts 2^width too much.
    let high =
      unsignedHigh &- (StatusFlags.topBit(a) != 0 ? b : 0)
      &- (StatusFlags.topBit(b) != 0 ? a : 0)
    let extended: T = StatusFlags.topBit(low) != 0 ? .max : 0
    return (high, low, MUL.productFlags(low, overflow: high != extended))
  }

  /// The low half, and whether it alone is not the product.
  @inline(__always)
  static func truncating<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T
  ) -> (low: T, overflow: Bool) {
    let (product, overflow) = signExtended(a).multipliedReportingOverflow(by: signExtended(b))
    let low = T(truncatingIfNeeded: product)
    return (low, overflow || signExtended(low) != product)
  }

  @inline(__always)
  private static func signExtended<T: FixedWidthInteger & UnsignedInteger>(_ a: T) -> Int64 {
    let shift = Int64(64 &- T.bitWidth)
    return (Int64(bitPattern: UInt64(truncatingIfNeeded: a)) &<< shift) &>> shift
  }
}

extension CPU {
  /// MUL, and IMUL with one operand: AX := AL * SRC, or rDX:rAX := rAX * SRC.
  func multiply(_ i: borrowing Instruction, signed: Bool) throws(Exception) {
    let source = try read(i.operand0, i)
    switch i.operand0.size {
    case 1: multiply(UInt8(truncatingIfNeeded: source), signed: signed)
    case 2: multiply(UInt16(truncatingIfNeeded: source), signed: signed)
    case 4: multiply(UInt32(truncatingIfNeeded: source), signed: signed)
    default: multiply(source, signed: signed)
    }
  }

  private func multiply<T: FixedWidthInteger & UnsignedInteger>(_ source: T, signed: Bool)
  where T.Magnitude == T {
    let accumulator = T(truncatingIfNeeded: self[.rax])
    let product =
      signed
      ? IMUL.apply(accumulator, source)
      : MUL.apply(accumulator, source)
    writeDouble(high: product.high, low: product.low)
    setStatusFlags(product.flags)
  }

  /// Writes AH:AL, or rDX:rAX.
  func writeDouble<T: FixedWidthInteger & UnsignedInteger>(high: T, low: T) {
    let size = UInt8(truncatingIfNeeded: T.bitWidth / 8)
    let low = UInt64(truncatingIfNeeded: low)
    let high = UInt64(truncatingIfNeeded: high)
    if size == 1 {
      writeRegister(Register.rax.rawValue, size: 2, high &<< 8 | low)
    } else {
      writeRegister(Register.rax.rawValue, size: size, low)
      writeRegister(Register.rdx.rawValue, size: size, high)
    }
  }

  /// IMUL with two or three operands: DEST := SRC1 * SRC2, cut to the operand size.
  func multiplyTruncating(_ i: borrowing Instruction) throws(Exception) {
    let isTernary = i.operand2.kind != .none
    let source = try read(i.operand1, i)
    let factor = isTernary ? i.immediate : try read(i.operand0, i)
    let product: (low: UInt64, status: UInt64) =
      switch i.operand0.size {
      case 2:
        Self.product(UInt16(truncatingIfNeeded: factor), UInt16(truncatingIfNeeded: source))
      case 4:
        Self.product(UInt32(truncatingIfNeeded: factor), UInt32(truncatingIfNeeded: source))
      default: Self.product(factor, source)
      }
    try write(i.operand0, i, product.low)
    setStatusFlags(product.status)
  }

  private static func product<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T
  ) -> (low: UInt64, status: UInt64) {
    let (low, overflow) = IMUL.truncating(a, b)
    return (UInt64(truncatingIfNeeded: low), MUL.productFlags(low, overflow: overflow))
  }
}
