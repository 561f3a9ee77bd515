extension FloatingPointEnvironment {
  /// a + b, or a − b.
  package mutating func add(
    _ a: UnpackedFloat, _ b: UnpackedFloat, subtracting: Bool = false
  ) -> UnpackedFloat {
    if let nan = propagateNaN(a, b) { return nan }
    let b = subtracting ? b.negated : b
    if a.kind == .infinity && b.kind == .infinity && a.isNegative != b.isNegative {
      return invalidOperation()
    }
    noteDenormal(a)
    noteDenormal(b)
    if a.kind == .infinity { return a }
    if b.kind == .infinity { return b }
    if b.kind == .zero {
      if a.kind == .zero && a.isNegative != b.isNegative {
        return .zero(isNegative: rounding == .down)
      }
      return round(a)
    }
    if a.kind == .zero { return round(b) }
    return addFinite(a, b)
  }

  private mutating func addFinite(_ a: UnpackedFloat, _ b: UnpackedFloat) -> UnpackedFloat {
    let swaps =
      a.exponent < b.exponent || (a.exponent == b.exponent && a.significand < b.significand)
    let (large, small) = swaps ? (b, a) : (a, b)
    let x = UInt128(large.significand) << 63
    let y = (UInt128(small.significand) << 63)
      .shiftedRightJamming(large.exponent &- small.exponent)
    let sum = a.isNegative == b.isNegative ? x &+ y : x &- y
    if sum == 0 { return .zero(isNegative: rounding == .down) }
    let shift = sum.leadingZeroBitCount
    return round(
      isNegative: large.isNegative, exponent: large.exponent &+ 1 &- shift,
      significand: sum &<< UInt128(shift))
  }

  /// a × b.
  package mutating func multiply(_ a: UnpackedFloat, _ b: UnpackedFloat) -> UnpackedFloat {
    if let nan = propagateNaN(a, b) { return nan }
    let isNegative = a.isNegative != b.isNegative
    if a.kind == .infinity || b.kind == .infinity {
      if a.kind == .zero || b.kind == .zero { return invalidOperation() }
      noteDenormal(a)
      noteDenormal(b)
      return .infinity(isNegative: isNegative)
    }
    noteDenormal(a)
    noteDenormal(b)
    if a.kind == .zero || b.kind == .zero { return .zero(isNegative: isNegative) }
    let product = UInt128(a.significand) &* UInt128(b.significand)
    let shift = product.leadingZeroBitCount
    return round(
      isNegative: isNegative, exponent: a.exponent &+ b.exponent &+ 1 &- shift,
      significand: product &<< UInt128(shift))
  }

  /// a ÷ b.
  package mutating func divide(_ a: UnpackedFloat, _ b: UnpackedFloat) -> UnpackedFloat {
    if let nan = propagateNaN(a, b) { return nan }
    let isNegative = a.isNegative != b.isNegative
    if a.kind == .infinity {
      if b.kind == .infinity { return invalidOperation() }
      noteDenormal(b)
      return .infinity(isNegative: isNegative)
    }
    if b.kind == .zero {
      if a.kind == .zero { return invalidOperation() }
      raise(.divideByZero)
      return .infinity(isNegative: isNegative)
    }
    noteDenormal(a)
    noteDenormal(b)
    if a.kind == .zero || b.kind == .infinity { return .zero(isNegative: isNegative) }
    let (exponent, significand) = Self.quotient(a, b)
    return round(isNegative: isNegative, exponent: exponent, significand: significand)
  }

  /// The quotient of two finite numbers to 127 bits and a sticky one.
  static func quotient(
    _ a: UnpackedFloat, _ b: UnpackedFloat
  ) -> (exponent: Int, significand: UInt128) {
    let divisor = b.significand
    // The high half stays below the divisor, whose leading bit is set: no division overflows.
    let isSmaller = a.significand < divisor
    let dividend =
      isSmaller
      ? (high: a.significand, low: 0)
      : (high: a.significand >> 1, low: a.significand &<< 63)
    let (high, rest) = divisor.dividingFullWidth(dividend)
    let (low, last) = divisor.dividingFullWidth((high: rest, low: 0))
    return (
      a.exponent &- b.exponent &- (isSmaller ? 1 : 0),
      UInt128(high) << 64 | UInt128(low) | (last == 0 ? 0 : 1)
    )
  }

  /// √a.
  package mutating func squareRoot(_ a: UnpackedFloat) -> UnpackedFloat {
    if let nan = propagateNaN(a) { return nan }
    if a.kind == .zero { return a }
    if a.isNegative { return invalidOperation() }
    if a.kind == .infinity { return a }
    noteDenormal(a)
    let square = UInt128(a.significand) << (a.exponent & 1 == 0 ? 63 : 64)
    let (root, remainder) = Self.integerSquareRoot(square)
    // (root + ½)² = root² + root + ¼: a remainder above the root is past the middle.
    let tail: UInt128 = remainder == 0 ? 0 : (remainder > UInt128(root) ? 1 << 63 | 1 : 1)
    return round(
      isNegative: false, exponent: a.exponent >> 1, significand: UInt128(root) << 64 | tail)
  }

  /// ⌊√n⌋ and n − ⌊√n⌋², digit by digit.
  static func integerSquareRoot(_ n: UInt128) -> (root: UInt64, remainder: UInt128) {
    var remainder = n
    var root: UInt128 = 0
    var bit: UInt128 = 1 << 126
    while bit != 0 {
      if remainder >= root &+ bit {
        remainder &-= root &+ bit
        root = root >> 1 &+ bit
      } else {
        root >>= 1
      }
      bit >>= 2
    }
    return (UInt64(truncatingIfNeeded: root), remainder)
  }

  /// How two operands compare.
  package enum Comparison: Sendable {
    case less
    case equal
    case greater
    case unordered
  }

  /// Compares; `signalsQuietNaN` where the instruction raises IE for a quiet NaN too.
  package mutating func compare(
    _ a: UnpackedFloat, _ b: UnpackedFloat, signalsQuietNaN: Bool
  ) -> Comparison {
    if a.kind == .unsupported || b.kind == .unsupported {
      raise(.invalid)
      return .unordered
    }
    if a.isNaN || b.isNaN {
      if signalsQuietNaN || a.kind == .signalingNaN || b.kind == .signalingNaN {
        raise(.invalid)
      }
      return .unordered
    }
    noteDenormal(a)
    noteDenormal(b)
    if a.kind == .zero && b.kind == .zero { return .equal }
    if a.kind == .zero { return b.isNegative ? .greater : .less }
    if b.kind == .zero || a.isNegative != b.isNegative {
      return a.isNegative ? .less : .greater
    }
    let (x, y) = a.isNegative ? (b, a) : (a, b)
    if x.kind == .infinity || y.kind == .infinity {
      return x.kind == y.kind ? .equal : (x.kind == .infinity ? .greater : .less)
    }
    if x.exponent != y.exponent { return x.exponent < y.exponent ? .less : .greater }
    if x.significand == y.significand { return .equal }
    return x.significand < y.significand ? .less : .greater
  }

  /// Converts to a signed integer of `width` bits, or raises IE and gives the integer indefinite.
  package mutating func integer(
    _ a: UnpackedFloat, width: Int, rounding: RoundingControl
  ) -> Int64 {
    let limit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: width &- 1)
    guard a.isFinite, let rounded = roundToInteger(a, rounding: rounding),
      rounded.magnitude < limit || (a.isNegative && rounded.magnitude == limit)
    else {
      raise(.invalid)
      return Int64(bitPattern: 0 &- limit)
    }
    if rounded.isInexact { raise(.precision) }
    roundedUp = rounded.increments
    let bits = a.isNegative ? 0 &- rounded.magnitude : rounded.magnitude
    return Int64(bitPattern: bits)
  }

  /// Converts to the environment's format: a NaN stays one, quieted.
  package mutating func convert(_ a: UnpackedFloat) -> UnpackedFloat {
    if let nan = propagateNaN(a) { return nan }
    noteDenormal(a)
    return round(a)
  }

  /// The same for FST, which does not raise DE.
  package mutating func narrow(_ a: UnpackedFloat) -> UnpackedFloat {
    if let nan = propagateNaN(a) { return nan }
    return round(a)
  }
}
