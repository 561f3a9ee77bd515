extension FloatingPointEnvironment {
  /// ± a × b ± c of encodings, rounded once.
  @inline(__always)
  package mutating func multiplyAdd<F: InterchangeFormat>(
    _ a: F.Pattern, _ b: F.Pattern, _ c: F.Pattern, negatesProduct: Bool, subtracts: Bool,
    as type: F.Type, onHost: Bool
  ) -> F.Pattern {
    if onHost,
      let value = Self.multiplyAddOnHost(
        a, b, c, negatesProduct: negatesProduct, subtracts: subtracts, as: F.self)
    {
      return value
    }
    return multiplyAdd(
      unpack(a, as: F.self), unpack(b, as: F.self), unpack(c, as: F.self),
      negatesProduct: negatesProduct, subtracts: subtracts
    ).pattern(as: F.self)
  }

  /// The result of the host's fused multiplication where it is provably the processor's.
  ///
  /// Fast path: as `computeOnHost`.
  @inline(__always) private static func multiplyAddOnHost<F: InterchangeFormat>(
    _ a: F.Pattern, _ b: F.Pattern, _ c: F.Pattern, negatesProduct: Bool, subtracts: Bool,
    as type: F.Type
  ) -> F.Pattern? {
    guard F.isOrdinary(a), F.isOrdinary(b), F.isOrdinary(c) else { return nil }
    let x = F(bitPattern: a)
    let z = F(bitPattern: c)
    let result = (subtracts ? -z : z)
      .addingProduct(negatesProduct ? -x : x, F(bitPattern: b)).bitPattern
    let magnitude = result &<< 1
    let isSafe =
      magnitude >= F.leastNormalMagnitude.bitPattern &<< 2
      && magnitude < F.infinity.bitPattern &<< 1
    return isSafe ? result : nil
  }

  /// ± a × b ± c.
  ///
  /// SDM volume 1, "Fused-Multiply-ADD (FMA) Numeric Behavior". A NaN keeps its sign.
  package mutating func multiplyAdd(
    _ a: UnpackedFloat, _ b: UnpackedFloat, _ c: UnpackedFloat, negatesProduct: Bool,
    subtracts: Bool
  ) -> UnpackedFloat {
    if let nan = propagateNaN(a, b, c) { return nan }
    let a = negatesProduct ? a.negated : a
    let c = subtracts ? c.negated : c
    let isNegative = a.isNegative != b.isNegative
    let isInfinite = a.kind == .infinity || b.kind == .infinity
    if isInfinite {
      if a.kind == .zero || b.kind == .zero { return invalidOperation() }
      if c.kind == .infinity && c.isNegative != isNegative { return invalidOperation() }
    }
    noteDenormal(a)
    noteDenormal(b)
    noteDenormal(c)
    if isInfinite { return .infinity(isNegative: isNegative) }
    if c.kind == .infinity { return c }
    if a.kind == .zero || b.kind == .zero {
      if c.kind != .zero { return round(c) }
      return .zero(isNegative: c.isNegative == isNegative ? isNegative : rounding == .down)
    }
    return addProduct(a, b, isNegative: isNegative, c)
  }

  /// The exact product of two finite numbers, and a finite number or zero.
  private mutating func addProduct(
    _ a: UnpackedFloat, _ b: UnpackedFloat, isNegative: Bool, _ c: UnpackedFloat
  ) -> UnpackedFloat {
    let raw = UInt128(a.significand) &* UInt128(b.significand)
    let shift = raw.leadingZeroBitCount
    let product = raw &<< UInt128(truncatingIfNeeded: shift)
    let exponent = a.exponent &+ b.exponent &+ 1 &- shift
    if c.kind == .zero {
      return round(isNegative: isNegative, exponent: exponent, significand: product)
    }
    // One bit is left for the carry; operands of SSE are narrow enough not to miss it.
    let addend = UInt128(c.significand) << 63
    let isProductLarger =
      exponent != c.exponent ? exponent > c.exponent : product >> 1 >= addend
    let distance = isProductLarger ? exponent &- c.exponent : c.exponent &- exponent
    let large = isProductLarger ? product >> 1 : addend
    let small = (isProductLarger ? addend : product >> 1).shiftedRightJamming(distance)
    let sum = isNegative == c.isNegative ? large &+ small : large &- small
    if sum == 0 { return .zero(isNegative: rounding == .down) }
    let normalizing = sum.leadingZeroBitCount
    return round(
      isNegative: isProductLarger ? isNegative : c.isNegative,
      exponent: max(exponent, c.exponent) &+ 1 &- normalizing,
      significand: sum &<< UInt128(truncatingIfNeeded: normalizing))
  }

  /// The NaN that three operands give, the first of them that is one; nil if none is.
  private mutating func propagateNaN(
    _ a: UnpackedFloat, _ b: UnpackedFloat, _ c: UnpackedFloat
  ) -> UnpackedFloat? {
    guard a.isNaN || b.isNaN || c.isNaN else { return nil }
    if a.kind == .signalingNaN || b.kind == .signalingNaN || c.kind == .signalingNaN {
      raise(.invalid)
    }
    return (a.isNaN ? a : (b.isNaN ? b : c)).quieted
  }
}
