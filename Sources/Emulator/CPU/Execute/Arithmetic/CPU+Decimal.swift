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
  /// OF, SF, ZF and PF, undefined, stay.
  func adjustASCII(afterSubtraction: Bool) {
    let both = StatusFlags.auxiliaryCarry | StatusFlags.carry
    let kept = state.pointee.rflags & ~both
    guard lowDigitOverflows else {
      writeAL(al & 0xF)
      state.pointee.rflags = kept
      return
    }
    let ax = UInt16(truncatingIfNeeded: self[.rax])
    let adjusted = afterSubtraction ? ax &- 0x106 : ax &+ 0x106
    writeRegister(0, size: 2, UInt64(adjusted & 0xFF0F))
    state.pointee.rflags = kept | both
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
  /// OF, undefined, is cleared.
  func adjustDecimal(afterSubtraction: Bool) {
    let old = al
    let oldCarry = state.pointee.rflags & StatusFlags.carry != 0
    let highDigitOverflows = old > 0x99 || oldCarry
    var result = old
    var flags: UInt64 = 0
    if lowDigitOverflows {
      let borrows = afterSubtraction && old < 6
      result = afterSubtraction ? result &- 6 : result &+ 6
      flags |= StatusFlags.auxiliaryCarry | (oldCarry || borrows ? StatusFlags.carry : 0)
    }
    if highDigitOverflows {
      result = afterSubtraction ? result &- 0x60 : result &+ 0x60
      flags |= StatusFlags.carry
    }
    writeAL(result)
    setStatusFlags(flags | StatusFlags.of(result))
  }
}
