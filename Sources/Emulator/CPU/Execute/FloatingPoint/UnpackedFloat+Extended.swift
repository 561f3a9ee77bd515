/// The contents of an x87 register: the double extended format, with its explicit integer bit.
package struct ExtendedPattern: Equatable, Sendable {
  /// The sign bit and the biased exponent.
  package var signExponent: UInt16
  /// The significand, integer bit included.
  package var significand: UInt64

  /// Makes a pattern.
  package init(signExponent: UInt16, significand: UInt64) {
    self.signExponent = signExponent
    self.significand = significand
  }

  /// QNaN floating-point indefinite.
  static let indefinite = ExtendedPattern(signExponent: 0xFFFF, significand: 3 << 62)
}

extension UnpackedFloat {
  /// Takes an x87 register apart.
  ///
  /// SDM volume 1, "Unsupported Double Extended-Precision Floating-Point Encodings and
  /// Pseudo-Denormals".
  package init(_ pattern: ExtendedPattern) {
    let isNegative = pattern.signExponent >> 15 != 0
    let field = Int(pattern.signExponent & 0x7FFF)
    let significand = pattern.significand
    if field == 0 {
      self.init(
        isNegative: isNegative, exponent: FloatingPointFormat.extended.minimumExponent,
        normalizing: significand)
      isDenormal = significand != 0
    } else if significand >> 63 == 0 {
      self.init(.unsupported, isNegative: isNegative)
    } else if field == 0x7FFF {
      self.init(.infinity, isNegative: isNegative)
      if significand &<< 1 != 0 {
        kind = significand & 1 << 62 != 0 ? .quietNaN : .signalingNaN
        self.significand = significand
      }
    } else {
      self.init(
        .finite, isNegative: isNegative,
        exponent: field &- FloatingPointFormat.extended.maximumExponent, significand: significand)
    }
  }

  /// The encoding in an x87 register; the datum must have been rounded to the format.
  package var extended: ExtendedPattern {
    let sign: UInt16 = isNegative ? 0x8000 : 0
    switch kind {
    case .zero: return ExtendedPattern(signExponent: sign, significand: 0)
    case .infinity: return ExtendedPattern(signExponent: sign | 0x7FFF, significand: 1 << 63)
    case .finite:
      let field = exponent &+ FloatingPointFormat.extended.maximumExponent
      if field <= 0 {
        return ExtendedPattern(
          signExponent: sign, significand: significand >> UInt64(truncatingIfNeeded: 1 &- field))
      }
      return ExtendedPattern(
        signExponent: sign | UInt16(truncatingIfNeeded: field), significand: significand)
    default:
      return ExtendedPattern(signExponent: sign | 0x7FFF, significand: significand | 1 << 63)
    }
  }
}
