/// An operation of one source that writes its result and the status flags.
package protocol UnaryOperation {
  /// The result, and the status flags it leaves.
  static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, flags: UInt64
  ) -> (T, UInt64)
}

extension UnaryOperation {
  /// Applies the operation at a width given in bytes.
  @inline(__always)
  static func apply(_ a: UInt64, size: UInt8, flags: UInt64) -> (UInt64, UInt64) {
    switch size {
    case 1: widened(apply(UInt8(truncatingIfNeeded: a), flags: flags))
    case 2: widened(apply(UInt16(truncatingIfNeeded: a), flags: flags))
    case 4: widened(apply(UInt32(truncatingIfNeeded: a), flags: flags))
    default: apply(a, flags: flags)
    }
  }
}

/// DEST := DEST + 1; CF is not affected, the others as ADD.
package enum INC: UnaryOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, flags: UInt64
  ) -> (T, UInt64) {
    let r = a &+ 1
    return (r, ADD.sumFlags(a, 1, r, carry: flags & StatusFlags.carry))
  }
}

/// DEST := DEST - 1; CF is not affected, the others as SUB.
package enum DEC: UnaryOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, flags: UInt64
  ) -> (T, UInt64) {
    let r = a &- 1
    return (r, SUB.differenceFlags(a, 1, r, borrow: flags & StatusFlags.carry))
  }
}

/// DEST := -DEST; CF is set unless the operand is zero, the others as SUB from zero.
package enum NEG: UnaryOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, flags: UInt64
  ) -> (T, UInt64) { SUB.apply(0, a, flags: flags) }
}

/// DEST := NOT DEST; no flags.
package enum NOT: UnaryOperation {
  @inline(__always)
  package static func apply<T: FixedWidthInteger & UnsignedInteger>(
    _ a: T, flags: UInt64
  ) -> (T, UInt64) { (~a, flags & StatusFlags.all) }
}
