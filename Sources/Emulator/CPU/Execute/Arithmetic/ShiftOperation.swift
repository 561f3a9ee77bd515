/// A shift or rotation by a count, which the operation itself masks as the manual says.
package protocol ShiftOperation {
  /// The result, and the status flags it leaves; a masked count of zero leaves all of them.
  static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, count: UInt8, flags: UInt64
  ) -> (T, UInt64)
}

extension ShiftOperation {
  /// COUNT AND 1FH, or 3FH for quadwords.
  @inline(__always)
  static func masked<T: FixedWidthInteger & UnsignedInteger>(_ count: UInt8, _: T.Type) -> Int {
    Int(count & (T.bitWidth == 64 ? 63 : 31))
  }

  /// Applies the operation at a width given in bytes.
  @inline(__always)
  static func apply(
    _ a: UInt64, count: UInt8, size: UInt8, flags: UInt64
  ) -> (UInt64, UInt64) {
    switch size {
    case 1: widened(apply(UInt8(truncatingIfNeeded: a), count: count, flags: flags))
    case 2: widened(apply(UInt16(truncatingIfNeeded: a), count: count, flags: flags))
    case 4: widened(apply(UInt32(truncatingIfNeeded: a), count: count, flags: flags))
    default: apply(a, count: count, flags: flags)
    }
  }
}

/// Bit `index` as 0 or 1; zero where there is no such bit.
@inline(__always)
private func bit<T: FixedWidthInteger & UnsignedInteger>(_ value: T, _ index: Int) -> UInt64 {
  guard index >= 0 && index < T.bitWidth else { return 0 }
  return UInt64(truncatingIfNeeded: value &>> T(truncatingIfNeeded: index)) & 1
}

/// DEST := DEST * 2^COUNT; CF is the last bit out, OF = MSB(DEST) XOR CF.
package enum SHL: ShiftOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, count: UInt8, flags: UInt64
  ) -> (T, UInt64) {
    let n = masked(count, T.self)
    if n == 0 { return (a, flags & StatusFlags.all) }
    let r = n < T.bitWidth ? a &<< T(truncatingIfNeeded: n) : 0
    let carry = bit(a, T.bitWidth &- n)
    let overflow = (StatusFlags.topBit(r) ^ carry) &<< 11
    return (r, carry | overflow | StatusFlags.auxiliaryCarry | StatusFlags.of(r))
  }
}

/// DEST := DEST / 2^COUNT, unsigned; CF is the last bit out, OF the original sign for a count of
/// one.
package enum SHR: ShiftOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, count: UInt8, flags: UInt64
  ) -> (T, UInt64) {
    let n = masked(count, T.self)
    if n == 0 { return (a, flags & StatusFlags.all) }
    let r = n < T.bitWidth ? a &>> T(truncatingIfNeeded: n) : 0
    let overflow = StatusFlags.secondBit(r) &<< 11
    let auxiliary = StatusFlags.auxiliaryCarry
    return (r, bit(a, n &- 1) | overflow | auxiliary | StatusFlags.of(r))
  }
}

/// DEST := DEST / 2^COUNT, signed, rounding to negative infinity; CF is the last bit out, OF 0.
package enum SAR: ShiftOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, count: UInt8, flags: UInt64
  ) -> (T, UInt64) {
    let n = masked(count, T.self)
    if n == 0 { return (a, flags & StatusFlags.all) }
    let last = T.bitWidth &- 1
    let sign: T = StatusFlags.topBit(a) != 0 ? .max : 0
    // The sign comes in from the left: shift right what differs from it.
    let r = n > last ? sign : (a ^ sign) &>> T(truncatingIfNeeded: n) ^ sign
    let carry = bit(a, n > last ? last : n &- 1)
    return (r, carry | StatusFlags.auxiliaryCarry | StatusFlags.of(r))
  }
}

/// Rotates left; CF = LSB(DEST), OF = MSB(DEST) XOR CF, the others not affected.
package enum ROL: ShiftOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, count: UInt8, flags: UInt64
  ) -> (T, UInt64) {
    let n = masked(count, T.self)
    if n == 0 { return (a, flags & StatusFlags.all) }
    // `&<<` and `&>>` take their count modulo the width.
    let r = a &<< T(truncatingIfNeeded: n) | a &>> T(truncatingIfNeeded: 0 &- n)
    let carry = UInt64(truncatingIfNeeded: r) & 1
    return (r, withCarryAndOverflow(flags, carry, StatusFlags.topBit(r) ^ carry))
  }
}

/// Rotates right; CF = MSB(DEST), OF = MSB(DEST) XOR the bit below, the others not affected.
package enum ROR: ShiftOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, count: UInt8, flags: UInt64
  ) -> (T, UInt64) {
    let n = masked(count, T.self)
    if n == 0 { return (a, flags & StatusFlags.all) }
    let r = a &>> T(truncatingIfNeeded: n) | a &<< T(truncatingIfNeeded: 0 &- n)
    let carry = StatusFlags.topBit(r)
    return (r, withCarryAndOverflow(flags, carry, StatusFlags.secondBit(r) ^ carry))
  }
}

/// Rotates DEST and CF left as one number; OF = MSB(DEST) XOR CF, the others not affected.
package enum RCL: ShiftOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, count: UInt8, flags: UInt64
  ) -> (T, UInt64) {
    let masked = masked(count, T.self)
    if masked == 0 { return (a, flags & StatusFlags.all) }
    let n = masked % (T.bitWidth &+ 1)
    let (r, carry) = rotateLeft(a, n, carry: flags & 1)
    return (r, withCarryAndOverflow(flags, carry, StatusFlags.topBit(r) ^ carry))
  }

  /// Rotates the number CF:a of one bit more than `T` left by 0 to `T.bitWidth`.
  @inline(__always)
  static func rotateLeft<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ n: Int, carry: UInt64
  ) -> (T, UInt64) {
    if n == 0 { return (a, carry) }
    let width = T.bitWidth
    let high = n == width ? 0 : a &<< T(truncatingIfNeeded: n)
    let low = n == 1 ? 0 : a &>> T(truncatingIfNeeded: width &+ 1 &- n)
    let middle = T(truncatingIfNeeded: carry) &<< T(truncatingIfNeeded: n &- 1)
    return (high | middle | low, bit(a, width &- n))
  }
}

/// Rotates DEST and CF right as one number; OF = MSB(DEST) XOR the bit below, the others not
/// affected.
package enum RCR: ShiftOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, count: UInt8, flags: UInt64
  ) -> (T, UInt64) {
    let masked = masked(count, T.self)
    if masked == 0 { return (a, flags & StatusFlags.all) }
    let n = masked % (T.bitWidth &+ 1)
    let left = n == 0 ? 0 : T.bitWidth &+ 1 &- n
    let (r, carry) = RCL.rotateLeft(a, left, carry: flags & 1)
    let overflow = StatusFlags.topBit(r) ^ StatusFlags.secondBit(r)
    return (r, withCarryAndOverflow(flags, carry, overflow))
  }
}

/// Replaces CF and OF (given as 0 or 1) and keeps the other status flags.
@inline(__always)
private func withCarryAndOverflow(_ flags: UInt64, _ carry: UInt64, _ overflow: UInt64) -> UInt64 {
  let kept = StatusFlags.all & ~(StatusFlags.carry | StatusFlags.overflow)
  return flags & kept | carry | overflow &<< 11
}
