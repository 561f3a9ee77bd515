/// SplitMix64: small, fast, and the same on every machine.
package struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) {
    state = seed
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z &>> 31)
  }

  /// True once in `n` times.
  package mutating func oneIn(_ n: UInt64) -> Bool {
    next() % n == 0
  }

  package mutating func below(_ n: Int) -> Int {
    Int(truncatingIfNeeded: next() % UInt64(n))
  }

  package mutating func pick<T>(_ values: [T]) -> T {
    values[below(values.count)]
  }

  package mutating func byte() -> UInt8 {
    UInt8(truncatingIfNeeded: next())
  }
}

extension SplitMix64 {
  /// Two doublewords, or a quadword, that name elements of a small array; sometimes far away.
  package mutating func indices() -> UInt64 {
    if oneIn(16) { return integer() }
    if oneIn(2) { return UInt64(bitPattern: Int64(below(160) - 32)) }
    let (low, high) = (Int32(below(160) - 32), Int32(below(160) - 32))
    return UInt64(UInt32(bitPattern: low)) | UInt64(UInt32(bitPattern: high)) << 32
  }
}

/// Values at which instructions behave in a way of their own.
extension SplitMix64 {
  package mutating func integer() -> UInt64 {
    switch below(12) {
    case 0: return 0
    case 1: return 1
    case 2: return .max
    case 3: return 1 << UInt64(below(64))
    case 4: return (1 << UInt64(below(64))) &- 1
    case 5: return 0 &- (1 << UInt64(below(64)))
    case 6: return UInt64(below(72))
    case 7:
      return pick([
        0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF,
        0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_0000_0000,
        0x8080_8080_8080_8080, 0x7FFF_8000_FFFF_0001,
      ])
    case 8: return next() & 0xFFFF_FFFF
    case 9: return UInt64(bitPattern: Int64(Int8(bitPattern: byte())))
    default: return next()
    }
  }

  /// An address in the code page, but not in the case's own code.
  package mutating func codeAddress() -> UInt64 {
    UserState.defaultRIP & ~0xFFF | UInt64(oneIn(2) ? below(0x800) : 0x900 + below(0x700))
  }

  /// A doubleword that names a segment, and above it another or the like of one.
  package mutating func selector() -> UInt64 {
    UInt64(pick(UserSegments.selectors)) | (oneIn(2) ? next() & 0xFFFF_0000 : 0)
  }

  /// Bytes or words of a small alphabet, zeros among them, as strings are made of.
  package mutating func text() -> UInt64 {
    let isWide = oneIn(2)
    var result: UInt64 = 0
    for _ in 0..<(isWide ? 4 : 8) {
      let letter: UInt64 = pick([0x61, 0x62, 0x63, 0x61, 0x80, 0xFF, oneIn(3) ? 0 : 0x64])
      result = isWide ? result &<< 16 | letter : result &<< 8 | letter
    }
    return result
  }

  package mutating func single() -> UInt32 {
    switch below(6) {
    case 0: return UInt32(truncatingIfNeeded: next())
    case 1: return Float(Int32(truncatingIfNeeded: next()) >> Int32(below(31))).bitPattern
    case 2:
      let exponent = UInt32(115 + below(24)) &<< 23
      return UInt32(truncatingIfNeeded: next()) & 0x807F_FFFF | exponent
    default:
      let special: UInt32 = pick([
        0, 0x3F80_0000, 0x3F00_0000, 0x4000_0000, 0x7F80_0000, 0x7FC0_0000, 0x7F80_0001,
        0x7FFF_FFFF, 0x0000_0001, 0x007F_FFFF, 0x0080_0000, 0x7F7F_FFFF, 0x3F80_0001,
        0x4F00_0000, 0x4EFF_FFFF, 0x5F00_0000, 0x4B00_0000, 0x0040_0000,
      ])
      return special | (oneIn(2) ? 0x8000_0000 : 0)
    }
  }

  package mutating func double() -> UInt64 {
    switch below(6) {
    case 0: return next()
    case 1: return Double(Int64(truncatingIfNeeded: next()) >> Int64(below(63))).bitPattern
    case 2:
      let exponent = UInt64(1005 + below(40)) &<< 52
      return next() & 0x800F_FFFF_FFFF_FFFF | exponent
    default:
      let special: UInt64 = pick([
        0, 0x3FF0_0000_0000_0000, 0x3FE0_0000_0000_0000, 0x4000_0000_0000_0000,
        0x7FF0_0000_0000_0000, 0x7FF8_0000_0000_0000, 0x7FF0_0000_0000_0001, .max >> 1,
        0x0000_0000_0000_0001, 0x000F_FFFF_FFFF_FFFF, 0x0010_0000_0000_0000,
        0x7FEF_FFFF_FFFF_FFFF, 0x3FF0_0000_0000_0001, 0x41DF_FFFF_FFC0_0000,
        0x41E0_0000_0000_0000, 0x43E0_0000_0000_0000, 0x4330_0000_0000_0000,
        0x47EF_FFFF_E000_0000, 0x47EF_FFFF_F000_0000, 0x3810_0000_0000_0000,
        0x36A0_0000_0000_0000, 0x380F_FFFF_FFFF_FFFF,
      ])
      return special | (oneIn(2) ? 1 << 63 : 0)
    }
  }

  package mutating func extended() -> ExtendedBits {
    let sign: UInt16 = oneIn(2) ? 0x8000 : 0
    switch below(9) {
    case 0:
      return ExtendedBits(significand: next(), signExponent: UInt16(truncatingIfNeeded: next()))
    case 1, 2:
      let exponent = UInt16(0x3FFF - 70 + below(140))
      return ExtendedBits(significand: next() | 1 << 63, signExponent: sign | exponent)
    case 3, 4:
      let whole = Int64(truncatingIfNeeded: next()) >> Int64(below(63))
      let magnitude = max(whole.magnitude, 1)
      let shift = magnitude.leadingZeroBitCount
      return ExtendedBits(
        significand: magnitude << UInt64(shift), signExponent: sign | UInt16(0x3FFF + 63 - shift))
    case 5:
      let exponent: UInt16 = pick([0, 1, 2, 0x7FFE, 0x7FFF, 0x3FFF, 0x3FFE, 0x3C01, 0x43FE])
      return ExtendedBits(significand: next() | 1 << 63, signExponent: sign | exponent)
    default:
      let special: (UInt64, UInt16) = pick(SplitMix64.extendedSpecials)
      return ExtendedBits(significand: special.0, signExponent: sign | special.1)
    }
  }

  private static let extendedSpecials: [(UInt64, UInt16)] = [
    (0, 0), (1 << 63, 0x3FFF), (1 << 63, 0x7FFF), (3 << 62, 0x7FFF),
    (0x8000_0000_0000_0001, 0x7FFF),
    (1, 0), (.max >> 1, 0), (1 << 63, 0), (1 << 63, 1), (.max, 0x7FFE), (0, 0x7FFF),
    (1 << 62, 0x3FFF), (0, 0x3FFF), (1 << 63, 0x4000), (1 << 63, 0x3FFE), (.max, 0x403D),
  ]
}
