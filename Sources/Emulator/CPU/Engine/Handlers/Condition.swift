/// A condition code of Jcc, SETcc and CMOVcc as a type, so that its test is a few instructions.
enum Condition<let code: Int> {
  /// The condition on exact flags.
  @inline(__always) static func holds(_ flags: UInt64) -> Bool {
    let carry = flags & 1 != 0
    let zero = flags & 0x40 != 0
    // SF is bit 7, OF bit 11.
    let less = (flags ^ flags &>> 4) & 0x80 != 0
    let value =
      switch code >> 1 {
      case 0: flags & 0x800 != 0
      case 1: carry
      case 2: zero
      case 3: carry || zero
      case 4: flags & 0x80 != 0
      case 5: flags & 4 != 0
      case 6: less
      default: less || zero
      }
    return value != (code & 1 != 0)
  }

  /// Whether the last result alone decides, whatever the operation was.
  @inline(__always) static var followsFromResult: Bool {
    code >> 1 == 2 || code >> 1 == 4 || code >> 1 == 5
  }

  /// Whether CF alone decides.
  @inline(__always) static var isCarry: Bool { code >> 1 == 1 }

  /// The condition on a lazily kept result, for those that follow from it.
  @inline(__always) static func holds(kind: UInt64, result: UInt64) -> Bool {
    let value =
      switch code >> 1 {
      case 2: result == 0
      case 4: LazyFlags.sign(kind: kind, result: result)
      default: UInt8(truncatingIfNeeded: result).nonzeroBitCount & 1 == 0
      }
    return value != (code & 1 != 0)
  }

  /// The condition after CMP a, b.
  @inline(__always) static func holdsComparing<T: Width>(_ a: T, _ b: T) -> Bool {
    let difference = a &- b
    let bias = T(1) &<< T(T.bitWidth &- 1)
    let value =
      switch code >> 1 {
      case 0: (a ^ b) & (a ^ difference) & bias != 0
      case 1: a < b
      case 2: a == b
      case 3: a <= b
      case 4: difference & bias != 0
      case 5: UInt8(truncatingIfNeeded: difference).nonzeroBitCount & 1 == 0
      case 6: a ^ bias < b ^ bias
      default: a ^ bias <= b ^ bias
      }
    return value != (code & 1 != 0)
  }

  /// The condition after TEST with the result `r`.
  @inline(__always) static func holdsTesting<T: Width>(_ r: T) -> Bool {
    let bias = T(1) &<< T(T.bitWidth &- 1)
    let value =
      switch code >> 1 {
      case 0, 1: false
      case 2, 3: r == 0
      case 4, 6: r & bias != 0
      case 5: UInt8(truncatingIfNeeded: r).nonzeroBitCount & 1 == 0
      default: r == 0 || r & bias != 0
      }
    return value != (code & 1 != 0)
  }
}
