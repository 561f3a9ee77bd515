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
      try checkSSE()
      let source = try loadXMM(i)
      setXMM(i.reg, SHA.apply(i.opcode, xmm(i.reg), source, keys: xmm(0)))
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
      try checkSSE()
      let source = try loadXMM(i)
      setXMM(i.reg, PackedInteger.blend(i.opcode, xmm(i.reg), source, mask: xmm(0)))
    case 0x17: try ptest(i)
    case 0x20...0x25, 0x30...0x35:
      try checkSSE()
      let source = try loadXMMLow(i, size: PackedInteger.extensionSourceSize(i.opcode))
      setXMM(i.reg, PackedInteger.extend(i.opcode, source))
    case 0x2A:
      guard i.hasMemory else { throw .invalidOpcode }
      try checkSSE()
      setXMM(i.reg, try loadXMM(i))
    default:
      guard let operation = PackedOperation(supplemental: i.opcode, isMMX: false) else {
        throw .invalidOpcode
      }
      try checkSSE()
      let source = try loadXMM(i)
      setXMM(i.reg, operation.apply(xmm(i.reg), source))
    }
  }

  /// PTEST: ZF if no bit is in both operands, CF if none is in the source alone.
  private func ptest(_ i: borrowing Instruction) throws(Exception) {
    try checkSSE()
    let source = try loadXMM(i)
    let destination = xmm(i.reg)
    setStatusFlags(
      (source & destination == 0 ? StatusFlags.zero : 0)
        | (source & ~destination == 0 ? StatusFlags.carry : 0))
  }
}
