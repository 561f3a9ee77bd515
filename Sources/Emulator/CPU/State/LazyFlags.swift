/// How the status flags follow from the last result, until somebody looks.
///
/// A kind is an operation and an operand width; with the sign-extended result and first source
/// it determines CF, PF, AF, ZF, SF and OF. `none` means that RFLAGS itself is exact.
package enum LazyFlags {
  /// RFLAGS is exact.
  package static let none: UInt64 = 0

  /// The operation part of a kind.
  package enum Operation: UInt64 {
    /// ADD: CF, AF and OF from the carry chain.
    case add = 1
    /// ADC with a carry in; without, it is ADD.
    case adc = 2
    /// SUB, CMP.
    case sub = 3
    /// SBB with a borrow in; without, it is SUB.
    case sbb = 4
    /// AND, OR, XOR, TEST: CF = OF = 0; AF, undefined, is 0.
    case logic = 5
    /// SHL: the source is the operand shifted by one less, so that its top bit is CF.
    case shl = 6
    /// SHR: the lowest bit of the source is CF.
    case shr = 7
    /// SAR: the lowest bit of the source is CF.
    case sar = 8
    /// INC: CF stays as it is in RFLAGS. From here on, kinds keep CF.
    case inc = 9
    /// DEC: CF stays as it is in RFLAGS.
    case dec = 10
  }

  /// Composes a kind; `T` gives the width.
  @inline(__always)
  package static func kind<T: FixedWidthInteger>(_ operation: Operation, _ type: T.Type) -> UInt64 {
    operation.rawValue << 8 | UInt64(truncatingIfNeeded: T.bitWidth)
  }

  /// The status flags of `kind`, exact; `carry` is CF as RFLAGS holds it.
  package static func status(
    kind: UInt64, result: UInt64, source: UInt64, carry: UInt64
  ) -> UInt64 {
    let width = kind & 0xFF
    let mask: UInt64 = width == 64 ? .max : (1 &<< width) &- 1
    let sign: UInt64 = 1 &<< (width &- 1)
    let r = result & mask
    let a = source & mask
    var flags: UInt64 = 0
    switch Operation(rawValue: kind >> 8) {
    case .add:
      let b = r &- a & mask
      if r < a { flags |= RFLAGS.carry.rawValue }
      if (a ^ r) & (b ^ r) & sign != 0 { flags |= RFLAGS.overflow.rawValue }
      flags |= (a ^ b ^ r) & 0x10
    case .adc:
      let b = r &- a &- 1 & mask
      if r <= a { flags |= RFLAGS.carry.rawValue }
      if (a ^ r) & (b ^ r) & sign != 0 { flags |= RFLAGS.overflow.rawValue }
      flags |= (a ^ b ^ r) & 0x10
    case .sbb:
      let b = a &- r &- 1 & mask
      if a <= b { flags |= RFLAGS.carry.rawValue }
      if (a ^ b) & (a ^ r) & sign != 0 { flags |= RFLAGS.overflow.rawValue }
      flags |= (a ^ b ^ r) & 0x10
    case .sub:
      let b = a &- r & mask
      if a < b { flags |= RFLAGS.carry.rawValue }
      if (a ^ b) & (a ^ r) & sign != 0 { flags |= RFLAGS.overflow.rawValue }
      flags |= (a ^ b ^ r) & 0x10
    case .inc:
      flags |= carry & 1
      if r == sign { flags |= RFLAGS.overflow.rawValue }
      if r & 0xF == 0 { flags |= RFLAGS.auxiliaryCarry.rawValue }
    case .dec:
      flags |= carry & 1
      if r == sign &- 1 { flags |= RFLAGS.overflow.rawValue }
      if r & 0xF == 0xF { flags |= RFLAGS.auxiliaryCarry.rawValue }
    case .shl:
      flags |= RFLAGS.auxiliaryCarry.rawValue
      if a & sign != 0 { flags |= RFLAGS.carry.rawValue }
      if (a ^ r) & sign != 0 { flags |= RFLAGS.overflow.rawValue }
    case .shr:
      flags |= RFLAGS.auxiliaryCarry.rawValue | a & 1
      if r & sign >> 1 != 0 { flags |= RFLAGS.overflow.rawValue }
    case .sar:
      flags |= RFLAGS.auxiliaryCarry.rawValue | a & 1
    default: break
    }
    if r == 0 { flags |= RFLAGS.zero.rawValue }
    if r & sign != 0 { flags |= RFLAGS.sign.rawValue }
    if (r & 0xFF).nonzeroBitCount & 1 == 0 { flags |= RFLAGS.parity.rawValue }
    return flags
  }
}

extension CPU {
  /// Brings RFLAGS up to date; afterwards `lazyKind` is `LazyFlags.none`.
  @inline(__always) func materializeFlags() {
    if state.pointee.lazyKind != LazyFlags.none { materializeFlagsSlow() }
  }

  @inline(never) private func materializeFlagsSlow() {
    let old = state.pointee.rflags
    let status = LazyFlags.status(
      kind: state.pointee.lazyKind, result: state.pointee.lazyResult,
      source: state.pointee.lazySource, carry: old)
    state.pointee.rflags = old & ~RFLAGS.status.rawValue | status
    state.pointee.lazyKind = LazyFlags.none
  }

  /// The condition of Jcc, SETcc and CMOVcc; flags must be materialised. SDM Vol. 2, "Jcc".
  public func condition(_ code: UInt8) -> Bool {
    let flags = RFLAGS(rawValue: state.pointee.rflags)
    let signDiffers = flags.contains(.sign) != flags.contains(.overflow)
    let holds =
      switch code >> 1 & 7 {
      case 0: flags.contains(.overflow)
      case 1: flags.contains(.carry)
      case 2: flags.contains(.zero)
      case 3: flags.contains(.carry) || flags.contains(.zero)
      case 4: flags.contains(.sign)
      case 5: flags.contains(.parity)
      case 6: signDiffers
      default: signDiffers || flags.contains(.zero)
      }
    return holds != (code & 1 != 0)
  }
}
