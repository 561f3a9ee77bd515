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

  /// Interleaves the low halves: a0 b0 a1 b1 ….
  @inline(__always) func interleavingLow<V: SIMD>(
    _ other: UInt128, as type: V.Type
  ) -> UInt128 {
    let (a, b) = (elements(V.self), other.elements(V.self))
    var result = a
    for k in 0..<V.scalarCount { result[k] = k & 1 == 0 ? a[k >> 1] : b[k >> 1] }
    return UInt128(elements: result)
  }

  /// Narrows `self`, then `other`, with saturation.
  @inline(__always) func packing<V: SIMD, W: SIMD>(
    _ other: UInt128, from wide: V.Type, to narrow: W.Type
  ) -> UInt128 where V.Scalar: FixedWidthInteger, W.Scalar: FixedWidthInteger {
    let (a, b) = (elements(V.self), other.elements(V.self))
    var result = unsafeBitCast(UInt128(0), to: W.self)
    for k in 0..<V.scalarCount {
      result[k] = W.Scalar(clamping: a[k])
      result[k &+ V.scalarCount] = W.Scalar(clamping: b[k])
    }
    return UInt128(elements: result)
  }
}

extension FixedWidthInteger {
  /// self + other, saturated.
  @inline(__always) func saturatingAdd(_ other: Self) -> Self {
    let (sum, overflows) = addingReportingOverflow(other)
    return overflows ? (Self.isSigned && self < 0 ? .min : .max) : sum
  }

  /// self − other, saturated.
  @inline(__always) func saturatingSubtract(_ other: Self) -> Self {
    let (difference, overflows) = subtractingReportingOverflow(other)
    return overflows ? (Self.isSigned && self >= 0 ? .max : .min) : difference
  }
}
