/// An operation of two sources that writes its result and the status flags.
package protocol BinaryOperation {
  /// The result, and the status flags it leaves (CF, PF, AF, ZF, SF, OF as bits of RFLAGS).
  static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T, flags: UInt64
  ) -> (T, UInt64)
  /// Whether the result goes to the destination; false for CMP and TEST.
  static var writesDestination: Bool { get }
}

extension BinaryOperation {
  package static var writesDestination: Bool { true }

  /// Applies the operation at a width given in bytes.
  @inline(__always)
  static func apply(
    _ a: UInt64, _ b: UInt64, size: UInt8, flags: UInt64
  ) -> (UInt64, UInt64) {
    switch size {
    case 1: widened(apply(UInt8(truncatingIfNeeded: a), UInt8(truncatingIfNeeded: b), flags: flags))
    case 2:
      widened(apply(UInt16(truncatingIfNeeded: a), UInt16(truncatingIfNeeded: b), flags: flags))
    case 4:
      widened(apply(UInt32(truncatingIfNeeded: a), UInt32(truncatingIfNeeded: b), flags: flags))
    default: apply(a, b, flags: flags)
    }
  }
}

/// A result and flags of any width, zero-extended.
@inline(__always)
func widened<T: FixedWidthInteger & UnsignedInteger>(_ pair: (T, UInt64)) -> (UInt64, UInt64) {
  (UInt64(truncatingIfNeeded: pair.0), pair.1)
}

/// DEST := DEST + SRC; OF, SF, ZF, AF, CF and PF according to the result.
package enum ADD: BinaryOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T, flags: UInt64
  ) -> (T, UInt64) {
    let r = a &+ b
    return (r, sumFlags(a, b, r, carry: r < a ? 1 : 0))
  }

  /// The flags of a sum whose carry out is known.
  @inline(__always)
  static func sumFlags<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T, _ r: T, carry: UInt64
  ) -> UInt64 {
    let auxiliary = UInt64(truncatingIfNeeded: a ^ b ^ r) & StatusFlags.auxiliaryCarry
    let overflow = StatusFlags.topBit((a ^ r) & (b ^ r)) &<< 11
    return carry | auxiliary | overflow | StatusFlags.of(r)
  }
}

/// DEST := DEST + SRC + CF; OF, SF, ZF, AF, CF and PF according to the result.
package enum ADC: BinaryOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T, flags: UInt64
  ) -> (T, UInt64) {
    let r = a &+ b &+ T(truncatingIfNeeded: flags & 1)
    return (r, ADD.sumFlags(a, b, r, carry: StatusFlags.topBit(a & b | (a | b) & ~r)))
  }
}

/// DEST := DEST - SRC; OF, SF, ZF, AF, CF and PF according to the result.
package enum SUB: BinaryOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T, flags: UInt64
  ) -> (T, UInt64) {
    let r = a &- b
    return (r, differenceFlags(a, b, r, borrow: a < b ? 1 : 0))
  }

  /// The flags of a difference whose borrow is known.
  @inline(__always)
  static func differenceFlags<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T, _ r: T, borrow: UInt64
  ) -> UInt64 {
    let auxiliary = UInt64(truncatingIfNeeded: a ^ b ^ r) & StatusFlags.auxiliaryCarry
    let overflow = StatusFlags.topBit((a ^ b) & (a ^ r)) &<< 11
    return borrow | auxiliary | overflow | StatusFlags.of(r)
  }
}

/// DEST := DEST - (SRC + CF); OF, SF, ZF, AF, CF and PF according to the result.
package enum SBB: BinaryOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T, flags: UInt64
  ) -> (T, UInt64) {
    let r = a &- b &- T(truncatingIfNeeded: flags & 1)
    let borrow = StatusFlags.topBit(~a & b | (~a | b) & r)
    return (r, SUB.differenceFlags(a, b, r, borrow: borrow))
  }
}

/// Temp := DEST - SRC; flags as SUB.
package enum CMP: BinaryOperation {
  package static var writesDestination: Bool { false }

  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T, flags: UInt64
  ) -> (T, UInt64) { SUB.apply(a, b, flags: flags) }
}

/// DEST := DEST AND SRC; OF and CF cleared, SF, ZF and PF according to the result, AF undefined.
package enum AND: BinaryOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T, flags: UInt64
  ) -> (T, UInt64) { (a & b, StatusFlags.of(a & b)) }
}

/// DEST := DEST OR SRC; flags as AND.
package enum OR: BinaryOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T, flags: UInt64
  ) -> (T, UInt64) { (a | b, StatusFlags.of(a | b)) }
}

/// DEST := DEST XOR SRC; flags as AND.
package enum XOR: BinaryOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T, flags: UInt64
  ) -> (T, UInt64) { (a ^ b, StatusFlags.of(a ^ b)) }
}

/// TEMP := SRC1 AND SRC2; flags as AND.
package enum TEST: BinaryOperation {
  package static var writesDestination: Bool { false }

  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T, flags: UInt64
  ) -> (T, UInt64) { AND.apply(a, b, flags: flags) }
}
