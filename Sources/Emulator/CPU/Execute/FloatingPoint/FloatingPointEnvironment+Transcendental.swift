/// The x87 transcendental functions: special operands as the tables of SDM volume 2 have them, the
/// others through `WideFloat` to far less than the one unit in the last place that the manual
/// allows, then rounded as RC says.
extension FloatingPointEnvironment {
  /// Rounds an irrational result.
  private mutating func round(_ a: WideFloat) -> UnpackedFloat {
    if a.isZero { return .zero(isNegative: a.isNegative) }
    return round(isNegative: a.isNegative, exponent: a.exponent, significand: a.significand | 1)
  }

  /// The response to an argument for which the manual defines no result.
  private mutating func unchanged(_ a: UnpackedFloat) -> UnpackedFloat {
    raise(.precision)
    return a
  }

  /// F2XM1: 2^a − 1 for −1 ≤ a ≤ 1; outside the manual leaves the result open.
  package mutating func exponentialMinusOne(_ a: UnpackedFloat) -> UnpackedFloat {
    if let nan = propagateNaN(a) { return nan }
    if a.kind == .infinity { return a.isNegative ? UnpackedFloat(-1) : a }
    noteDenormal(a)
    guard a.kind == .finite else { return a }
    if a.exponent >= 0 {
      // −1 gives −½; every other result outside the open interval is the argument, and inexact.
      let isMinusOne = a.isNegative && a.exponent == 0 && a.significand == 1 << 63
      return unchanged(isMinusOne ? UnpackedFloat(a, exponent: -1) : a)
    }
    return round(Transcendental.exponentialMinusOne(WideFloat(a)))
  }

  /// FYL2X: b × log₂ a.
  package mutating func logarithm(_ a: UnpackedFloat, times b: UnpackedFloat) -> UnpackedFloat {
    if let nan = propagateNaN(a, b) { return nan }
    if a.isNegative && a.kind != .zero { return invalidOperation() }
    if a.kind == .zero {
      if b.kind == .zero { return invalidOperation() }
      if b.kind == .finite { raise(.divideByZero) }
      return .infinity(isNegative: !b.isNegative)
    }
    if a.kind == .infinity {
      if b.kind == .zero { return invalidOperation() }
      noteDenormal(b)
      return .infinity(isNegative: b.isNegative)
    }
    let isBelowOne = a.exponent < 0
    let isOne = a.exponent == 0 && a.significand == 1 << 63
    if b.kind == .infinity {
      if isOne { return invalidOperation() }
      noteDenormal(a)
      return .infinity(isNegative: b.isNegative != isBelowOne)
    }
    noteDenormal(a)
    noteDenormal(b)
    if b.kind == .zero || isOne { return .zero(isNegative: b.isNegative != isBelowOne) }
    if a.significand == 1 << 63 {
      raise(.precision)
      let result = multiply(b, UnpackedFloat(Int64(a.exponent)))
      if result.exponent < format.minimumExponent { raise(.underflow) }
      return result
    }
    return round(Transcendental.binaryLogarithm(WideFloat(a)) * WideFloat(b))
  }

  /// FYL2XP1: b × log₂(a + 1); for a ≤ −1 the manual leaves the result open.
  package mutating func logarithmOfOnePlus(
    _ a: UnpackedFloat, times b: UnpackedFloat
  ) -> UnpackedFloat {
    if let nan = propagateNaN(a, b) { return nan }
    let isNegative = a.isNegative != b.isNegative
    if a.kind == .infinity && a.isNegative { return invalidOperation() }
    if a.kind == .infinity || b.kind == .infinity {
      if a.kind == .zero || b.kind == .zero { return invalidOperation() }
      noteDenormal(a)
      noteDenormal(b)
      return .infinity(isNegative: isNegative)
    }
    noteDenormal(a)
    noteDenormal(b)
    if a.kind == .zero || b.kind == .zero { return .zero(isNegative: isNegative) }
    if a.isNegative && a.exponent >= 0 { return unchanged(a) }
    return round(Transcendental.binaryLogarithmOfOnePlus(WideFloat(a)) * WideFloat(b))
  }

  /// FPATAN: the angle of the point (b, a).
  package mutating func arctangent(_ a: UnpackedFloat, over b: UnpackedFloat) -> UnpackedFloat {
    if let nan = propagateNaN(a, b) { return nan }
    noteDenormal(a)
    noteDenormal(b)
    var angle: WideFloat
    switch (a.kind, b.kind) {
    case (.infinity, .infinity):
      let quarter = Transcendental.pi.scaled(by: -2)
      angle = b.isNegative ? Transcendental.pi - quarter : quarter
    case (.infinity, _), (.finite, .zero): angle = Transcendental.pi.scaled(by: -1)
    case (.zero, _), (_, .infinity):
      if !b.isNegative { return .zero(isNegative: a.isNegative) }
      angle = Transcendental.pi
    default:
      angle = Transcendental.arctangent(WideFloat(a.magnitude), over: WideFloat(b))
    }
    angle.isNegative = a.isNegative
    return round(angle)
  }

  /// FSIN, FCOS, FSINCOS: the results that are wanted; nil where the argument is out of range.
  package mutating func sineAndCosine(
    _ a: UnpackedFloat, wantsSine: Bool, wantsCosine: Bool
  ) -> (sine: UnpackedFloat, cosine: UnpackedFloat)? {
    if let nan = propagateNaN(a) { return (nan, nan) }
    if a.kind == .infinity {
      let nan = invalidOperation()
      return (nan, nan)
    }
    if a.kind == .zero { return (a, UnpackedFloat(1)) }
    guard a.exponent < 63 else { return nil }
    noteDenormal(a)
    let (sine, cosine) = Transcendental.sineAndCosine(a)
    let first = wantsSine ? round(sine) : a
    return (first, wantsCosine ? round(cosine) : a)
  }

  /// FPTAN; nil where the argument is out of range.
  package mutating func tangent(_ a: UnpackedFloat) -> UnpackedFloat? {
    if let nan = propagateNaN(a) { return nan }
    if a.kind == .infinity { return invalidOperation() }
    if a.kind == .zero { return a }
    guard a.exponent < 63 else { return nil }
    noteDenormal(a)
    let (sine, cosine) = Transcendental.sineAndCosine(a)
    return round(sine / cosine)
  }
}
