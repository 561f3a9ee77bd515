extension CPU {
  /// Whether MMX may be used: like SSE, but OSFXSR does not matter and a pending x87 exception is
  /// reported first.
  ///
  /// SDM volume 3A, "Intel MMX Technology System Programming".
  func checkMMX() throws(Exception) {
    if cr0.contains(.emulation) { throw .invalidOpcode }
    if cr0.contains(.taskSwitched) { throw .deviceNotAvailable }
    try checkPendingX87Exception()
  }

  /// #MF if an unmasked x87 exception waits.
  func checkPendingX87Exception() throws(Exception) {
    if state.pointee.x87Status & X87Status.exceptionSummary != 0 { throw .x87FloatingPoint }
  }

  /// What every MMX instruction but EMMS does to the x87: TOP is 0 and all registers are valid.
  func enterMMX() {
    state.pointee.x87Status &= ~X87Status.topMask
    state.pointee.x87Tags = 0
  }

  /// MM register `number`: the significand of the physical x87 register of the same number.
  func mmx(_ number: UInt8) -> UInt64 { state.pointee.x87Significands[Int(number & 7)] }

  /// Sets MM register `number`; the sign and exponent become all ones.
  func setMMX(_ number: UInt8, _ value: UInt64) {
    state.pointee.x87Significands[Int(number & 7)] = value
    state.pointee.x87Exponents[Int(number & 7)] = 0xFFFF
  }

  /// The mm/m64 operand, or mm/m32 with `size` 4.
  func loadMMX(_ i: borrowing Instruction, size: UInt8 = 8) throws(Exception) -> UInt64 {
    i.hasMemory ? try loadOperand(i, size: size) : mmx(i.rm)
  }

  /// EMMS.
  func emms() throws(Exception) {
    try checkMMX()
    state.pointee.x87Tags = 0xFFFF
    state.pointee.x87Status &= ~X87Status.topMask
  }
}
