extension CPU {
  private var al: UInt8 { UInt8(truncatingIfNeeded: self[.rax]) }
  private var ah: UInt8 { UInt8(truncatingIfNeeded: self[.rax] >> 8) }
  private func writeAL(_ value: UInt8) { writeRegister(0, size: 1, UInt64(value)) }
  private func writeAX(high: UInt8, low: UInt8) {
    writeRegister(0, size: 2, UInt64(high) << 8 | UInt64(low))
  }

  /// Whether the low digit of AL is no decimal digit, or AF says it overflowed.
  private var lowDigitOverflows: Bool {
    al & 0xF > 9 || state.pointee.rflags & StatusFlags.auxiliaryCarry != 0
  }

  /// AAA and AAS: ASCII adjust AL after addition or subtraction.
  ///
  /// OF, SF, ZF and PF, undefined, are those of the adjustment of AX.
  func adjustASCII(afterSubtraction: Bool) {
    let both = StatusFlags.auxiliaryCarry | StatusFlags.carry
    let adjustment: UInt16 = lowDigitOverflows ? 0x106 : 0
    let ax = UInt16(truncatingIfNeeded: self[.rax])
    let (adjusted, flags) =
      afterSubtraction
      ? SUB.apply(ax, adjustment, flags: 0) : ADD.apply(ax, adjustment, flags: 0)
    writeRegister(0, size: 2, UInt64(adjusted & 0xFF0F))
    setStatusFlags(flags & ~both | (adjustment != 0 ? both : 0))
  }

  /// AAM: AH := AL / imm8, AL := AL MOD imm8.
  ///
  /// OF, AF and CF, undefined, are cleared.
  func adjustAfterMultiplication(_ i: borrowing Instruction) throws(Exception) {
    let base = UInt8(truncatingIfNeeded: i.immediate)
    guard base != 0 else { throw .divideError }
    let (quotient, remainder) = al.quotientAndRemainder(dividingBy: base)
    writeAX(high: quotient, low: remainder)
    setStatusFlags(StatusFlags.of(remainder))
  }

  /// AAD: AL := AL + AH * imm8, AH := 0.
  ///
  /// OF, AF and CF, undefined, are those of the addition.
  func adjustBeforeDivision(_ i: borrowing Instruction) {
    let base = UInt8(truncatingIfNeeded: i.immediate)
    let (sum, flags) = ADD.apply(al, ah &* base, flags: 0)
    writeAX(high: 0, low: sum)
    setStatusFlags(flags)
  }

  /// DAA and DAS: decimal adjust AL after addition or subtraction.
  ///
  /// OF, undefined, is that of the adjustment.
  func adjustDecimal(afterSubtraction: Bool) {
    let carries = state.pointee.rflags & StatusFlags.carry != 0
    let low: UInt8 = lowDigitOverflows ? 6 : 0
    let high: UInt8 = al > 0x99 || carries ? 0x60 : 0
    let borrows = afterSubtraction && al < low
    let (result, flags) =
      afterSubtraction
      ? SUB.apply(al, low &+ high, flags: 0) : ADD.apply(al, low &+ high, flags: 0)
    writeAL(result)
    setStatusFlags(
      flags & ~(StatusFlags.auxiliaryCarry | StatusFlags.carry)
        | (low != 0 ? StatusFlags.auxiliaryCarry : 0)
        | (high != 0 || borrows ? StatusFlags.carry : 0))
  }
}
