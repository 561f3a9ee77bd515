/// RCPSS and RSQRTSS: the correctly rounded result, cut to twelve bits of fraction.
///
/// The manual asks for a relative error of at most 1.5 × 2⁻¹² and leaves the bits open; these are
/// the same on every host. Denormals count as zeros, no exception is raised.
/// SDM volume 2, "RCPPS" and "RSQRTPS".
enum ReciprocalApproximation {
  static func compute(_ bits: UInt32, isSquareRoot: Bool) -> UInt32 {
    let sign = bits & 0x8000_0000
    let a = UnpackedFloat(bits, as: Float.self)
    switch a.kind {
    case .quietNaN, .signalingNaN: return bits | 0x40_0000
    case .infinity:
      if isSquareRoot && a.isNegative { return 0xFFC0_0000 }
      return sign
    case .zero: return sign | 0x7F80_0000
    default: break
    }
    if a.isDenormal { return sign | 0x7F80_0000 }
    if isSquareRoot && a.isNegative { return 0xFFC0_0000 }
    var environment = FloatingPointEnvironment(mxcsr: 0x9F80, format: .single)
    environment.format.precision = 13
    let one = UnpackedFloat(1)
    if !isSquareRoot { return environment.divide(one, a).pattern(as: Float.self) }
    // Both roundings stay far below the bound when the root keeps 24 bits.
    environment.format.precision = 24
    let root = environment.squareRoot(a)
    environment.format.precision = 13
    return environment.divide(one, root).pattern(as: Float.self)
  }
}
