/// Builds status flags as bits of RFLAGS.
///
/// SDM volume 1, "Status Flags".
///
/// Where the manual leaves a flag undefined, the operations here do what current AMD processors
/// were seen to do.
package enum StatusFlags {
  package static let carry: UInt64 = 1
  package static let parity: UInt64 = 1 << 2
  package static let auxiliaryCarry: UInt64 = 1 << 4
  package static let zero: UInt64 = 1 << 6
  package static let sign: UInt64 = 1 << 7
  package static let overflow: UInt64 = 1 << 11
  /// All six.
  package static let all: UInt64 = 0x8D5

  /// SF, ZF and PF of a result.
  @inline(__always)
  package static func of<T: FixedWidthInteger & UnsignedInteger>(_ result: T) -> UInt64 {
    let low = UInt64(truncatingIfNeeded: result)
    // 0x9669 has a one at every four-bit number of even parity.
    let even: UInt64 = (0x9669 &>> ((low ^ low &>> 4) & 0xF)) & 1
    return even &<< 2 | (result == 0 ? zero : 0) | topBit(result) &<< 7
  }

  /// The most significant bit, as 0 or 1.
  @inline(__always)
  package static func topBit<T: FixedWidthInteger & UnsignedInteger>(_ value: T) -> UInt64 {
    UInt64(truncatingIfNeeded: value &>> T(truncatingIfNeeded: T.bitWidth &- 1))
  }

  /// The bit below the most significant one, as 0 or 1.
  @inline(__always)
  package static func secondBit<T: FixedWidthInteger & UnsignedInteger>(_ value: T) -> UInt64 {
    UInt64(truncatingIfNeeded: value &>> T(truncatingIfNeeded: T.bitWidth &- 2)) & 1
  }
}
