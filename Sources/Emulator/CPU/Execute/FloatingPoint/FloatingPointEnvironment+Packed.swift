/// What SSE3 and SSE4.1 compute on the elements of 128-bit operands.
///
/// SDM volume 2, the *Operation* section of each instruction.
extension FloatingPointEnvironment {
  /// One element, by the host's arithmetic where that may stand in.
  @inline(__always)
  mutating func compute<F: InterchangeFormat>(
    _ operation: ElementOperation, _ a: F.Pattern, _ b: F.Pattern, as type: F.Type, onHost: Bool
  ) -> F.Pattern {
    if onHost, let value = Self.computeOnHost(operation, a, b, as: F.self) { return value }
    return compute(operation, a, b, as: F.self)
  }

  /// ADDSUBPS, ADDSUBPD: the even elements subtracted, the odd ones added.
  mutating func addSubtract<V: SIMD, F: InterchangeFormat>(
    _ a: V, _ b: V, as type: F.Type, onHost: Bool
  ) -> V where V.Scalar == F.Pattern {
    var result = a
    for k in 0..<V.scalarCount {
      result[k] = compute(
        k & 1 == 0 ? .subtract : .add, a[k], b[k], as: F.self, onHost: onHost)
    }
    return result
  }

  /// HADDPS, HADDPD, HSUBPS, HSUBPD: neighbours in `a`, then neighbours in `b`.
  mutating func horizontal<V: SIMD, F: InterchangeFormat>(
    _ operation: ElementOperation, _ a: V, _ b: V, as type: F.Type, onHost: Bool
  ) -> V where V.Scalar == F.Pattern {
    var result = a
    let half = V.scalarCount / 2
    for k in 0..<half {
      result[k] = compute(operation, a[2 &* k], a[2 &* k &+ 1], as: F.self, onHost: onHost)
      result[half &+ k] = compute(operation, b[2 &* k], b[2 &* k &+ 1], as: F.self, onHost: onHost)
    }
    return result
  }

  /// One element of ROUNDPS, ROUNDPD, ROUNDSS, ROUNDSD.
  ///
  /// Bits 1:0 of the immediate are the direction unless bit 2 leaves it to MXCSR; bit 3 keeps PE
  /// from being raised. A denormal operand raises nothing else.
  mutating func roundToIntegral<F: InterchangeFormat>(
    _ bits: F.Pattern, _ immediate: UInt8, as type: F.Type
  ) -> F.Pattern {
    let a = unpack(bits, as: F.self)
    if let nan = propagateNaN(a) { return nan.pattern(as: F.self) }
    let direction = immediate & 4 != 0 ? rounding : RoundingControl(bits: UInt32(immediate))
    guard a.kind == .finite, let rounded = roundToInteger(a, rounding: direction) else {
      return a.pattern(as: F.self)
    }
    if rounded.isInexact && immediate & 8 == 0 { raise(.precision) }
    return UnpackedFloat(
      isNegative: a.isNegative, exponent: 63, normalizing: rounded.magnitude
    ).pattern(as: F.self)
  }
}
