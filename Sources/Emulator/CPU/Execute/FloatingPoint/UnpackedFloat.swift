/// A floating-point datum of any of the processor's formats, taken apart.
package struct UnpackedFloat: Equatable, Sendable {
  /// The classes of data.
  ///
  /// SDM volume 1, "Floating-Point Data Types".
  package enum Kind: UInt8, Sendable {
    case zero
    case finite
    case infinity
    case quietNaN
    case signalingNaN
    /// An x87 encoding that the 387 and later reject.
    case unsupported
  }

  /// The class.
  package var kind: Kind
  /// The sign bit.
  package var isNegative: Bool
  /// Whether the encoding was a denormal (or pseudo-denormal).
  package var isDenormal = false
  /// Of a finite number: the power of two of bit 63 of the significand.
  package var exponent: Int = 0
  /// Of a finite number: the significand with its leading one at bit 63.
  ///
  /// Of a NaN: the payload at the same place, bit 62 being the quiet bit.
  package var significand: UInt64 = 0

  init(_ kind: Kind, isNegative: Bool, exponent: Int = 0, significand: UInt64 = 0) {
    self.kind = kind
    self.isNegative = isNegative
    self.exponent = exponent
    self.significand = significand
  }

  /// A finite number; zero if the significand is zero.
  init(isNegative: Bool, exponent: Int, normalizing significand: UInt64) {
    let shift = significand.leadingZeroBitCount
    self.init(
      significand == 0 ? .zero : .finite, isNegative: isNegative, exponent: exponent &- shift,
      significand: significand &<< UInt64(shift & 63))
  }

  /// A finite number with another exponent.
  init(_ a: UnpackedFloat, exponent: Int) {
    self.init(
      .finite, isNegative: a.isNegative, exponent: exponent, significand: a.significand)
  }

  /// An integer, exactly.
  package init(_ value: Int64) {
    self.init(isNegative: value < 0, exponent: 63, normalizing: value.magnitude)
  }

  static func zero(isNegative: Bool) -> UnpackedFloat { .init(.zero, isNegative: isNegative) }
  static func infinity(isNegative: Bool) -> UnpackedFloat {
    .init(.infinity, isNegative: isNegative)
  }
  /// "QNaN floating-point indefinite".
  static let defaultNaN = UnpackedFloat(.quietNaN, isNegative: true, significand: 3 << 62)

  /// Quiet or signaling.
  @inline(__always) package var isNaN: Bool { kind == .quietNaN || kind == .signalingNaN }
  /// Zero or finite.
  @inline(__always) var isFinite: Bool { kind == .zero || kind == .finite }

  var quieted: UnpackedFloat {
    UnpackedFloat(.quietNaN, isNegative: isNegative, significand: significand | 3 << 62)
  }
  var negated: UnpackedFloat {
    var result = self
    result.isNegative.toggle()
    return result
  }
  var magnitude: UnpackedFloat {
    var result = self
    result.isNegative = false
    return result
  }
}

/// A format that SSE computes in, named by the host's type of the same format.
package protocol InterchangeFormat: BinaryFloatingPoint {
  /// The encoding as an integer.
  associatedtype Pattern: FixedWidthInteger & UnsignedInteger
  /// Precision and range.
  static var format: FloatingPointFormat { get }
  /// Takes an encoding.
  init(bitPattern: Pattern)
  /// The encoding.
  var bitPattern: Pattern { get }
  /// The integer toward zero; it must fit.
  var truncated: Int64 { get }
}

extension Float: InterchangeFormat {
  /// binary32.
  @inline(__always) package static var format: FloatingPointFormat { .single }
  @inline(__always) package var truncated: Int64 { Int64(self) }
}

extension Double: InterchangeFormat {
  /// binary64.
  @inline(__always) package static var format: FloatingPointFormat { .double }
  @inline(__always) package var truncated: Int64 { Int64(self) }
}

extension UnpackedFloat {
  /// Takes an encoding of binary32 or binary64 apart.
  package init<F: InterchangeFormat>(_ bits: F.Pattern, as type: F.Type) {
    let fractionBits = F.format.precision - 1
    let fraction = UInt64(truncatingIfNeeded: bits) & (1 &<< UInt64(fractionBits) &- 1)
    let field = Int(truncatingIfNeeded: bits >> F.Pattern(fractionBits)) & Self.fieldMask(F.self)
    let isNegative = bits >> F.Pattern(F.Pattern.bitWidth - 1) != 0
    let aligned = fraction &<< UInt64(63 - fractionBits)
    if field == Self.fieldMask(F.self) {
      self.init(.infinity, isNegative: isNegative)
      if fraction != 0 {
        kind = aligned & 1 << 62 != 0 ? .quietNaN : .signalingNaN
        significand = aligned | 1 << 63
      }
    } else if field == 0 {
      self.init(
        isNegative: isNegative, exponent: F.format.minimumExponent, normalizing: aligned)
      isDenormal = fraction != 0
    } else {
      self.init(
        .finite, isNegative: isNegative, exponent: field &- F.format.maximumExponent,
        significand: aligned | 1 << 63)
    }
  }

  /// The encoding; the datum must have been rounded to the format.
  package func pattern<F: InterchangeFormat>(as type: F.Type) -> F.Pattern {
    let fractionBits = F.format.precision - 1
    let sign = F.Pattern(isNegative ? 1 : 0) &<< F.Pattern(F.Pattern.bitWidth - 1)
    let infinity = F.Pattern(Self.fieldMask(F.self)) &<< F.Pattern(fractionBits)
    switch kind {
    case .zero: return sign
    case .infinity: return sign | infinity
    case .finite:
      var field = exponent &+ F.format.maximumExponent
      var aligned = significand
      if field <= 0 {
        aligned >>= UInt64(truncatingIfNeeded: 1 &- field)
        field = 0
      }
      let fraction = (aligned & (.max >> 1)) >> UInt64(63 - fractionBits)
      return sign | F.Pattern(truncatingIfNeeded: field) &<< F.Pattern(fractionBits)
        | F.Pattern(truncatingIfNeeded: fraction)
    default:
      let fraction = (significand & (.max >> 1)) >> UInt64(63 - fractionBits)
      return sign | infinity | F.Pattern(truncatingIfNeeded: fraction)
    }
  }

  @inline(__always) private static func fieldMask<F: InterchangeFormat>(_: F.Type) -> Int {
    2 &* F.format.maximumExponent &+ 1
  }
}
