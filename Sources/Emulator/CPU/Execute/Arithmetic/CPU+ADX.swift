extension CPU {
  /// ADCX and ADOX: DEST + SRC + CF or OF, the carry out going there too; other flags stay.
  func addWithOwnCarry(_ i: borrowing Instruction) throws(Exception) {
    let flag = i.mnemonic == .adcx ? StatusFlags.carry : StatusFlags.overflow
    let a = try read(i.operand0, i)
    let b = try read(i.operand1, i)
    let carry: UInt64 = state.pointee.rflags & flag != 0 ? 1 : 0
    let sum = UInt128(a) &+ UInt128(b) &+ UInt128(carry)
    try write(i.operand0, i, sum.low)
    let carries = sum &>> UInt128(i.operand0.size &* 8) != 0
    state.pointee.rflags = state.pointee.rflags & ~flag | (carries ? flag : 0)
  }
}
