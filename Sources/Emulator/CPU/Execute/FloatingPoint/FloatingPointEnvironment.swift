/// The floating-point exceptions, at the places that MXCSR and the x87 status word share.
///
/// SDM volume 1, "Overview of Floating-Point Exceptions".
package struct FloatingPointExceptions: OptionSet, Equatable, Sendable {
  /// The bits.
  package var rawValue: UInt16
  /// Takes the bits as they are.
  @inline(__always) package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// IE: invalid operation.
  package static let invalid = FloatingPointExceptions(rawValue: 1)
  /// DE: denormal operand.
  package static let denormal = FloatingPointExceptions(rawValue: 2)
  /// ZE: divide by zero.
  package static let divideByZero = FloatingPointExceptions(rawValue: 4)
  /// OE: overflow.
  package static let overflow = FloatingPointExceptions(rawValue: 8)
  /// UE: underflow.
  package static let underflow = FloatingPointExceptions(rawValue: 16)
  /// PE: precision.
  package static let precision = FloatingPointExceptions(rawValue: 32)

  /// Those found before computing: they keep the result, and the others, from coming about.
  package static let preComputation = FloatingPointExceptions(rawValue: 7)
  /// All six.
  package static let all = FloatingPointExceptions(rawValue: 0x3F)
}

/// RC.
///
/// SDM volume 1, "Rounding".
package enum RoundingControl: UInt8, CaseIterable, Sendable {
  /// To nearest, ties to even.
  case nearest
  /// Toward minus infinity.
  case down
  /// Toward plus infinity.
  case up
  /// Toward zero.
  case towardZero

  /// Takes the two bits of a control register.
  @inline(__always) init(bits: UInt32) {
    switch bits & 3 {
    case 0: self = .nearest
    case 1: self = .down
    case 2: self = .up
    default: self = .towardZero
    }
  }
}

/// Precision and range that a result is rounded to.
package struct FloatingPointFormat: Equatable, Sendable {
  /// Bits of the significand, the leading one included.
  package var precision: Int
  /// The exponent of the smallest normal number.
  package var minimumExponent: Int
  /// The exponent of the largest finite number.
  package var maximumExponent: Int

  /// binary32.
  package static let single = FloatingPointFormat(
    precision: 24, minimumExponent: -126, maximumExponent: 127)
  /// binary64.
  package static let double = FloatingPointFormat(
    precision: 53, minimumExponent: -1022, maximumExponent: 1023)
  /// The x87 double extended format.
  package static let extended = FloatingPointFormat(
    precision: 64, minimumExponent: -16382, maximumExponent: 16383)
}

/// How to compute, and what happened while computing.
package struct FloatingPointEnvironment: Sendable {
  /// What results are rounded to.
  package var format: FloatingPointFormat
  /// RC.
  package var rounding: RoundingControl
  /// The exceptions that are masked.
  package var masks: FloatingPointExceptions
  /// The exceptions met so far.
  package var flags: FloatingPointExceptions = []
  /// DAZ: denormal operands count as zeros.
  package var denormalsAreZeros = false
  /// FTZ: tiny results become zeros.
  package var flushesToZero = false
  /// Whether this is the x87: which NaN of two survives, and what an unmasked overflow or
  /// underflow leaves in a register.
  package var isX87 = false
  /// C1: the last rounding went away from zero.
  package var roundedUp = false

  /// The environment of SSE instructions.
  ///
  /// SDM volume 1, "MXCSR Control and Status Register".
  @inline(__always) package init(mxcsr: UInt32, format: FloatingPointFormat) {
    self.format = format
    rounding = RoundingControl(bits: mxcsr >> 13)
    masks = FloatingPointExceptions(rawValue: UInt16(truncatingIfNeeded: mxcsr >> 7 & 0x3F))
    denormalsAreZeros = mxcsr & 0x40 != 0
    flushesToZero = mxcsr & 0x8000 != 0
  }

  /// The environment of x87 instructions.
  ///
  /// SDM volume 1, "x87 FPU Control Word".
  package init(x87Control: UInt16, format: FloatingPointFormat = .extended) {
    self.format = format
    rounding = RoundingControl(bits: UInt32(x87Control) >> 10)
    masks = FloatingPointExceptions(rawValue: x87Control & 0x3F)
    isX87 = true
  }

  /// The exceptions met that are not masked.
  @inline(__always) package var unmasked: FloatingPointExceptions { flags.subtracting(masks) }

  /// Records an exception.
  @inline(__always) mutating func raise(_ exceptions: FloatingPointExceptions) {
    flags.formUnion(exceptions)
  }

  /// Raises the invalid-operation exception; its masked response is the default NaN.
  mutating func invalidOperation() -> UnpackedFloat {
    raise(.invalid)
    return .defaultNaN
  }

  /// Records DE where an operand is denormal; called once no NaN, invalid operation or division
  /// by zero, which come first, was found.
  @inline(__always) mutating func noteDenormal(_ a: UnpackedFloat) {
    if a.isDenormal { raise(.denormal) }
  }

  /// The NaN that two operands give, or nil if neither is one.
  ///
  /// SDM volume 1, "Rules for Handling NaNs".
  mutating func propagateNaN(_ a: UnpackedFloat, _ b: UnpackedFloat) -> UnpackedFloat? {
    if a.kind == .unsupported || b.kind == .unsupported { return invalidOperation() }
    guard a.isNaN || b.isNaN else { return nil }
    if a.kind == .signalingNaN || b.kind == .signalingNaN { raise(.invalid) }
    guard a.isNaN else { return b.quieted }
    guard b.isNaN, isX87 else { return a.quieted }
    if a.kind != b.kind { return a.kind == .quietNaN ? a : b }
    let (x, y) = (a.significand, b.significand)
    if x == y { return a.isNegative ? b.quieted : a.quieted }
    return x > y ? a.quieted : b.quieted
  }

  /// The NaN that one operand gives, or nil if it is none.
  mutating func propagateNaN(_ a: UnpackedFloat) -> UnpackedFloat? {
    if a.kind == .unsupported { return invalidOperation() }
    guard a.isNaN else { return nil }
    if a.kind == .signalingNaN { raise(.invalid) }
    return a.quieted
  }
}
