/// The prefix that selects among the instructions of one SSE opcode.
enum MandatoryPrefix {
  /// No prefix: packed single, or MMX.
  case none
  /// 66: packed double, or XMM integer.
  case operandSize
  /// F3: scalar single.
  case rep
  /// F2: scalar double.
  case repne

  @inline(__always) init(_ prefixes: Prefixes) {
    if prefixes.contains(.rep) {
      self = .rep
    } else if prefixes.contains(.repne) {
      self = .repne
    } else {
      self = prefixes.contains(.operandSize) ? .operandSize : .none
    }
  }

  /// None or 66: a packed operation.
  @inline(__always) var isPacked: Bool { self == .none || self == .operandSize }
}

extension CPU {
  /// MMX, SSE to SSE4.2, AES, SHA, and the instructions that save their state.
  func executeSSE(_ i: borrowing Instruction) throws(Exception) {
    switch i.mnemonic {
    case .fxsave: return try fxsave(i)
    case .fxrstor: return try fxrstor(i)
    case .ldmxcsr: return try ldmxcsr(i)
    case .stmxcsr: return try stmxcsr(i)
    default: break
    }
    let prefix = MandatoryPrefix(i.prefixes)
    switch i.map {
    case 2: return try executeSupplemental(i, prefix)
    case 3: return try executeImmediate(i, prefix)
    default: break
    }
    switch i.opcode {
    case 0x12 where !prefix.isPacked, 0x16 where prefix == .rep:
      try duplicateElements(i, prefix)
    case 0x7C, 0x7D, 0xD0: try executeHorizontal(i, prefix)
    case 0xF0 where prefix == .repne:
      guard i.hasMemory else { throw .invalidOpcode }
      try packed(i, aligned: false) { $0 }
    case 0x10, 0x11, 0x12, 0x13, 0x16, 0x17, 0x28, 0x29, 0x2B, 0x50:
      try executeFloatMove(i, prefix)
    case 0x14, 0x15, 0x54, 0x55, 0x56, 0x57, 0xC6:
      try executeFloatBits(i, prefix)
    case 0x51, 0x52, 0x53, 0x58, 0x59, 0x5C, 0x5D, 0x5E, 0x5F, 0xC2, 0x2E, 0x2F:
      try executeFloatArithmetic(i, prefix)
    case 0x2A, 0x2C, 0x2D, 0x5A, 0x5B, 0xE6:
      try executeFloatConversion(i, prefix)
    case 0x6E, 0x6F, 0x7E, 0x7F, 0xD6, 0xE7:
      try executeIntegerMove(i, prefix)
    case 0x70, 0xC4, 0xC5, 0xD7, 0xF7:
      try executeIntegerShuffle(i, prefix)
    case 0x71, 0x72, 0x73: try executeImmediateShift(i, prefix)
    case 0x77:
      guard prefix == .none else { throw .invalidOpcode }
      if i.isVEX { try vzero(i) } else { try emms() }
    default: try executePackedInteger(i, prefix)
    }
  }

  /// Whether SSE may be used.
  ///
  /// SDM volume 2, "SIMD Floating-Point Exceptions" of the exception classes; Vol. 3A, "Checking for
  /// SSE/SSE2/SSE3/SSSE3/SSE4 Support".
  @inline(__always) func checkSSE() throws(Exception) {
    let blocked = CR0.emulation.rawValue | CR0.taskSwitched.rawValue
    if state.pointee.cr0 & blocked == 0 && state.pointee.cr4 & CR4.osFXSR.rawValue != 0 { return }
    if cr0.contains(.emulation) || !cr4.contains(.osFXSR) { throw .invalidOpcode }
    throw .deviceNotAvailable
  }

  /// XMM register `number`.
  @inline(__always) package func xmm(_ number: UInt8) -> UInt128 {
    let index = Int(number & 15) &* 2
    return UInt128(low: state.pointee.xmm[index], high: state.pointee.xmm[index &+ 1])
  }

  /// Sets XMM register `number`.
  @inline(__always) package func setXMM(_ number: UInt8, _ value: UInt128) {
    let index = Int(number & 15) &* 2
    state.pointee.xmm[index] = value.low
    state.pointee.xmm[index &+ 1] = value.high
  }

  /// Sets bits 63:0 of XMM register `number`.
  @inline(__always) func setXMMLow(_ number: UInt8, _ value: UInt64) {
    state.pointee.xmm[Int(number & 15) &* 2] = value
  }

  /// The xmm/m128 operand; memory must be aligned unless the instruction says otherwise.
  @inline(__always) func loadXMM(
    _ i: borrowing Instruction, aligned: Bool = true
  ) throws(Exception) -> UInt128 {
    guard i.hasMemory else { return xmm(i.rm) }
    let address = try linearAddress(i, size: 16, access: .read)
    if aligned && address.value & 15 != 0 { throw .generalProtection(errorCode: 0) }
    return try load(address, as: UInt128.self)
  }

  /// The xmm/m64 operand, or xmm/m32 with `size` 4, zero-extended from memory.
  @inline(__always) func loadXMMLow(
    _ i: borrowing Instruction, size: UInt8 = 8
  ) throws(Exception) -> UInt64 {
    guard i.hasMemory else { return truncate(xmm(i.rm).low, toSize: size) }
    return try loadOperand(i, size: size)
  }

  /// Loads `size` bytes of the memory operand.
  @inline(__always) func loadOperand(
    _ i: borrowing Instruction, size: UInt8
  ) throws(Exception) -> UInt64 {
    let address = try linearAddress(i, size: UInt64(size), access: .read)
    return try load(address, size: size)
  }

  /// Stores `size` bytes to the memory operand.
  @inline(__always) func storeOperand(
    _ i: borrowing Instruction, _ value: UInt64, size: UInt8
  ) throws(Exception) {
    let address = try linearAddress(i, size: UInt64(size), access: .write)
    try store(value, at: address, size: size)
  }

  /// Stores an XMM register to the xmm/m128 operand.
  @inline(__always) func storeXMM(
    _ i: borrowing Instruction, _ value: UInt128, aligned: Bool
  ) throws(Exception) {
    guard i.hasMemory else { return setXMM(i.rm, value) }
    let address = try linearAddress(i, size: 16, access: .write)
    if aligned && address.value & 15 != 0 { throw .generalProtection(errorCode: 0) }
    try store(value, at: address)
  }
}
