extension CPU {
  /// The number of the debug register that `number` names: DR4 and DR5 are DR6 and DR7 unless
  /// CR4.DE is set.
  ///
  /// SDM volume 2, "MOV, Move to/from Debug Registers".
  private func debugRegister(_ number: UInt8) throws(Exception) -> Int {
    guard number < 8 else { throw .invalidOpcode }
    let isAlias = number == 4 || number == 5
    if isAlias && cr4.contains(.debuggingExtensions) { throw .invalidOpcode }
    try requireRing0()
    if state.pointee.debugRegisters[7] & DebugStatus.generalDetectEnable != 0 {
      throw .debugFault(dr6: DebugStatus.generalDetect)
    }
    return Int(isAlias ? number + 2 : number)
  }

  /// MOV r, DRn.
  func movFromDebug(_ i: borrowing Instruction) throws(Exception) {
    let number = try debugRegister(i.operand1.index)
    writeRegister(
      i.operand0.index, size: isLongMode ? 8 : 4, state.pointee.debugRegisters[number])
  }

  /// MOV DRn, r.
  func movToDebug(_ i: borrowing Instruction) throws(Exception) {
    let number = try debugRegister(i.operand0.index)
    let value = truncate(self[Int(i.operand1.index)], toSize: isLongMode ? 8 : 4)
    if number >= 6 && value >> 32 != 0 { throw .generalProtection(errorCode: 0) }
    setDebugRegister(number, value)
    requestLookup()
  }

  /// Writes a debug register, fixed bits aside, and arms what it says.
  func setDebugRegister(_ number: Int, _ value: UInt64) {
    state.pointee.debugRegisters[number] =
      switch number {
      case 6: value & 0xE00F | DebugStatus.alwaysOne
      case 7: value & 0xFFFF_23FF | 0x400
      default: value
      }
    updateWatching()
  }
}
