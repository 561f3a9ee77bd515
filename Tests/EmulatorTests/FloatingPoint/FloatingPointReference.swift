import Emulator

/// Operands that find the corners: specials, neighbours of powers of two, denormals and noise.
struct OperandGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// Noise.
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state &* 0x9E37_79B9_7F4A_7C15
  }

  /// An encoding of binary32.
  mutating func single() -> UInt32 {
    let sign = UInt32(truncatingIfNeeded: next()) & 0x8000_0000
    let noise = UInt32(truncatingIfNeeded: next())
    let exponent = UInt32(truncatingIfNeeded: next() % 255) << 23
    return switch next() % 8 {
    case 0: sign
    case 1: sign | 0x7F80_0000
    case 2: sign | noise & 0x7F_FFFF
    case 3: sign | exponent
    case 4: sign | exponent | 0x7F_FFFF
    case 5: sign | (0x3F00_0000 + noise & 0x1FF_F000)
    case 6: sign | 0x7F80_0000 | noise & 0x7F_FFFF
    default: sign | exponent | noise & 0x7F_FFFF
    }
  }

  /// An encoding of binary64.
  mutating func double() -> UInt64 {
    let sign = next() & 1 << 63
    let noise = next() & 0xF_FFFF_FFFF_FFFF
    let exponent = (next() % 2047) << 52
    return switch next() % 8 {
    case 0: sign
    case 1: sign | 0x7FF << 52
    case 2: sign | noise
    case 3: sign | exponent
    case 4: sign | exponent | 0xF_FFFF_FFFF_FFFF
    case 5: sign | (0x3FE0_0000_0000_0000 + next() & 0x3F_FF00_0000_0000)
    case 6: sign | 0x7FF << 52 | noise
    default: sign | exponent | noise
    }
  }

  /// The contents of an x87 register; no unsupported encodings.
  mutating func extended() -> ExtendedPattern {
    let sign = UInt16(truncatingIfNeeded: next()) & 0x8000
    let noise = next()
    let near = 0x3FFF - 40 + UInt16(truncatingIfNeeded: next() % 80)
    return switch next() % 8 {
    case 0: ExtendedPattern(signExponent: sign, significand: 0)
    case 1: ExtendedPattern(signExponent: sign | 0x7FFF, significand: 1 << 63)
    case 2: ExtendedPattern(signExponent: sign, significand: noise >> 1)
    case 3: ExtendedPattern(signExponent: sign | near, significand: 1 << 63)
    case 4: ExtendedPattern(signExponent: sign | near, significand: .max)
    case 5:
      ExtendedPattern(
        signExponent: sign | UInt16(1 + next() % 0x7FFE), significand: noise | 1 << 63)
    default: ExtendedPattern(signExponent: sign | near, significand: noise | 1 << 63)
    }
  }
}

/// What a binary32 operation must give, found with the host's binary64 arithmetic.
///
/// For sums of operands not far apart, products, quotients and roots of 24-bit significands the
/// 53-bit result is exact, or lies strictly between the same two binary32 neighbours as the exact
/// one.
struct SingleReference {
  var bits: UInt32
  var isExact: Bool

  init(_ value: Double, isExact: Bool, rounding: RoundingControl) {
    let nearest = Float(value)
    self.isExact = isExact && Double(nearest) == value
    let down = Double(nearest) > value ? nearest.nextDown : nearest
    let up = Double(nearest) < value ? nearest.nextUp : nearest
    let result: Float =
      switch rounding {
      case .nearest: nearest
      case .down: down
      case .up: up
      case .towardZero: value < 0 ? up : down
      }
    // The neighbours of a value that rounds to zero or infinity keep its sign.
    bits = result == 0 ? (value.sign == .minus ? 0x8000_0000 : 0) : result.bitPattern
  }
}

extension FloatingPointEnvironment {
  /// All exceptions masked.
  static func masked(
    _ format: FloatingPointFormat, _ rounding: RoundingControl = .nearest
  ) -> FloatingPointEnvironment {
    FloatingPointEnvironment(mxcsr: 0x1F80 | UInt32(rounding.rawValue) << 13, format: format)
  }
}
