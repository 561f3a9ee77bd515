/// How the status flags follow from the last result, until somebody looks.
///
/// A kind is an operation and an operand width; with the zero-extended result and first source it
/// determines CF, PF, AF, ZF, SF and OF. Two more bits say that CF or OF are in RFLAGS instead,
/// for operations that leave the other flags alone. `none` means that all of RFLAGS is exact.
package enum LazyFlags {
  /// RFLAGS is exact.
  package static let none: UInt64 = 0
  /// CF is in RFLAGS, whatever the operation was.
  static let keptCarry: UInt64 = 1 << 16
  /// OF is in RFLAGS, whatever the operation was.
  static let keptOverflow: UInt64 = 1 << 17

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
    /// INC: CF stays as it is.
    case inc = 9
    /// DEC: CF stays as it is.
    case dec = 10
  }

  /// Composes a kind; `T` gives the width.
  @inline(__always)
  package static func kind<T: FixedWidthInteger>(
    _ operation: Operation, _ type: T.Type
  ) -> UInt64 {
    let kept = operation == .inc || operation == .dec ? keptCarry : 0
    return kept | operation.rawValue &<< 8 | UInt64(truncatingIfNeeded: T.bitWidth &- 1)
  }

  /// The operation of a kind other than `none`.
  @inline(__always) static func operation(_ kind: UInt64) -> UInt64 { kind &>> 8 & 0xFF }

  /// SF: the top bit of the result at the kind's width.
  @inline(__always) static func sign(kind: UInt64, result: UInt64) -> Bool {
    result &>> (kind & 63) & 1 != 0
  }

  /// The status flags of `kind`, exact; `flags` is RFLAGS, where kept flags are.
  package static func status(
    kind: UInt64, result r: UInt64, source a: UInt64, flags: UInt64
  ) -> UInt64 {
    let top = kind & 63
    var carry: UInt64 = 0
    // OF is the top bit of this.
    var overflow: UInt64 = 0
    var auxiliary: UInt64 = 0
    switch Operation(rawValue: operation(kind)) {
    case .add, .inc:
      let b = r &- a
      carry = r < a ? 1 : 0
      overflow = (a ^ r) & (b ^ r)
      auxiliary = a ^ b ^ r
    case .adc:
      let b = r &- a &- 1
      carry = r <= a ? 1 : 0
      overflow = (a ^ r) & (b ^ r)
      auxiliary = a ^ b ^ r
    case .sub, .dec:
      let b = a &- r
      carry = r > a ? 1 : 0
      overflow = (a ^ b) & (a ^ r)
      auxiliary = a ^ b ^ r
    case .sbb:
      let b = a &- r &- 1
      carry = r >= a ? 1 : 0
      overflow = (a ^ b) & (a ^ r)
      auxiliary = a ^ b ^ r
    case .shl:
      carry = a &>> top & 1
      overflow = a ^ r
      auxiliary = .max
    case .shr:
      carry = a & 1
      overflow = r &<< 1
      auxiliary = .max
    case .sar:
      carry = a & 1
      auxiliary = .max
    default: break
    }
    if kind & keptCarry != 0 { carry = flags & 1 }
    var overflowBit = overflow &>> top & 1
    if kind & keptOverflow != 0 { overflowBit = flags &>> 11 & 1 }
    let parity = UInt64(truncatingIfNeeded: ~(r & 0xFF).nonzeroBitCount) & 1
    let zero: UInt64 = r == 0 ? 1 : 0
    let sign = r &>> top & 1
    return carry | parity &<< 2 | auxiliary & 0x10 | zero &<< 6 | sign &<< 7
      | overflowBit &<< 11
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
      source: state.pointee.lazySource, flags: old)
    state.pointee.rflags = old & ~RFLAGS.status.rawValue | status
    state.pointee.lazyKind = LazyFlags.none
  }

  /// The condition of Jcc, SETcc and CMOVcc; flags must be materialised.
  ///
  /// SDM volume 2, "Jcc".
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
