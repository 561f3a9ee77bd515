extension CPU {
  /// The instructions that manage the x87 state and leave the last-instruction pointers alone;
  /// false if this is none of them.
  ///
  /// Those named FN… do not look for pending exceptions. SDM volume 1, "x87 FPU Control Instructions".
  func executeX87Control(_ i: borrowing Instruction) throws(Exception) -> Bool {
    if i.hasMemory { return try executeX87ControlMemory(i) }
    switch (i.opcode, i.modRM) {
    case (0xDB, 0xE0), (0xDB, 0xE1), (0xDB, 0xE4): break  // FENI, FDISI and FSETPM do nothing now.
    case (0xDB, 0xE2):
      let cleared = X87Status.busy | X87Status.exceptionSummary | X87Status.stackFault | 0x3F
      state.pointee.x87Status &= ~cleared
    case (0xDB, 0xE3): fninit()
    case (0xDF, 0xE0): writeRegister(0, size: 2, UInt64(state.pointee.x87Status))
    default: return false
    }
    return true
  }

  private func executeX87ControlMemory(_ i: borrowing Instruction) throws(Exception) -> Bool {
    switch (i.opcode, i.reg & 7) {
    case (0xD9, 4): try fldenv(i)
    case (0xD9, 5):
      try checkPendingX87Exception()
      setX87Control(UInt16(truncatingIfNeeded: try loadOperand(i, size: 2)))
    case (0xD9, 6): try fnstenv(i)
    case (0xD9, 7): try storeOperand(i, UInt64(state.pointee.x87Control), size: 2)
    case (0xDD, 4): try frstor(i)
    case (0xDD, 6): try fnsave(i)
    case (0xDD, 7): try storeOperand(i, UInt64(state.pointee.x87Status), size: 2)
    default: return false
    }
    return true
  }

  /// FNINIT.
  func fninit() {
    state.pointee.x87Control = 0x37F
    state.pointee.x87Status = 0
    state.pointee.x87Tags = 0xFFFF
    state.pointee.x87Opcode = 0
    state.pointee.x87InstructionPointer = 0
    state.pointee.x87CodeSelector = 0
    state.pointee.x87DataPointer = 0
    state.pointee.x87DataSelector = 0
  }

  /// The initial configuration of x87 state: FNINIT's, and zeros in the registers.
  func initializeX87() {
    fninit()
    for register in 0..<8 {
      state.pointee.x87Significands[register] = 0
      state.pointee.x87Exponents[register] = 0
    }
  }

  private var usesRealImage: Bool { !mode.isDisjoint(with: [.real, .virtual8086]) }

  /// Bytes of the environment: 28, or 14 with 16-bit operands.
  private func environmentSize(_ i: borrowing Instruction) -> UInt64 {
    i.operandSize == 2 ? 14 : 28
  }

  /// FNSTENV.
  private func fnstenv(_ i: borrowing Instruction) throws(Exception) {
    let size = environmentSize(i)
    let address = try linearAddress(i, size: size, access: .write)
    try probe(address, count: size, access: .write)
    try storeEnvironment(i, at: address)
    state.pointee.x87Control |= FloatingPointExceptions.all.rawValue
    updateExceptionSummary()
  }

  /// FLDENV.
  private func fldenv(_ i: borrowing Instruction) throws(Exception) {
    try checkPendingX87Exception()
    let size = environmentSize(i)
    let address = try linearAddress(i, size: size, access: .read)
    try probe(address, count: size, access: .read)
    try loadEnvironment(i, at: address)
  }

  /// FNSAVE.
  private func fnsave(_ i: borrowing Instruction) throws(Exception) {
    let size = environmentSize(i)
    let address = try linearAddress(i, size: size &+ 80, access: .write)
    try probe(address, count: size &+ 80, access: .write)
    try storeEnvironment(i, at: address)
    for k in 0..<8 {
      let pattern = x87Pattern(k)
      let at = address + (size &+ UInt64(k) &* 10)
      try store(pattern.significand, at: at)
      try store(pattern.signExponent, at: at + 8)
    }
    fninit()
  }

  /// FRSTOR.
  private func frstor(_ i: borrowing Instruction) throws(Exception) {
    try checkPendingX87Exception()
    let size = environmentSize(i)
    let address = try linearAddress(i, size: size &+ 80, access: .read)
    try probe(address, count: size &+ 80, access: .read)
    try loadEnvironment(i, at: address)
    for k in 0..<8 {
      let at = address + (size &+ UInt64(k) &* 10)
      let register = physicalX87(k)
      state.pointee.x87Significands[register] = try load(at, as: UInt64.self)
      state.pointee.x87Exponents[register] = try load(at + 8, as: UInt16.self)
    }
  }

  /// Stores the environment in one of its four layouts.
  ///
  /// SDM volume 1, "Saving the x87 FPU's State with FSTENV/FNSTENV and FSAVE/FNSAVE".
  private func storeEnvironment(
    _ i: borrowing Instruction, at address: LinearAddress
  ) throws(Exception) {
    let s = state
    let isWide = i.operandSize != 2
    var instruction = s.pointee.x87InstructionPointer
    var code = UInt64(s.pointee.x87CodeSelector)
    var data = s.pointee.x87DataPointer
    var dataSelector = UInt64(s.pointee.x87DataSelector)
    let opcode = UInt64(s.pointee.x87Opcode & 0x7FF)
    if usesRealImage {
      instruction &+= code << 4
      data &+= dataSelector << 4
      let unit: UInt64 = isWide ? 0xFFFF : 0xF
      code = (instruction >> 16 & unit) << 12 | opcode
      dataSelector = (data >> 16 & unit) << 12
      instruction &= 0xFFFF
      data &= 0xFFFF
    } else if isWide {
      code |= opcode << 16
    }
    // Unused halves of the 32-bit layouts are ones.
    let high: UInt64 = 0xFFFF_0000
    let fields: InlineArray<7, UInt64> = [
      UInt64(s.pointee.x87Control) | high, UInt64(s.pointee.x87Status) | high,
      UInt64(x87TagWord) | high, instruction | (usesRealImage ? high : 0), code,
      data | (usesRealImage ? high : 0), dataSelector | (usesRealImage ? 0 : high),
    ]
    let width: UInt8 = isWide ? 4 : 2
    for k in 0..<7 {
      try store(fields[k], at: address + UInt64(k) &* UInt64(width), size: width)
    }
  }

  private func loadEnvironment(
    _ i: borrowing Instruction, at address: LinearAddress
  ) throws(Exception) {
    let isWide = i.operandSize != 2
    let width: UInt8 = isWide ? 4 : 2
    var fields = InlineArray<7, UInt64>(repeating: 0)
    for k in 0..<7 {
      fields[k] = try load(address + UInt64(k) &* UInt64(width), size: width)
    }
    let s = state
    if usesRealImage {
      let unit: UInt64 = isWide ? 0xFFFF : 0xF
      s.pointee.x87InstructionPointer = fields[3] & 0xFFFF | (fields[4] >> 12 & unit) << 16
      s.pointee.x87DataPointer = fields[5] & 0xFFFF | (fields[6] >> 12 & unit) << 16
      s.pointee.x87CodeSelector = 0
      s.pointee.x87DataSelector = 0
      s.pointee.x87Opcode = UInt16(truncatingIfNeeded: fields[4] & 0x7FF)
    } else {
      s.pointee.x87InstructionPointer = fields[3]
      s.pointee.x87CodeSelector = UInt16(truncatingIfNeeded: fields[4])
      s.pointee.x87DataPointer = fields[5]
      s.pointee.x87DataSelector = UInt16(truncatingIfNeeded: fields[6])
      if isWide { s.pointee.x87Opcode = UInt16(truncatingIfNeeded: fields[4] >> 16 & 0x7FF) }
    }
    s.pointee.x87Control = UInt16(truncatingIfNeeded: fields[0])
    setX87Status(UInt16(truncatingIfNeeded: fields[1]))
    setX87TagWord(UInt16(truncatingIfNeeded: fields[2]))
    setX87Control(s.pointee.x87Control)
  }
}
