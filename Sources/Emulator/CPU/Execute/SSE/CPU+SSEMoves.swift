extension CPU {
  /// MOVUPS, MOVUPD, MOVSS, MOVSD, MOVLPS, MOVHLPS, MOVLPD, MOVHPS, MOVLHPS, MOVHPD, MOVAPS,
  /// MOVAPD, MOVNTPS, MOVNTPD, MOVMSKPS, MOVMSKPD.
  func executeFloatMove(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    switch i.opcode {
    case 0x10 where !prefix.isPacked: return try loadScalar(i, size: prefix == .rep ? 4 : 8)
    case 0x11 where !prefix.isPacked: return try storeScalar(i, size: prefix == .rep ? 4 : 8)
    default: break
    }
    guard prefix.isPacked else { throw .invalidOpcode }
    switch i.opcode {
    case 0x10, 0x28:
      try moveFromOperand(i, aligned: i.opcode == 0x28)
    case 0x11, 0x29:
      try checkVector(i)
      try storeVector(i, vector(i.reg), aligned: i.opcode == 0x29)
    case 0x12, 0x16: try loadHalf(i, prefix, isHigh: i.opcode == 0x16)
    case 0x13, 0x17:
      guard i.hasMemory else { throw .invalidOpcode }
      try checkVector(i)
      let source = xmm(i.reg)
      try storeOperand(i, i.opcode == 0x17 ? source.high : source.low, size: 8)
    case 0x2B:
      guard i.hasMemory else { throw .invalidOpcode }
      try checkVector(i)
      try storeVector(i, vector(i.reg), aligned: true)
    default: try movmsk(i, prefix)
    }
  }

  /// MOVSS, MOVSD to a register: a load clears the rest, a register move keeps it.
  private func loadScalar(_ i: borrowing Instruction, size: UInt8) throws(Exception) {
    try checkVector(i)
    if i.hasMemory {
      setVector(i, Vector(low: UInt128(try loadOperand(i, size: size))))
    } else {
      setScalar(i, xmm(i.rm).low, size: size)
    }
  }

  /// MOVSS, MOVSD from a register.
  private func storeScalar(_ i: borrowing Instruction, size: UInt8) throws(Exception) {
    try checkVector(i)
    let source = xmm(i.reg).low
    if i.hasMemory { return try storeOperand(i, source, size: size) }
    if i.isVEX { setVector(i.rm, Vector(low: xmm(i.vvvv))) }
    mergeScalar(i.rm, source, size: size)
  }

  /// Replaces the low `size` bytes of an XMM register.
  @inline(__always) func mergeScalar(_ number: UInt8, _ value: UInt64, size: UInt8) {
    if size == 8 { return setXMMLow(number, value) }
    setXMMLow(number, xmm(number).low & ~0xFFFF_FFFF | value & 0xFFFF_FFFF)
  }

  /// MOVLPS, MOVLPD, MOVHPS, MOVHPD; between registers MOVHLPS and MOVLHPS.
  private func loadHalf(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix, isHigh: Bool
  ) throws(Exception) {
    guard i.hasMemory || prefix == .none else { throw .invalidOpcode }
    try checkVector(i)
    let half: UInt64
    if i.hasMemory {
      half = try loadOperand(i, size: 8)
    } else {
      half = isHigh ? xmm(i.rm).low : xmm(i.rm).high
    }
    let old = firstSource(i).low
    let result =
      isHigh ? UInt128(low: old.low, high: half) : UInt128(low: half, high: old.high)
    setVector(i, Vector(low: result))
  }

  /// MOVMSKPS, MOVMSKPD.
  private func movmsk(_ i: borrowing Instruction, _ prefix: MandatoryPrefix) throws(Exception) {
    guard !i.hasMemory else { throw .invalidOpcode }
    try checkVector(i)
    let source = vector(i.rm)
    let isDouble = prefix == .operandSize
    var mask = Self.signs(source.low, isDouble: isDouble)
    if i.laneCount == 2 {
      mask |= Self.signs(source.high, isDouble: isDouble) << (isDouble ? 2 : 4)
    }
    self[Int(i.reg)] = mask
  }

  /// The sign bits of the elements of a lane.
  static func signs(_ lane: UInt128, isDouble: Bool) -> UInt64 {
    let (low, high) = (lane.low, lane.high)
    if isDouble { return low >> 63 | (high >> 63) << 1 }
    return low >> 31 & 1 | (low >> 63) << 1 | (high >> 31 & 1) << 2 | (high >> 63) << 3
  }

  /// Moves of whole operands to a register.
  func moveFromOperand(_ i: borrowing Instruction, aligned: Bool) throws(Exception) {
    try checkVector(i)
    if aligned { try checkAlignment(i) }
    setVector(i, try loadVector(i, aligned: aligned))
  }

  /// MOVD, MOVQ, MOVDQA, MOVDQU, MOVQ2DQ, MOVDQ2Q, MOVNTQ, MOVNTDQ.
  func executeIntegerMove(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    switch (i.opcode, prefix) {
    case (0x6F, .operandSize), (0x6F, .rep):
      try moveFromOperand(i, aligned: prefix == .operandSize)
    case (0x7F, .operandSize), (0x7F, .rep):
      try checkVector(i)
      try storeVector(i, vector(i.reg), aligned: prefix == .operandSize)
    case (0x7E, .rep):
      try checkVector(i)
      setVector(i, Vector(low: UInt128(try loadXMMLow(i))))
    case (0xD6, .operandSize):
      try checkVector(i)
      let source = xmm(i.reg).low
      if i.hasMemory { return try storeOperand(i, source, size: 8) }
      setXMM(i.rm, UInt128(source))
      if i.isVEX { setYMMHigh(i.rm, 0) }
    case (0xE7, .operandSize):
      guard i.hasMemory else { throw .invalidOpcode }
      try checkVector(i)
      try storeVector(i, vector(i.reg), aligned: true)
    case (0x6E, .operandSize):
      try checkVector(i)
      setVector(i, Vector(low: UInt128(try loadGeneral(i))))
    case (0x7E, .operandSize):
      try checkVector(i)
      try storeGeneral(i, xmm(i.reg).low)
    default: try executeMMXMove(i, prefix)
    }
  }

  /// The forms that touch an MM register.
  private func executeMMXMove(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    switch (i.opcode, prefix) {
    case (0x6E, .none):
      try checkMMX()
      let value = try loadGeneral(i)
      enterMMX()
      setMMX(i.reg, value)
    case (0x6F, .none):
      try checkMMX()
      let value = try loadMMX(i)
      enterMMX()
      setMMX(i.reg, value)
    case (0x7E, .none):
      try checkMMX()
      try storeGeneral(i, mmx(i.reg))
      enterMMX()
    case (0x7F, .none), (0xE7, .none):
      if i.opcode == 0xE7 { guard i.hasMemory else { throw .invalidOpcode } }
      try checkMMX()
      let value = mmx(i.reg)
      if i.hasMemory { try storeOperand(i, value, size: 8) }
      enterMMX()
      if !i.hasMemory { setMMX(i.rm, value) }
    case (0xD6, .rep), (0xD6, .repne):
      guard !i.hasMemory else { throw .invalidOpcode }
      try checkSSE()
      try checkPendingX87Exception()
      enterMMX()
      if prefix == .rep {
        setXMM(i.reg, UInt128(mmx(i.rm)))
      } else {
        setMMX(i.reg, xmm(i.rm).low)
      }
    default: throw .invalidOpcode
    }
  }

  /// The r/m32 operand, or r/m64 with REX.W.
  private func loadGeneral(_ i: borrowing Instruction) throws(Exception) -> UInt64 {
    let size: UInt8 = i.prefixes.contains(.rexW) ? 8 : 4
    guard i.hasMemory else { return truncate(self[Int(i.rm)], toSize: size) }
    return try loadOperand(i, size: size)
  }

  private func storeGeneral(_ i: borrowing Instruction, _ value: UInt64) throws(Exception) {
    let size: UInt8 = i.prefixes.contains(.rexW) ? 8 : 4
    guard i.hasMemory else { return writeRegister(i.rm, size: size, value) }
    try storeOperand(i, value, size: size)
  }
}

extension CPU {
  /// VZEROUPPER, and with VEX.L VZEROALL.
  func vzero(_ i: borrowing Instruction) throws(Exception) {
    try checkVector(i)
    for number in 0..<savedXMMCount {
      if i.laneCount == 2 { setXMM(number, 0) }
      setYMMHigh(number, 0)
    }
  }
}
