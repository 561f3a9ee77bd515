extension OpcodeTableBuilder {
  /// SDM volume 2, Appendix A, "Three-byte Opcode Map: 08H — FFH (First Two Bytes are 0F 38H)".
  mutating func threeByteMap38() {
    map = 2
    for prefix in [OpcodeTable.Prefix.none, .x66] {
      row(prefix, 0xF0, .movbe, .gv, .m, feature: .movbe)
      row(prefix, 0xF1, .movbe, .m, .gv, feature: .movbe)
    }
    row(.x66, 0x82, .invpcid, .gy, .mdq, .f64, feature: .invpcid)
    vectorRows38()
  }

  /// SDM volume 2, Appendix A, "Three-byte Opcode Map: 00H — F7H (First two bytes are 0F 3AH)":
  /// every opcode there has a ModR/M byte and an immediate byte, also where no instruction is.
  mutating func threeByteMap3A() {
    map = 3
    for opcode in 0..<256 { row(opcode, .invalid, [.modRM, .imm8]) }
    vectorRows3A()
  }
}
