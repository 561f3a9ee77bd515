extension CPU {
  /// The SSE instructions of the 0F 3A map.
  ///
  /// SDM volume 2, Appendix A, "Three-byte Opcode Map: 00H — F7H (First two bytes are 0F 3AH)".
  func executeImmediate(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    let immediate = UInt8(truncatingIfNeeded: i.immediate)
    switch (prefix, i.opcode) {
    case (.none, 0x0F):
      try checkMMX()
      let source = try loadMMX(i)
      let result = PackedInteger.align(
        UInt128(mmx(i.reg)), UInt128(source), count: immediate, isMMX: true)
      enterMMX()
      return setMMX(i.reg, result.low)
    case (.none, 0xCC):
      return try packed(i) { SHA.rounds1($0, $1, function: immediate) }
    case (.operandSize, _): break
    default: throw .invalidOpcode
    }
    try checkVector(i)
    switch i.opcode {
    case 0x08...0x0B: try round(i)
    case 0x14...0x17: try extractElement(i)
    case 0x20...0x22: try insertElement(i)
    case 0x40: try dotProduct(i, SIMD4<UInt32>.self, Float.self)
    case 0x41: try dotProduct(i, SIMD2<UInt64>.self, Double.self)
    case 0x60...0x63: try compareStrings(i)
    default:
      guard let operation = ImmediateOperation(i.opcode) else { throw .invalidOpcode }
      let b = try loadVector(i)
      let a = firstSource(i)
      var result = Vector()
      for lane in 0..<i.laneCount {
        result[lane] = operation.apply(
          a[lane], b[lane], lane == 0 ? immediate : operation.upperImmediate(immediate))
      }
      setVector(i, result)
    }
  }

  /// PEXTRB, PEXTRW, PEXTRD, PEXTRQ, EXTRACTPS: a general register gets the element zero-extended.
  private func extractElement(_ i: borrowing Instruction) throws(Exception) {
    let size: UInt8 =
      switch i.opcode {
      case 0x14: 1
      case 0x15: 2
      case 0x16 where i.prefixes.contains(.rexW): 8
      default: 4
      }
    let index = UInt8(truncatingIfNeeded: i.immediate) & (16 / size &- 1)
    let element = truncate((xmm(i.reg) &>> UInt128(index &* size &* 8)).low, toSize: size)
    if i.hasMemory {
      try storeOperand(i, element, size: size)
    } else {
      self[Int(i.rm)] = element
    }
  }

  /// PINSRB, INSERTPS, PINSRD, PINSRQ.
  private func insertElement(_ i: borrowing Instruction) throws(Exception) {
    let immediate = UInt8(truncatingIfNeeded: i.immediate)
    if i.opcode == 0x21 {
      let element =
        i.hasMemory
        ? UInt32(truncatingIfNeeded: try loadOperand(i, size: 4))
        : xmm(i.rm).elements(PackedInteger.Doublewords.self)[Int(immediate >> 6)]
      let result = PackedInteger.insert(element, into: firstSource(i).low, immediate)
      return setVector(i, Vector(low: result))
    }
    let size: UInt8 = i.opcode == 0x20 ? 1 : (i.prefixes.contains(.rexW) ? 8 : 4)
    let source = i.hasMemory ? try loadOperand(i, size: size) : self[Int(i.rm)]
    let result = PackedInteger.insert(source, size: size, at: immediate, into: firstSource(i).low)
    setVector(i, Vector(low: result))
  }
}
