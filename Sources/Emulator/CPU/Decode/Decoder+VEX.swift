/// Instructions with a VEX prefix.
///
/// SDM volume 2, "Intel Advanced Vector Extensions (Intel AVX)".
extension Decoder {
  /// Whether C4 or C5 is a VEX prefix, not LES or LDS: always in 64-bit mode, never in real and
  /// virtual-8086 mode, else if the next byte were a ModR/M byte that names a register.
  mutating func startsVEX(_ byte: UInt8) throws(DecodeFailure) -> Bool {
    guard byte & 0xFE == 0xC4, mode.isDisjoint(with: [.real, .virtual8086]) else { return false }
    if isLong { return true }
    defer { position &-= 1 }
    return try next() >= 0xC0
  }

  /// Decodes what follows C4 or C5.
  mutating func decodeVEX(_ escape: UInt8) throws(DecodeFailure) -> Instruction {
    let forbidden: Prefixes = [.lock, .operandSize, .rep, .repne, .rex]
    let hasForbidden = !instruction.prefixes.isDisjoint(with: forbidden)
    instruction.prefixes.subtract(forbidden.union(.rexW))
    let first = try next()
    let isLongForm = escape == 0xC4
    let last = isLongForm ? try next() : first
    let map = isLongForm ? Int(first & 0x1F) : 1
    // R, X and B are inverted; outside 64-bit mode they are not extensions of anything.
    rex = isLong ? (isLongForm ? ~first >> 5 & 7 : ~first >> 5 & 4) : 0
    if isLongForm && last & 0x80 != 0 { instruction.prefixes.insert(.rexW) }
    instruction.vvvv = ~last >> 3 & (isLong ? 15 : 7)
    instruction.vectorLength = last & 4 != 0 ? 32 : 16
    instruction.prefixes.formUnion(Self.mandatoryPrefix(last & 3))
    let opcode = try next()
    instruction.map = UInt8(map)
    instruction.opcode = opcode
    guard !hasForbidden, 1...3 ~= map else { return invalidVEX() }
    var row = OpcodeTable.shared.row(
      map: map + OpcodeTableBuilder.vexMapOffset, prefix: Self.column(last & 3), opcode: opcode)
    if row.needsModRM {
      instruction.modRM = try next()
      if row.attributes.contains(.group) {
        row = OpcodeTable.shared.groupRow(row, modRM: instruction.modRM)
      }
    }
    try vexOperands(row)
    let usesVVVV = last >> 3 & 15 != 15
    instruction.mnemonic = isLegalVEX(row, usesVVVV: usesVVVV) ? row.mnemonic : .invalid
    instruction.length = UInt8(position)
    return instruction
  }

  private mutating func invalidVEX() -> Instruction {
    instruction.mnemonic = .invalid
    instruction.length = UInt8(position)
    return instruction
  }

  /// VEX.pp: none, 66, F3, F2.
  private static func mandatoryPrefix(_ pp: UInt8) -> Prefixes {
    switch pp {
    case 0: []
    case 1: .operandSize
    case 2: .rep
    default: .repne
    }
  }

  private static func column(_ pp: UInt8) -> Int {
    switch pp {
    case 0: OpcodeTable.Prefix.none.rawValue
    case 1: OpcodeTable.Prefix.x66.rawValue
    case 2: OpcodeTable.Prefix.xF3.rawValue
    default: OpcodeTable.Prefix.xF2.rawValue
    }
  }

  private mutating func vexOperands(_ row: OpcodeRow) throws(DecodeFailure) {
    let attributes = row.attributes
    if attributes.contains(.scalar) { instruction.vectorLength = 16 }
    if attributes.contains(.generalW) && !isLong { instruction.prefixes.remove(.rexW) }
    instruction.operandSize = instruction.prefixes.contains(.rexW) ? 8 : 4
    setAddressSize()
    if row.needsModRM { try modRMFields(forcesRegister: false) }
    try operands(row)
    if attributes.contains(.vsib) { vsibIndex() }
    if attributes.contains(.imm8) { instruction.immediate = UInt64(try next()) }
  }

  /// In a VSIB byte the index names a vector register, and 100 is one like the others.
  ///
  /// `operand1` holds it.
  private mutating func vsibIndex() {
    let none = UInt8(RegisterSlot.zero)
    let index = instruction.index == none ? 4 | (rex & 2) << 2 : instruction.index
    instruction.operand1 = Operand(.xmm, index: index, size: instruction.vectorLength)
    instruction.index = none
    instruction.scale = vsibScale
  }

  private func isLegalVEX(_ row: OpcodeRow, usesVVVV: Bool) -> Bool {
    let attributes = row.attributes
    let isMemory = instruction.hasMemory
    let isWide = instruction.prefixes.contains(.rexW)
    guard features.contains(row.feature), row.mnemonic != .invalid else { return false }
    if attributes.contains(.noVVVV) && usesVVVV { return false }
    if attributes.contains(.vvvvWithRegister) && isMemory && usesVVVV { return false }
    if attributes.contains(.l0) && instruction.vectorLength == 32 { return false }
    if attributes.contains(.l1) && instruction.vectorLength == 16 { return false }
    if attributes.contains(.w0) && isWide || attributes.contains(.w1) && !isWide { return false }
    let needsMemory = attributes.contains(.memoryOnly) || row.operand0.isMemoryOnly
    if needsMemory && !isMemory || attributes.contains(.registerOnly) && isMemory { return false }
    return !attributes.contains(.vsib) || isLegalGather
  }

  /// A SIB byte is there, and destination, index and mask are different registers.
  private var isLegalGather: Bool {
    let index = instruction.operand1.index
    return instruction.addressSize != 2 && instruction.modRM & 7 == 4
      && instruction.reg != instruction.vvvv && instruction.reg != index
      && instruction.vvvv != index
  }
}
