/// SSSE3: PSHUFB, the horizontal sums, PMADDUBSW, PSIGN, PMULHRSW, PABS, PALIGNR.
///
/// SDM volume 2, the *Operation* section of each instruction.
extension PackedInteger {
  /// What the opcodes 00 to 0B and 1C to 1E of the 0F 38 map do.
  static func supplemental(_ opcode: UInt8, _ a: UInt128, _ b: UInt128, isMMX: Bool) -> UInt128 {
    switch opcode {
    case 0x00: shuffleBytes(a, by: b, isMMX: isMMX)
    case 0x01, 0x02, 0x03, 0x05, 0x06, 0x07:
      // An MMX operation pairs the elements of both operands in one register.
      horizontal(opcode, isMMX ? UInt128(low: a.low, high: b.low) : a, b)
    case 0x04: multiplyAddBytes(a, b)
    case 0x08: a.combining(b, as: SignedBytes.self) { negated($0, as: $1) }
    case 0x09: a.combining(b, as: SignedWords.self) { negated($0, as: $1) }
    case 0x0A: a.combining(b, as: SignedDoublewords.self) { negated($0, as: $1) }
    case 0x0B: a.combining(b, as: SignedWords.self, multiplyRounded)
    case 0x1C: b.mapping(as: SignedBytes.self) { negated($0, as: $0) }
    case 0x1D: b.mapping(as: SignedWords.self) { negated($0, as: $0) }
    default: b.mapping(as: SignedDoublewords.self) { negated($0, as: $0) }
    }
  }

  /// PSHUFB: a byte of `source` for each index, zero where bit 7 of the index is set.
  @inline(__always)
  static func shuffleBytes(_ source: UInt128, by indices: UInt128, isMMX: Bool = false) -> UInt128 {
    let bytes = source.elements(Bytes.self)
    let last: UInt8 = isMMX ? 7 : 15
    return indices.mapping(as: Bytes.self) { $0 & 0x80 != 0 ? 0 : bytes[Int($0 & last)] }
  }

  /// PHADDW, PHADDD, PHADDSW, PHSUBW, PHSUBD, PHSUBSW.
  private static func horizontal(_ opcode: UInt8, _ a: UInt128, _ b: UInt128) -> UInt128 {
    if opcode == 0x02 || opcode == 0x06 {
      let (even, odd) = deinterleaved(
        a.elements(SIMD4<UInt32>.self), b.elements(SIMD4<UInt32>.self))
      return UInt128(elements: opcode == 0x02 ? even &+ odd : even &- odd)
    }
    let (even, odd) = deinterleaved(a.elements(SignedWords.self), b.elements(SignedWords.self))
    return switch opcode {
    case 0x01: UInt128(elements: even &+ odd)
    case 0x03: saturatingAdd(even, odd)
    case 0x05: UInt128(elements: even &- odd)
    default: saturatingSubtract(even, odd)
    }
  }

  /// The even and the odd elements of two operands, those of the first one lowest.
  static func deinterleaved<T>(_ a: SIMD8<T>, _ b: SIMD8<T>) -> (SIMD8<T>, SIMD8<T>) {
    (
      SIMD8(lowHalf: a.evenHalf, highHalf: b.evenHalf),
      SIMD8(lowHalf: a.oddHalf, highHalf: b.oddHalf)
    )
  }

  /// The even and the odd elements of two operands, those of the first one lowest.
  static func deinterleaved<T>(_ a: SIMD4<T>, _ b: SIMD4<T>) -> (SIMD4<T>, SIMD4<T>) {
    (
      SIMD4(lowHalf: a.evenHalf, highHalf: b.evenHalf),
      SIMD4(lowHalf: a.oddHalf, highHalf: b.oddHalf)
    )
  }

  /// PMADDUBSW: unsigned bytes of `a` times signed bytes of `b`, summed in pairs, saturated.
  private static func multiplyAddBytes(_ a: UInt128, _ b: UInt128) -> UInt128 {
    a.combining(b, as: SignedWords.self) {
      let low = Int32($0 & 0xFF) &* Int32(Int8(truncatingIfNeeded: $1))
      let high = Int32($0 &>> 8 & 0xFF) &* Int32($1 &>> 8)
      return Int16(clamping: low &+ high)
    }
  }

  /// PMULHRSW: bits 30:15 of the product, rounded.
  private static func multiplyRounded(_ a: Int16, _ b: Int16) -> Int16 {
    Int16(truncatingIfNeeded: ((Int32(a) &* Int32(b)) &>> 14 &+ 1) &>> 1)
  }

  /// PSIGN: `a` negated, cleared or kept by the sign of `b`; of `a` itself, its magnitude.
  @inline(__always)
  private static func negated<T: FixedWidthInteger & SignedInteger>(_ a: T, as b: T) -> T {
    b < 0 ? 0 &- a : (b == 0 ? 0 : a)
  }

  /// PALIGNR: `a` above `b`, shifted right by `count` bytes.
  @inline(__always)
  static func align(_ a: UInt128, _ b: UInt128, count: UInt8, isMMX: Bool = false) -> UInt128 {
    let bits = UInt128(count) &* 8
    // Swift's smart shifts give zero from the width on, and shift left by negative distances.
    if isMMX { return UInt128(low: b.low, high: a.low) >> bits }
    return b >> bits | (bits < 128 ? a << (128 &- bits) : a >> (bits &- 128))
  }
}
