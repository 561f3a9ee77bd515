extension FloatingPointEnvironment {
  /// FRNDINT: rounds to an integral value.
  package mutating func integral(_ a: UnpackedFloat) -> UnpackedFloat {
    if let nan = propagateNaN(a) { return nan }
    noteDenormal(a)
    guard a.kind == .finite, let rounded = roundToInteger(a, rounding: rounding) else { return a }
    if rounded.isInexact { raise(.precision) }
    roundedUp = rounded.increments
    return UnpackedFloat(
      isNegative: a.isNegative, exponent: 63, normalizing: rounded.magnitude)
  }

  /// FSCALE: a × 2^⌊b⌋, the scale chopped toward zero.
  package mutating func scale(_ a: UnpackedFloat, by b: UnpackedFloat) -> UnpackedFloat {
    if let nan = propagateNaN(a, b) { return nan }
    if b.kind == .infinity {
      if b.isNegative ? a.kind == .infinity : a.kind == .zero { return invalidOperation() }
      noteDenormal(a)
      if a.kind == .infinity || a.kind == .zero { return a }
      return b.isNegative
        ? .zero(isNegative: a.isNegative) : .infinity(isNegative: a.isNegative)
    }
    noteDenormal(a)
    noteDenormal(b)
    guard a.kind == .finite else { return a }
    // Beyond ±65535 every result over- or underflows alike.
    let magnitude = b.exponent >= 16 ? 0xFFFF : b.significand >> UInt64(63 &- max(b.exponent, -1))
    let distance = b.exponent < 0 ? 0 : Int(magnitude)
    return round(
      isNegative: a.isNegative, exponent: a.exponent &+ (b.isNegative ? -distance : distance),
      significand: UInt128(a.significand) << 64)
  }

  /// FXTRACT: the exponent and the significand as numbers.
  package mutating func extract(
    _ a: UnpackedFloat
  ) -> (exponent: UnpackedFloat, significand: UnpackedFloat) {
    if let nan = propagateNaN(a) { return (nan, nan) }
    switch a.kind {
    case .infinity: return (.infinity(isNegative: false), a)
    case .zero:
      raise(.divideByZero)
      return (.infinity(isNegative: true), a)
    default:
      noteDenormal(a)
      var significand = a
      significand.exponent = 0
      return (UnpackedFloat(Int64(a.exponent)), significand)
    }
  }

  /// FPREM and FPREM1: the remainder, and the low bits of the quotient unless the reduction is
  /// only partial.
  package mutating func remainder(
    _ a: UnpackedFloat, _ b: UnpackedFloat, roundsToNearest: Bool
  ) -> (remainder: UnpackedFloat, quotient: UInt64?) {
    if let nan = propagateNaN(a, b) { return (nan, 0) }
    if a.kind == .infinity || b.kind == .zero { return (invalidOperation(), 0) }
    noteDenormal(a)
    noteDenormal(b)
    if a.kind == .zero { return (a, 0) }
    if b.kind == .infinity { return (round(a), 0) }
    let distance = a.exponent &- b.exponent
    if distance < -1 || (distance < 0 && !roundsToNearest) { return (round(a), 0) }
    if distance >= 64 {
      // A partial reduction: the manual leaves its size open between 32 and 63.
      let steps = distance & 0x1F | 0x20
      let reduced = Self.reduce(a.significand, by: b.significand, steps: steps)
      return (
        roundRemainder(a, reduced.remainder, exponent: a.exponent &- steps), nil
      )
    }
    return completeRemainder(a, b, distance: distance, roundsToNearest: roundsToNearest)
  }

  private mutating func completeRemainder(
    _ a: UnpackedFloat, _ b: UnpackedFloat, distance: Int, roundsToNearest: Bool
  ) -> (remainder: UnpackedFloat, quotient: UInt64?) {
    var quotient: UInt64 = 0
    var rest = UInt128(a.significand)
    var divisor = UInt128(b.significand)
    if distance >= 0 {
      (quotient, rest) = Self.reduce(a.significand, by: b.significand, steps: distance)
    } else {
      divisor <<= 1
    }
    // Everything is now in units of the last place of the smaller exponent.
    let exponent = distance >= 0 ? b.exponent : a.exponent
    var isNegative = a.isNegative
    if roundsToNearest {
      let twice = rest << 1
      if twice > divisor || (twice == divisor && quotient & 1 != 0) {
        rest = divisor &- rest
        quotient &+= 1
        isNegative.toggle()
      }
    }
    if rest == 0 { return (.zero(isNegative: a.isNegative), quotient) }
    var result = a
    result.isNegative = isNegative
    return (roundRemainder(result, rest, exponent: exponent), quotient)
  }

  /// Long division: a × 2^steps = quotient × b + remainder; the quotient modulo 2⁶⁴.
  private static func reduce(
    _ a: UInt64, by b: UInt64, steps: Int
  ) -> (quotient: UInt64, remainder: UInt128) {
    var quotient: UInt64 = 0
    var rest = UInt128(a)
    let divisor = UInt128(b)
    for step in 0...steps {
      if step > 0 {
        rest <<= 1
        quotient &<<= 1
      }
      if rest >= divisor {
        rest &-= divisor
        quotient |= 1
      }
    }
    return (quotient, rest)
  }

  /// A remainder in units of 2^(exponent − 63), with the sign of `a`; always exact.
  private mutating func roundRemainder(
    _ a: UnpackedFloat, _ rest: UInt128, exponent: Int
  ) -> UnpackedFloat {
    if rest == 0 { return .zero(isNegative: a.isNegative) }
    let shift = rest.leadingZeroBitCount
    return round(
      isNegative: a.isNegative, exponent: exponent &+ 64 &- shift,
      significand: rest &<< UInt128(shift))
  }
}
