extension CPU {
  /// The SSE instructions of the 0F 38 map.
  ///
  /// SDM volume 2, Appendix A, "Three-byte Opcode Map: 08H — FFH (First Two Bytes are 0F 38H)".
  func executeSupplemental(
    _ i: borrowing Instruction, _ prefix: MandatoryPrefix
  ) throws(Exception) {
    switch prefix {
    case .operandSize: try executeSupplementalXMM(i)
    case .none where i.opcode >= 0xC8:
      let (opcode, keys) = (i.opcode, xmm(0))
      try packed(i) { SHA.apply(opcode, $0, $1, keys: keys) }
    case .none:
      guard let operation = PackedOperation(supplemental: i.opcode, isMMX: true) else {
        throw .invalidOpcode
      }
      try checkMMX()
      let source = try loadMMX(i)
      let result = operation.apply(UInt128(mmx(i.reg)), UInt128(source))
      enterMMX()
      setMMX(i.reg, result.low)
    default: throw .invalidOpcode
    }
  }

  private func executeSupplementalXMM(_ i: borrowing Instruction) throws(Exception) {
    switch i.opcode {
    case 0x10, 0x14, 0x15:
      let (opcode, mask) = (i.opcode, xmm(0))
      try packed(i) { PackedInteger.blend(opcode, $0, $1, mask: mask) }
    case 0x17: try ptest(i)
    case 0x20...0x25, 0x30...0x35:
      try extend(i)
    case 0x2A:
      guard i.hasMemory else { throw .invalidOpcode }
      try packed(i) { $0 }
    default:
      guard let operation = PackedOperation(supplemental: i.opcode, isMMX: false) else {
        throw .invalidOpcode
      }
      try packed(i) { operation.apply($0, $1) }
    }
  }

  /// PMOVSX, PMOVZX: each lane of the destination takes the next part of the source.
  private func extend(_ i: borrowing Instruction) throws(Exception) {
    try checkVector(i)
    let part = PackedInteger.extensionSourceSize(i.opcode)
    let size = part &* UInt8(i.laneCount)
    let source =
      size == 16 ? try loadXMM(i, aligned: false) : UInt128(try loadXMMLow(i, size: size))
    var result = Vector()
    for lane in 0..<i.laneCount {
      let bits = (source &>> UInt128(lane &* Int(part) &* 8)).low
      result[lane] = PackedInteger.extend(i.opcode, bits)
    }
    setVector(i, result)
  }

  /// PTEST: ZF if no bit is in both operands, CF if none is in the source alone.
  private func ptest(_ i: borrowing Instruction) throws(Exception) {
    try checkVector(i)
    let source = try loadVector(i)
    let destination = vector(i.reg)
    var (common, alone): (UInt128, UInt128) = (0, 0)
    for lane in 0..<i.laneCount {
      common |= source[lane] & destination[lane]
      alone |= source[lane] & ~destination[lane]
    }
    setStatusFlags(
      (common == 0 ? StatusFlags.zero : 0) | (alone == 0 ? StatusFlags.carry : 0))
  }
}
