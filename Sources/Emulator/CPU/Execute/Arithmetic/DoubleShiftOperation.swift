/// A shift of one operand that takes the incoming bits from a second one.
package protocol DoubleShiftOperation {
  /// The result, and the status flags it leaves; a masked count of zero leaves all of them.
  static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T, count: UInt8, flags: UInt64
  ) -> (T, UInt64)
}

extension DoubleShiftOperation {
  /// Applies the operation at a width given in bytes: 2, 4 or 8.
  @inline(__always)
  static func apply(
    _ a: UInt64, _ b: UInt64, count: UInt8, size: UInt8, flags: UInt64
  ) -> (UInt64, UInt64) {
    switch size {
    case 2:
      widened(
        apply(
          UInt16(truncatingIfNeeded: a), UInt16(truncatingIfNeeded: b), count: count,
          flags: flags))
    case 4:
      widened(
        apply(
          UInt32(truncatingIfNeeded: a), UInt32(truncatingIfNeeded: b), count: count,
          flags: flags))
    default: apply(a, b, count: count, flags: flags)
    }
  }
}

/// Shifts DEST left, filling from the top of SRC; CF is the last bit out, OF the change of sign.
///
/// A 16-bit count above 16 is undefined; here SRC follows again and again, and CF = OF = 0.
package enum SHLD: DoubleShiftOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T, count: UInt8, flags: UInt64
  ) -> (T, UInt64) {
    let width = T.bitWidth
    let n = Int(count & (width == 64 ? 63 : 31))
    if n == 0 { return (a, flags & StatusFlags.all) }
    let shift = T(truncatingIfNeeded: n)
    let complement = T(truncatingIfNeeded: 0 &- n)
    if n >= width {
      let r = b &<< shift | b &>> complement
      let carry = n == width ? UInt64(truncatingIfNeeded: a) & 1 : 0
      let overflow = n == width ? carry ^ StatusFlags.topBit(r) : 0
      return (r, carry | overflow &<< 11 | StatusFlags.auxiliaryCarry | StatusFlags.of(r))
    }
    let r = a &<< shift | b &>> complement
    let carry = UInt64(truncatingIfNeeded: a &>> complement) & 1
    let overflow = carry ^ StatusFlags.topBit(r)
    return (r, carry | overflow &<< 11 | StatusFlags.auxiliaryCarry | StatusFlags.of(r))
  }
}

/// Shifts DEST right, filling from the bottom of SRC; CF is the last bit out, OF the change of
/// sign.
///
/// A 16-bit count above 16 is undefined; here SRC follows again and again, and CF = 0.
package enum SHRD: DoubleShiftOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, _ b: T, count: UInt8, flags: UInt64
  ) -> (T, UInt64) {
    let width = T.bitWidth
    let n = Int(count & (width == 64 ? 63 : 31))
    if n == 0 { return (a, flags & StatusFlags.all) }
    let shift = T(truncatingIfNeeded: n)
    let complement = T(truncatingIfNeeded: 0 &- n)
    let r = (n >= width ? b : a) &>> shift | b &<< complement
    let last = UInt64(truncatingIfNeeded: a &>> T(truncatingIfNeeded: n &- 1)) & 1
    let carry = n > width ? 0 : last
    let overflow = StatusFlags.topBit(r) ^ StatusFlags.secondBit(r)
    return (r, carry | overflow &<< 11 | StatusFlags.auxiliaryCarry | StatusFlags.of(r))
  }
}
