extension CPU {
  /// Arithmetic, logic, shifts, bits and decimal adjustment.
  func executeArithmetic(_ i: borrowing Instruction) throws(Exception) {
    switch i.mnemonic {
    case .add: try apply(ADD.self, i)
    case .or: try apply(OR.self, i)
    case .adc: try apply(ADC.self, i)
    case .sbb: try apply(SBB.self, i)
    case .and: try apply(AND.self, i)
    case .sub: try apply(SUB.self, i)
    case .xor: try apply(XOR.self, i)
    case .cmp: try apply(CMP.self, i)
    case .test: try apply(TEST.self, i)
    case .inc: try apply(INC.self, i)
    case .dec: try apply(DEC.self, i)
    case .neg: try apply(NEG.self, i)
    case .not: try apply(NOT.self, i)
    case .rol: try apply(ROL.self, i)
    case .ror: try apply(ROR.self, i)
    case .rcl: try apply(RCL.self, i)
    case .rcr: try apply(RCR.self, i)
    case .shl: try apply(SHL.self, i)
    case .shr: try apply(SHR.self, i)
    case .sar: try apply(SAR.self, i)
    case .shld: try apply(SHLD.self, i)
    case .shrd: try apply(SHRD.self, i)
    default: try executeOtherArithmetic(i)
    }
  }

  private func executeOtherArithmetic(_ i: borrowing Instruction) throws(Exception) {
    switch i.mnemonic {
    case .mul: try multiply(i, signed: false)
    case .imul where i.operand1.kind == .none: try multiply(i, signed: true)
    case .imul: try multiplyTruncating(i)
    case .div: try divide(i, signed: false)
    case .idiv: try divide(i, signed: true)
    case .bt, .bts, .btr, .btc: try testBit(i)
    case .bsf, .bsr: try scanBits(i)
    case .tzcnt, .lzcnt: try countZeros(i)
    case .popcnt: try countOnes(i)
    case .bswap: try swapBytes(i)
    case .crc32: try crc32(i)
    case .adcx, .adox: try addWithOwnCarry(i)
    case .rdrand, .rdseed: try readRandom(i)
    case .aaa: adjustASCII(afterSubtraction: false)
    case .aas: adjustASCII(afterSubtraction: true)
    case .aam: try adjustAfterMultiplication(i)
    case .aad: adjustBeforeDivision(i)
    case .daa: adjustDecimal(afterSubtraction: false)
    case .das: adjustDecimal(afterSubtraction: true)
    default: throw .invalidOpcode
    }
  }

  private func apply<Operation: BinaryOperation>(
    _: Operation.Type, _ i: borrowing Instruction
  ) throws(Exception) {
    let a =
      Operation.writesDestination ? try readForWrite(i.operand0, i) : try read(i.operand0, i)
    let b = try readSource(i.operand1, i)
    let (result, status) = Operation.apply(
      a, b, size: i.operand0.size, flags: state.pointee.rflags)
    if Operation.writesDestination { try write(i.operand0, i, result) }
    setStatusFlags(status)
  }

  private func apply<Operation: UnaryOperation>(
    _: Operation.Type, _ i: borrowing Instruction
  ) throws(Exception) {
    let a = try readForWrite(i.operand0, i)
    let (result, status) = Operation.apply(
      a, size: i.operand0.size, flags: state.pointee.rflags)
    try write(i.operand0, i, result)
    setStatusFlags(status)
  }

  private func apply<Operation: ShiftOperation>(
    _: Operation.Type, _ i: borrowing Instruction
  ) throws(Exception) {
    let a = try readForWrite(i.operand0, i)
    let count = UInt8(truncatingIfNeeded: try read(i.operand1, i))
    let (result, status) = Operation.apply(
      a, count: count, size: i.operand0.size, flags: state.pointee.rflags)
    try write(i.operand0, i, result)
    setStatusFlags(status)
  }

  private func apply<Operation: DoubleShiftOperation>(
    _: Operation.Type, _ i: borrowing Instruction
  ) throws(Exception) {
    let a = try readForWrite(i.operand0, i)
    let b = try read(i.operand1, i)
    let count = UInt8(truncatingIfNeeded: try read(i.operand2, i))
    let (result, status) = Operation.apply(
      a, b, count: count, size: i.operand0.size, flags: state.pointee.rflags)
    try write(i.operand0, i, result)
    setStatusFlags(status)
  }

  /// Reads a source; an immediate counts in full, as the decoder extended it.
  func readSource(_ operand: Operand, _ i: borrowing Instruction) throws(Exception) -> UInt64 {
    operand.kind == .immediate ? i.immediate : try read(operand, i)
  }

  /// Replaces the six status flags.
  @inline(__always) func setStatusFlags(_ status: UInt64) {
    state.pointee.rflags = state.pointee.rflags & ~StatusFlags.all | status
  }

  /// Replaces CF.
  @inline(__always) func setCarry(_ carry: Bool) {
    state.pointee.rflags =
      state.pointee.rflags & ~StatusFlags.carry | (carry ? StatusFlags.carry : 0)
  }
}
