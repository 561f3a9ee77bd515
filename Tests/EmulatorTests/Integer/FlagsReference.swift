/// RFLAGS bits from the manual's definitions, bit by bit, for the tests to compare with.
struct FlagsReference {
  var carry = false
  var auxiliaryCarry = false
  var overflow = false

  /// The flags' image, with SF, ZF and PF of an 8-bit result.
  func image(of result: UInt8) -> UInt64 {
    var ones = 0
    for bit in 0..<8 where result & 1 << UInt8(bit) != 0 { ones += 1 }
    var flags: UInt64 = 0
    if carry { flags |= 0x1 }
    if ones % 2 == 0 { flags |= 0x4 }
    if auxiliaryCarry { flags |= 0x10 }
    if result == 0 { flags |= 0x40 }
    if result >= 0x80 { flags |= 0x80 }
    if overflow { flags |= 0x800 }
    return flags
  }

  /// The flags' image where only CF and OF are written.
  func image(keeping flags: UInt64) -> UInt64 {
    flags & 0xD4 | (carry ? 0x1 : 0) | (overflow ? 0x800 : 0)
  }
}
