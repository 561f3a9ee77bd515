extension CPU {
  /// The x87 instructions and WAIT.
  func executeX87(_ i: borrowing Instruction) throws(Exception) {
    if i.mnemonic == .wait {
      if cr0.isSuperset(of: [.monitorCoprocessor, .taskSwitched]) { throw .deviceNotAvailable }
      return try checkPendingX87Exception()
    }
    guard Self.isX87Encoding(opcode: i.opcode, modRM: i.modRM) else { throw .invalidOpcode }
    if Self.isFISTTP(opcode: i.opcode, modRM: i.modRM) && !has(.sse3) { throw .invalidOpcode }
    if !cr0.isDisjoint(with: [.emulation, .taskSwitched]) { throw .deviceNotAvailable }
    if try executeX87Control(i) { return }
    try checkPendingX87Exception()
    if i.hasMemory {
      try executeX87Memory(i)
      state.pointee.x87DataPointer = effectiveAddress(i)
      state.pointee.x87DataSelector = self[i.segment].selector
    } else {
      try executeX87Register(i)
    }
    state.pointee.x87InstructionPointer = state.pointee.rip
    state.pointee.x87CodeSelector = self[.cs].selector
    state.pointee.x87Opcode = UInt16(i.opcode & 7) << 8 | UInt16(i.modRM)
  }

  /// Whether there is an instruction, so that #UD comes before every other exception.
  private static func isX87Encoding(opcode: UInt8, modRM: UInt8) -> Bool {
    let reg = modRM >> 3 & 7
    if modRM < 0xC0 {
      switch (opcode, reg) {
      case (0xD9, 1), (0xDB, 4), (0xDB, 6), (0xDD, 5):
        return false
      default: return true
      }
    }
    switch (opcode, modRM) {
    case (0xD9, 0xD1...0xD7), (0xD9, 0xE2), (0xD9, 0xE3), (0xD9, 0xE6), (0xD9, 0xE7), (0xD9, 0xEF),
      (0xDB, 0xE5...0xE7), (0xDB, 0xF8...0xFF), (0xDD, 0xF0...0xFF), (0xDF, 0xE1...0xE7),
      (0xDF, 0xF8...0xFF):
      return false
    case (0xDA, 0xE0...0xFF): return modRM == 0xE9
    case (0xDE, 0xD8...0xDF): return modRM == 0xD9
    default: return true
    }
  }

  /// FISTTP came with SSE3.
  private static func isFISTTP(opcode: UInt8, modRM: UInt8) -> Bool {
    modRM < 0xC0 && modRM >> 3 & 7 == 1 && (opcode == 0xDB || opcode == 0xDD || opcode == 0xDF)
  }

  private func executeX87Memory(_ i: borrowing Instruction) throws(Exception) {
    let reg = i.reg & 7
    switch (i.opcode, reg) {
    case (0xD8, _): try arithmetic(i, reg, with: try loadReal(i, Float.self))
    case (0xDA, _): try arithmetic(i, reg, with: try loadInteger(i, size: 4))
    case (0xDC, _): try arithmetic(i, reg, with: try loadReal(i, Double.self))
    case (0xDE, _): try arithmetic(i, reg, with: try loadInteger(i, size: 2))
    case (0xD9, 0): try fld(i, Float.self)
    case (0xD9, 2), (0xD9, 3): try fst(i, Float.self, pops: reg == 3)
    case (0xDD, 0): try fld(i, Double.self)
    case (0xDD, 2), (0xDD, 3): try fst(i, Double.self, pops: reg == 3)
    case (0xDB, 0): try fild(i, size: 4)
    case (0xDB, 1): try fist(i, size: 4, pops: true, truncates: true)
    case (0xDD, 1): try fist(i, size: 8, pops: true, truncates: true)
    case (0xDF, 1): try fist(i, size: 2, pops: true, truncates: true)
    case (0xDB, 2), (0xDB, 3): try fist(i, size: 4, pops: reg == 3)
    case (0xDB, 5): try fldExtended(i)
    case (0xDB, 7): try fstpExtended(i)
    case (0xDF, 0): try fild(i, size: 2)
    case (0xDF, 2), (0xDF, 3): try fist(i, size: 2, pops: reg == 3)
    case (0xDF, 4): try fbld(i)
    case (0xDF, 5): try fild(i, size: 8)
    case (0xDF, 6): try fbstp(i)
    case (0xDF, 7): try fist(i, size: 8, pops: true)
    default: throw .invalidOpcode
    }
  }

  /// The forms without memory.
  ///
  /// Those that the manual leaves blank but that every processor executes as another instruction
  /// are that instruction (FFREEP, and copies of FCOM, FCOMP, FXCH and FSTP).
  private func executeX87Register(_ i: borrowing Instruction) throws(Exception) {
    let reg = i.reg & 7
    let n = Int(i.modRM & 7)
    switch (i.opcode, reg) {
    case (0xD8, 2), (0xDC, 2): fcom(n, pops: 0, signalsQuietNaN: true)
    case (0xD8, 3), (0xDC, 3), (0xDE, 2): fcom(n, pops: 1, signalsQuietNaN: true)
    case (0xD8, _): arithmetic(reg, st(n), destination: 0, pops: false)
    case (0xDC, _): arithmetic(reg, st(n), destination: n, pops: false)
    case (0xDE, 3): fcom(1, pops: 2, signalsQuietNaN: true)
    case (0xDE, _): arithmetic(reg, st(n), destination: n, pops: true)
    case (0xD9, 0): fldRegister(n)
    case (0xD9, 1), (0xDD, 1), (0xDF, 1): fxch(n)
    case (0xD9, 2): break  // FNOP
    case (0xD9, 3):
      // This copy of FSTP pops an empty register in silence.
      guard isEmptyST(0) else { return fstRegister(n, pops: true) }
      setConditionC1(false)
      popX87()
    case (0xDD, 3), (0xDF, 2), (0xDF, 3): fstRegister(n, pops: true)
    case (0xD9, _): try executeX87Unary(i.modRM)
    case (0xDA, 0...3), (0xDB, 0...3): fcmov(n, code: reg, negated: i.opcode == 0xDB)
    case (0xDA, 5): fcom(1, pops: 2, signalsQuietNaN: false)
    case (0xDB, 5), (0xDF, 5): fcomi(n, pops: i.opcode == 0xDF, signalsQuietNaN: false)
    case (0xDB, 6), (0xDF, 6): fcomi(n, pops: i.opcode == 0xDF, signalsQuietNaN: true)
    case (0xDD, 0): ffree(n)
    case (0xDD, 2): fstRegister(n, pops: false)
    case (0xDD, 4), (0xDD, 5): fcom(n, pops: reg == 5 ? 1 : 0, signalsQuietNaN: false)
    case (0xDF, 0):
      ffree(n)
      popX87()
    default: throw .invalidOpcode
    }
  }

  /// D9 E0 to D9 FF.
  private func executeX87Unary(_ modRM: UInt8) throws(Exception) {
    switch modRM {
    case 0xE0: changeSign { $0 ^ 0x8000 }
    case 0xE1: changeSign { $0 & 0x7FFF }
    case 0xE4: ftst()
    case 0xE5: fxam()
    case 0xE8...0xEE: loadConstant(modRM)
    case 0xF0: f2xm1()
    case 0xF1: fyl2x()
    case 0xF2: fptan()
    case 0xF3: fpatan()
    case 0xF4: fxtract()
    case 0xF5: fprem(roundsToNearest: true)
    case 0xF6: rotateX87(by: -1)
    case 0xF7: rotateX87(by: 1)
    case 0xF8: fprem(roundsToNearest: false)
    case 0xF9: fyl2xp1()
    case 0xFA: fsqrt()
    case 0xFB: fsincos()
    case 0xFC: frndint()
    case 0xFD: fscale()
    case 0xFE: fsin()
    case 0xFF: fcos()
    default: throw .invalidOpcode
    }
  }

  /// FFREE.
  private func ffree(_ n: Int) {
    setConditionC1(false)
    setEmptyX87(physicalX87(n), true)
  }

  /// FINCSTP, FDECSTP.
  private func rotateX87(by distance: Int) {
    setConditionC1(false)
    x87Top = x87Top &+ distance
  }
}
