extension UInt128 {
  /// Shifts right; ones shifted out leave bit 0 set, so that no rounding mistakes them for
  /// nothing.
  @inline(__always) func shiftedRightJamming(_ distance: Int) -> UInt128 {
    if distance <= 0 { return self }
    if distance >= 128 { return self == 0 ? 0 : 1 }
    let lost = self & (1 &<< UInt128(truncatingIfNeeded: distance) &- 1)
    return self &>> UInt128(truncatingIfNeeded: distance) | (lost == 0 ? 0 : 1)
  }
}

extension FloatingPointEnvironment {
  /// What an unmasked x87 overflow or underflow adds to or subtracts from the exponent of a result
  /// that goes to a register.
  ///
  /// SDM volume 1, "Numeric Overflow Exception (#O)".
  static let exponentAdjustment = 24576

  /// Rounds an exact number, raising OE, UE and PE.
  ///
  /// The number is ± significand × 2^(exponent − 127); the significand has its leading one at bit
  /// 127 and stands for a slightly larger one if more bits follow, as bit 0 then tells.
  mutating func round(
    isNegative: Bool, exponent: Int, significand: UInt128
  ) -> UnpackedFloat {
    var (kept, increments, isInexact) = roundSignificand(significand, isNegative: isNegative)
    let unrounded = exponent
    var exponent = exponent
    if kept == 0 {
      kept = 1 << 63
      exponent &+= 1
    }
    if exponent < format.minimumExponent {
      if masks.contains(.underflow) {
        return denormalize(
          isNegative: isNegative, exponent: unrounded, significand: significand)
      }
      raise(.underflow)
      if isX87 {
        exponent &+= Self.exponentAdjustment
        if exponent < format.minimumExponent {
          raise(.precision)
          return .zero(isNegative: isNegative)
        }
      }
    } else if exponent > format.maximumExponent {
      raise(.overflow)
      if masks.contains(.overflow) { return overflowResponse(isNegative: isNegative) }
      if isX87 {
        exponent &-= Self.exponentAdjustment
        if exponent > format.maximumExponent {
          raise(.precision)
          roundedUp = true
          return .infinity(isNegative: isNegative)
        }
      }
    }
    roundedUp = increments
    if isInexact { raise(.precision) }
    return UnpackedFloat(
      .finite, isNegative: isNegative, exponent: exponent, significand: kept)
  }

  /// Rounds a datum that is exact already, perhaps to a narrower format.
  ///
  /// Not for NaNs.
  mutating func round(_ a: UnpackedFloat) -> UnpackedFloat {
    guard a.kind == .finite else { return a }
    return round(
      isNegative: a.isNegative, exponent: a.exponent, significand: UInt128(a.significand) << 64)
  }

  /// The leading `precision` bits, rounded (zero where the increment carried out), whether it was
  /// incremented and whether anything was lost.
  @inline(__always) private func roundSignificand(
    _ significand: UInt128, isNegative: Bool
  ) -> (kept: UInt64, increments: Bool, isInexact: Bool) {
    let dropped = UInt128(truncatingIfNeeded: 128 &- format.precision)
    let rest = significand & (1 &<< dropped &- 1)
    let half: UInt128 = 1 &<< (dropped &- 1)
    let kept = UInt64(truncatingIfNeeded: (significand & ~(1 &<< dropped &- 1)) >> 64)
    let unit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: 64 &- format.precision)
    let increments: Bool =
      switch rounding {
      case .nearest: rest > half || (rest == half && kept & unit != 0)
      case .down: rest != 0 && isNegative
      case .up: rest != 0 && !isNegative
      case .towardZero: false
      }
    return (increments ? kept &+ unit : kept, increments, rest != 0)
  }

  /// The masked response to a tiny result.
  private mutating func denormalize(
    isNegative: Bool, exponent: Int, significand: UInt128
  ) -> UnpackedFloat {
    if flushesToZero {
      raise([.underflow, .precision])
      roundedUp = false
      return .zero(isNegative: isNegative)
    }
    let shifted = significand.shiftedRightJamming(format.minimumExponent &- exponent)
    let (kept, increments, isInexact) = roundSignificand(shifted, isNegative: isNegative)
    roundedUp = increments
    if isInexact { raise([.underflow, .precision]) }
    return UnpackedFloat(
      isNegative: isNegative, exponent: format.minimumExponent, normalizing: kept)
  }

  /// The masked response to overflow.
  ///
  /// SDM volume 1, "Masked Responses to Numeric Overflow".
  private mutating func overflowResponse(isNegative: Bool) -> UnpackedFloat {
    raise(.precision)
    let staysFinite: Bool =
      switch rounding {
      case .nearest: false
      case .down: !isNegative
      case .up: isNegative
      case .towardZero: true
      }
    roundedUp = !staysFinite
    if !staysFinite { return .infinity(isNegative: isNegative) }
    return UnpackedFloat(
      .finite, isNegative: isNegative, exponent: format.maximumExponent,
      significand: .max &<< UInt64(truncatingIfNeeded: 64 &- format.precision))
  }

  /// Rounds a finite number to an integer in the current direction; the magnitude, or nil where it
  /// has more than 64 bits.
  ///
  /// Raises nothing.
  func roundToInteger(
    _ a: UnpackedFloat, rounding: RoundingControl
  ) -> (magnitude: UInt64, isInexact: Bool, increments: Bool)? {
    guard a.kind == .finite else { return (0, false, false) }
    guard a.exponent < 64 else { return nil }
    let fixed = (UInt128(a.significand) << 64).shiftedRightJamming(63 &- a.exponent)
    let whole = UInt64(truncatingIfNeeded: fixed >> 64)
    let rest = UInt64(truncatingIfNeeded: fixed)
    let increments: Bool =
      switch rounding {
      case .nearest: rest > 1 << 63 || (rest == 1 << 63 && whole & 1 != 0)
      case .down: rest != 0 && a.isNegative
      case .up: rest != 0 && !a.isNegative
      case .towardZero: false
      }
    // A fraction leaves at most 63 bits before the point, so the increment cannot wrap.
    return (increments ? whole &+ 1 : whole, rest != 0, increments)
  }
}
