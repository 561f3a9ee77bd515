extension UInt128 {
  /// The elements of a packed operand, first one lowest.
  @inline(__always) func elements<V: SIMD>(_ type: V.Type) -> V {
    // SAFETY: both are 16 bytes of plain data; hosts are little-endian, as the guest is.
    unsafeBitCast(self, to: V.self)
  }

  /// Packs elements.
  @inline(__always) init<V: SIMD>(elements: V) {
    // SAFETY: both are 16 bytes of plain data.
    self = unsafeBitCast(elements, to: UInt128.self)
  }

  /// Packs two quadwords.
  @inline(__always) init(low: UInt64, high: UInt64) {
    self = UInt128(high) &<< 64 | UInt128(low)
  }

  /// Bits 63:0.
  @inline(__always) var low: UInt64 { UInt64(truncatingIfNeeded: self) }
  /// Bits 127:64.
  @inline(__always) var high: UInt64 { UInt64(truncatingIfNeeded: self &>> 64) }

  /// Applies `operation` to each pair of elements.
  @inline(__always) func combining<V: SIMD>(
    _ other: UInt128, as type: V.Type, _ operation: (V.Scalar, V.Scalar) -> V.Scalar
  ) -> UInt128 {
    let (a, b) = (elements(V.self), other.elements(V.self))
    var result = a
    for k in 0..<V.scalarCount { result[k] = operation(a[k], b[k]) }
    return UInt128(elements: result)
  }

  /// Applies `operation` to each element.
  @inline(__always) func mapping<V: SIMD>(
    as type: V.Type, _ operation: (V.Scalar) -> V.Scalar
  ) -> UInt128 {
    var result = elements(V.self)
    for k in 0..<V.scalarCount { result[k] = operation(result[k]) }
    return UInt128(elements: result)
  }
}

/// Saturating arithmetic on all elements at once: the second operand is first brought to where the
/// result cannot overflow, by minima and maxima, for which every host has instructions.
extension PackedInteger {
  /// a + b of unsigned elements.
  @inline(__always) static func saturatingAddUnsigned<V: SIMD>(_ a: V, _ b: V) -> UInt128
  where V.Scalar: FixedWidthInteger & UnsignedInteger {
    UInt128(elements: a &+ pointwiseMin(b, V(repeating: .max) &- a))
  }

  /// a − b of unsigned elements.
  @inline(__always) static func saturatingSubtractUnsigned<V: SIMD>(_ a: V, _ b: V) -> UInt128
  where V.Scalar: FixedWidthInteger & UnsignedInteger {
    UInt128(elements: a &- pointwiseMin(a, b))
  }

  /// a + b of signed elements.
  @inline(__always) static func saturatingAdd<V: SIMD>(_ a: V, _ b: V) -> UInt128
  where V.Scalar: FixedWidthInteger & SignedInteger {
    let zero = V(repeating: 0)
    let upper = V(repeating: .max) &- pointwiseMax(a, zero)
    let lower = V(repeating: .min) &- pointwiseMin(a, zero)
    return UInt128(elements: a &+ pointwiseMax(pointwiseMin(b, upper), lower))
  }

  /// a − b of signed elements.
  @inline(__always) static func saturatingSubtract<V: SIMD>(_ a: V, _ b: V) -> UInt128
  where V.Scalar: FixedWidthInteger & SignedInteger {
    let minusOne = V(repeating: -1)
    let upper = pointwiseMin(a, minusOne) &- V(repeating: .min)
    let lower = pointwiseMax(a, minusOne) &- V(repeating: .max)
    return UInt128(elements: a &- pointwiseMax(pointwiseMin(b, upper), lower))
  }
}
