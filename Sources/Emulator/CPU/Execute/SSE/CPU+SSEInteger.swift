extension CPU {
  /// The packed integer operations on two operands, in their XMM and MMX forms.
  func executePackedInteger(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    let opcode = i.opcode
    switch prefix {
    case .operandSize:
      guard let operation = PackedOperation(opcode, isMMX: false) else { throw .invalidOpcode }
      if operation.isShift { return try shiftByRegister(i) }
      try packed(i) { operation.apply($0, $1) }
    case .none:
      guard let operation = PackedOperation(opcode, isMMX: true) else { throw .invalidOpcode }
      try checkMMX()
      // PUNPCKLBW, PUNPCKLWD and PUNPCKLDQ read only 32 bits of memory.
      let isNarrow = opcode == 0x60 || opcode == 0x61 || opcode == 0x62
      let source = try loadMMX(i, size: isNarrow ? 4 : 8)
      let result = operation.apply(UInt128(mmx(i.reg)), UInt128(source))
      enterMMX()
      setMMX(i.reg, result.low)
    default: throw .invalidOpcode
    }
  }

  /// Shifts of XMM or YMM registers by a count in the low quadword of an xmm/m128 operand.
  private func shiftByRegister(_ i: borrowing Instruction) throws(Exception) {
    try checkVector(i)
    let count = try loadXMM(i, aligned: !i.isVEX).low
    let first = firstSource(i)
    var result = Vector()
    for lane in 0..<i.laneCount {
      result[lane] = PackedInteger.shift(i.opcode, first[lane], count: count)
    }
    setVector(i, result)
  }

  /// PSHUFW, PSHUFD, PSHUFHW, PSHUFLW, PINSRW, PEXTRW, PMOVMSKB, MASKMOVQ, MASKMOVDQU.
  func executeIntegerShuffle(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    switch i.opcode {
    case 0x70: try pshuf(i, prefix)
    case 0xC4: try pinsrw(i, prefix)
    case 0xC5, 0xD7: try extract(i, prefix)
    default: try maskmov(i, prefix)
    }
  }

  private func pshuf(_ i: borrowing Instruction, _ prefix: MandatoryPrefix) throws(Exception) {
    let order = UInt8(truncatingIfNeeded: i.immediate)
    if prefix == .none {
      try checkMMX()
      let source = UInt128(try loadMMX(i)).elements(PackedInteger.Words.self)
      enterMMX()
      return setMMX(i.reg, UInt128(elements: PackedInteger.shuffle(source, order: order)).low)
    }
    if prefix == .operandSize {
      try packed(i) {
        let elements = $0.elements(PackedInteger.Doublewords.self)
        return UInt128(elements: PackedInteger.shuffle(elements, order: order))
      }
    } else {
      let first = prefix == .rep ? 4 : 0
      try packed(i) {
        let elements = $0.elements(PackedInteger.Words.self)
        return UInt128(elements: PackedInteger.shuffle(elements, order: order, from: first))
      }
    }
  }

  private func pinsrw(_ i: borrowing Instruction, _ prefix: MandatoryPrefix) throws(Exception) {
    guard prefix.isPacked else { throw .invalidOpcode }
    if prefix == .none { try checkMMX() } else { try checkVector(i) }
    let word = i.hasMemory ? try loadOperand(i, size: 2) : self[Int(i.rm)] & 0xFFFF
    if prefix == .none {
      let shift = (i.immediate & 3) &* 16
      enterMMX()
      setMMX(i.reg, mmx(i.reg) & ~(0xFFFF &<< shift) | word &<< shift)
    } else {
      let shift = UInt128((i.immediate & 7) &* 16)
      let old = firstSource(i).low
      setVector(i, Vector(low: old & ~(0xFFFF &<< shift) | UInt128(word) &<< shift))
    }
  }

  /// PEXTRW, PMOVMSKB.
  private func extract(_ i: borrowing Instruction, _ prefix: MandatoryPrefix) throws(Exception) {
    guard prefix.isPacked, !i.hasMemory else { throw .invalidOpcode }
    let isMMX = prefix == .none
    if isMMX { try checkMMX() } else { try checkVector(i) }
    let source = isMMX ? UInt128(mmx(i.rm)) : xmm(i.rm)
    if isMMX { enterMMX() }
    if i.opcode == 0xD7 {
      let upper = i.laneCount == 2 ? PackedInteger.signMask(ymmHigh(i.rm)) << 16 : 0
      self[Int(i.reg)] = PackedInteger.signMask(source) | upper
    } else {
      let index = i.immediate & (isMMX ? 3 : 7)
      self[Int(i.reg)] = (source &>> UInt128(index &* 16)).low & 0xFFFF
    }
  }

  /// MASKMOVQ, MASKMOVDQU: stores the bytes whose mask byte has its sign bit set at DS:rDI.
  private func maskmov(_ i: borrowing Instruction, _ prefix: MandatoryPrefix) throws(Exception) {
    guard prefix.isPacked, !i.hasMemory else { throw .invalidOpcode }
    let isMMX = prefix == .none
    if isMMX { try checkMMX() } else { try checkVector(i) }
    let source = isMMX ? UInt128(mmx(i.reg)) : xmm(i.reg)
    let mask = PackedInteger.signMask(isMMX ? UInt128(mmx(i.rm)) : xmm(i.rm))
    let offset = truncate(self[.rdi], toSize: i.addressSize)
    let count: UInt64 = isMMX ? 8 : 16
    let segment = i.prefixes.contains(.segment) ? i.segment : .ds
    let address = try linearAddress(segment, offset: offset, size: count, access: .write)
    if mask != 0 { try probe(address, count: count, access: .write) }
    for k in 0..<count where mask &>> k & 1 != 0 {
      let byte = UInt8(truncatingIfNeeded: source &>> UInt128(k &* 8))
      try store(byte, at: address + k)
    }
    if isMMX { enterMMX() }
  }

  /// Groups 12, 13 and 14: shifts by an immediate count.
  func executeImmediateShift(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    guard prefix.isPacked, !i.hasMemory else { throw .invalidOpcode }
    let isMMX = prefix == .none
    let reg = i.reg & 7
    let count = i.immediate & 0xFF
    if i.opcode == 0x73 && (reg == 3 || reg == 7) {
      guard !isMMX else { throw .invalidOpcode }
      // PSRLDQ, PSLLDQ: by bytes, and Swift's smart shift gives zero from sixteen on.
      let bits = count &* 8
      return try shiftRegister(i) { reg == 3 ? $0 >> bits : $0 << bits }
    }
    guard let opcode = Self.shiftOpcode(group: i.opcode, reg) else {
      throw .invalidOpcode
    }
    if isMMX {
      try checkMMX()
      enterMMX()
      setMMX(i.rm, PackedInteger.shift(opcode, UInt128(mmx(i.rm)), count: count).low)
    } else {
      try shiftRegister(i) { PackedInteger.shift(opcode, $0, count: count) }
    }
  }

  /// rm := f(rm), or with VEX vvvv := f(rm).
  private func shiftRegister(
    _ i: borrowing Instruction, _ operation: (UInt128) -> UInt128
  ) throws(Exception) {
    try checkVector(i)
    guard i.isVEX else { return setXMM(i.rm, operation(xmm(i.rm))) }
    let high = i.laneCount == 2 ? operation(ymmHigh(i.rm)) : 0
    setVector(i.vvvv, Vector(low: operation(xmm(i.rm)), high: high))
  }

  /// The opcode of the shift by a register that does the same as a member of a shift group.
  private static func shiftOpcode(group: UInt8, _ reg: UInt8) -> UInt8? {
    switch (group, reg) {
    case (0x71, 2): 0xD1
    case (0x71, 4): 0xE1
    case (0x71, 6): 0xF1
    case (0x72, 2): 0xD2
    case (0x72, 4): 0xE2
    case (0x72, 6): 0xF2
    case (0x73, 2): 0xD3
    case (0x73, 6): 0xF3
    default: nil
    }
  }
}
