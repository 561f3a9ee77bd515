extension CPU {
  /// PCMPESTRM, PCMPESTRI, PCMPISTRM, PCMPISTRI: opcodes 60 to 63 of the 0F 3A map.
  ///
  /// Memory need not be aligned.
  func compareStrings(_ i: borrowing Instruction) throws(Exception) {
    let isExplicit = i.opcode < 0x62
    let b = try loadXMM(i, aligned: false)
    let comparison = StringComparison(
      xmm(i.reg), b, control: UInt8(truncatingIfNeeded: i.immediate),
      lengths: isExplicit ? (stringLength(.rax, i), stringLength(.rdx, i)) : nil)
    if i.opcode & 1 == 0 {
      setXMM(0, comparison.expandedMask)
      if i.isVEX { setYMMHigh(0, 0) }
    } else {
      writeRegister(Register.rcx.rawValue, size: 4, comparison.index)
    }
    setStatusFlags(comparison.flags)
  }

  /// The magnitude of a length in EAX or EDX; with REX.W in all of the register.
  private func stringLength(_ register: Register, _ i: borrowing Instruction) -> UInt64 {
    let value = self[register]
    return i.prefixes.contains(.rexW)
      ? Int64(bitPattern: value).magnitude
      : UInt64(Int32(truncatingIfNeeded: value).magnitude)
  }
}
