/// The instructions with a VEX prefix, by VEX.mmmmm, VEX.pp and opcode.
///
/// SDM volume 2, "Intel Advanced Vector Extensions (Intel AVX)" and the *Opcode* columns of each
/// instruction. The operation of `.avx` rows is picked as that of `.sse` rows is; W and L are
/// ignored where a row says nothing about them.
extension OpcodeTableBuilder {
  /// The places of the VEX maps among the others: 0F, 0F 38 and 0F 3A, three further on.
  static let vexMapOffset = 3

  mutating func vexMaps() {
    map = 1 + Self.vexMapOffset
    vexMoves()
    vexFloats()
    vexIntegers()
    map = 2 + Self.vexMapOffset
    vexSupplemental()
    vexOwnSupplemental()
    vexFMA()
    vexGeneral()
    map = 3 + Self.vexMapOffset
    vexImmediates()
  }

  /// `.avx` rows for each of `opcodes` under each of `prefixes`.
  private func avx(
    _ prefixes: [OpcodeTable.Prefix], _ opcodes: [Int], _ attributes: OpcodeAttributes = [],
    feature: ProcessorFeature = .avx
  ) {
    for prefix in prefixes {
      for opcode in opcodes {
        row(prefix, opcode, .avx, attributes.union(.modRM), feature: feature)
      }
    }
  }

  private func avx(
    _ opcodes: ClosedRange<Int>, _ attributes: OpcodeAttributes = [],
    feature: ProcessorFeature = .avx
  ) { avx([.x66], Array(opcodes), attributes, feature: feature) }

  /// 0F: moves.
  private func vexMoves() {
    avx([.none, .x66], [0x10, 0x11, 0x28, 0x29], .noVVVV)
    avx([.xF3, .xF2], [0x10, 0x11], [.scalar, .vvvvWithRegister])
    avx([.none], [0x12, 0x16], .l0)
    avx([.x66], [0x12, 0x16], [.l0, .memoryOnly])
    avx([.xF3, .xF2], [0x12], .noVVVV)
    avx([.xF3], [0x16], .noVVVV)
    avx([.none, .x66], [0x13, 0x17], [.l0, .memoryOnly, .noVVVV])
    avx([.none, .x66], [0x2B], [.memoryOnly, .noVVVV])
    avx([.x66], [0xE7], [.memoryOnly, .noVVVV])
    avx([.xF2], [0xF0], [.memoryOnly, .noVVVV])
    avx([.none, .x66], [0x50], [.registerOnly, .noVVVV])
    avx([.x66], [0xD7], [.registerOnly, .noVVVV])
    avx([.x66], [0xF7], [.registerOnly, .noVVVV, .l0])
    avx([.x66], [0x6E, 0x7E], [.l0, .noVVVV, .generalW])
    avx([.xF3], [0x7E], [.l0, .noVVVV])
    avx([.x66], [0xD6], [.l0, .noVVVV])
    avx([.x66, .xF3], [0x6F, 0x7F], .noVVVV)
    row(.none, 0x77, .avx, .noVVVV, feature: .avx)
  }

  /// 0F: floating point.
  private mutating func vexFloats() {
    avx([.none, .x66], [0x14, 0x15] + Array(0x54...0x57))
    avx([.xF3, .xF2], [0x2A], [.scalar, .generalW])
    avx([.xF3, .xF2], [0x2C, 0x2D], [.scalar, .generalW, .noVVVV])
    avx([.none, .x66], [0x2E, 0x2F], [.scalar, .noVVVV])
    avx([.none, .x66], [0x51], .noVVVV)
    avx([.none], [0x52, 0x53], .noVVVV)
    avx([.xF3], [0x52, 0x53], .scalar)
    avx([.xF3, .xF2], [0x51], .scalar)
    let arithmetic = [0x58, 0x59, 0x5C, 0x5D, 0x5E, 0x5F]
    avx([.none, .x66], arithmetic)
    avx([.xF3, .xF2], arithmetic, .scalar)
    avx([.none, .x66], [0x5A], .noVVVV)
    avx([.xF3, .xF2], [0x5A], .scalar)
    avx([.none, .x66, .xF3], [0x5B], .noVVVV)
    avx([.x66, .xF3, .xF2], [0xE6], .noVVVV)
    avx([.x66, .xF2], [0x7C, 0x7D, 0xD0])
    avx([.none, .x66], [0xC2, 0xC6], .imm8)
    avx([.xF3, .xF2], [0xC2], [.scalar, .imm8])
    let none = member(.invalid)
    let control: OpcodeAttributes = [.l0, .noVVVV]
    group(
      0xAE, only: [.none],
      [
        none, none, member(.ldmxcsr, .m, .none, control, feature: .avx),
        member(.stmxcsr, .m, .none, control, feature: .avx),
      ])
  }

  /// 0F: integers.
  private mutating func vexIntegers() {
    avx(0x60...0x6D)
    avx([.x66, .xF3, .xF2], [0x70], [.imm8, .noVVVV])
    avx(0x74...0x76)
    avx([.x66], [0xC4], [.imm8, .l0])
    avx([.x66], [0xC5], [.imm8, .l0, .noVVVV, .registerOnly])
    avx(0xD1...0xD5)
    avx(0xD8...0xE5)
    avx(0xE8...0xEF)
    avx(0xF1...0xF6)
    avx(0xF8...0xFE)
    let none = member(.invalid)
    let shift = member(.avx, .none, .none, [.modRM, .imm8, .registerOnly], feature: .avx)
    for opcode in [0x71, 0x72] {
      group(opcode, only: [.x66], [none, none, shift, none, shift, none, shift])
    }
    group(0x73, only: [.x66], [none, none, shift, shift, none, none, shift, shift])
  }

  /// 0F 38: what has a legacy form.
  private func vexSupplemental() {
    avx(0x00...0x0B)
    avx([.x66], [0x17, 0x1C, 0x1D, 0x1E] + Array(0x20...0x25) + Array(0x30...0x35), .noVVVV)
    avx([.x66], [0x28, 0x29, 0x2B] + Array(0x37...0x40))
    avx([.x66], [0x2A], [.memoryOnly, .noVVVV])
    avx([.x66], [0x41], [.l0, .noVVVV])
    avx([.x66], [0xDB], [.l0, .noVVVV], feature: .aes)
    avx(0xDC...0xDF, .l0, feature: .aes)
  }

  /// 0F 38: what AVX, AVX2 and F16C brought.
  private func vexOwnSupplemental() {
    avx([.x66], [0x0C, 0x0D], .w0)
    avx([.x66], [0x0E, 0x0F], [.w0, .noVVVV])
    avx([.x66], [0x13], [.w0, .noVVVV], feature: .f16c)
    avx([.x66], [0x16, 0x36], [.w0, .l1], feature: .avx2)
    avx([.x66], [0x18], [.w0, .noVVVV])
    avx([.x66], [0x19], [.w0, .l1, .noVVVV])
    avx([.x66], [0x1A], [.w0, .l1, .noVVVV, .memoryOnly])
    avx([.x66], [0x5A], [.w0, .l1, .noVVVV, .memoryOnly], feature: .avx2)
    avx(0x2C...0x2F, [.w0, .memoryOnly])
    avx([.x66], [0x45, 0x47], feature: .avx2)
    avx([.x66], [0x46], .w0, feature: .avx2)
    avx([.x66], [0x58, 0x59, 0x78, 0x79], [.w0, .noVVVV], feature: .avx2)
    avx([.x66], [0x8C, 0x8E], .memoryOnly, feature: .avx2)
    avx(0x90...0x93, [.memoryOnly, .vsib], feature: .avx2)
  }

  /// 0F 38: the fused multiplications; odd opcodes from x9 on are scalar.
  private func vexFMA() {
    for first in [0x90, 0xA0, 0xB0] {
      for low in 6...15 {
        let isScalar = low >= 9 && low & 1 == 1
        avx([.x66], [first + low], isScalar ? .scalar : [], feature: .fma)
      }
    }
  }

  /// 0F 38 and 0F 3A: BMI1 and BMI2 on general registers.
  private mutating func vexGeneral() {
    let attributes: OpcodeAttributes = [.l0, .generalW]
    row(.none, 0xF2, .andn, .gy, .by, .ey, attributes, feature: .bmi1)
    let none = member(.invalid)
    group(
      0xF3, only: [.none],
      [
        none, member(.blsr, .by, .ey, attributes, feature: .bmi1),
        member(.blsmsk, .by, .ey, attributes, feature: .bmi1),
        member(.blsi, .by, .ey, attributes, feature: .bmi1),
      ])
    row(.none, 0xF5, .bzhi, .gy, .ey, .by, attributes, feature: .bmi2)
    row(.xF3, 0xF5, .pext, .gy, .by, .ey, attributes, feature: .bmi2)
    row(.xF2, 0xF5, .pdep, .gy, .by, .ey, attributes, feature: .bmi2)
    row(.xF2, 0xF6, .mulx, .gy, .by, .ey, attributes, feature: .bmi2)
    row(.none, 0xF7, .bextr, .gy, .ey, .by, attributes, feature: .bmi1)
    row(.x66, 0xF7, .shlx, .gy, .ey, .by, attributes, feature: .bmi2)
    row(.xF3, 0xF7, .sarx, .gy, .ey, .by, attributes, feature: .bmi2)
    row(.xF2, 0xF7, .shrx, .gy, .ey, .by, attributes, feature: .bmi2)
  }

  /// 0F 3A: everything there has an immediate byte.
  private func vexImmediates() {
    avx([.x66], [0x00, 0x01], [.imm8, .w1, .l1, .noVVVV], feature: .avx2)
    avx([.x66], [0x02], [.imm8, .w0], feature: .avx2)
    avx([.x66], [0x04, 0x05], [.imm8, .w0, .noVVVV])
    avx([.x66], [0x06, 0x18], [.imm8, .w0, .l1])
    avx([.x66], [0x38, 0x46], [.imm8, .w0, .l1], feature: .avx2)
    avx([.x66], [0x19], [.imm8, .w0, .l1, .noVVVV])
    avx([.x66], [0x39], [.imm8, .w0, .l1, .noVVVV], feature: .avx2)
    avx([.x66], [0x1D], [.imm8, .w0, .noVVVV], feature: .f16c)
    avx([.x66], [0x4A, 0x4B, 0x4C], [.imm8, .w0])
    avx([.x66], [0x08, 0x09], [.imm8, .noVVVV])
    avx([.x66], [0x0A, 0x0B], [.imm8, .scalar])
    avx([.x66], [0x0C, 0x0D, 0x0E, 0x0F, 0x40, 0x42], .imm8)
    avx([.x66], [0x41], [.imm8, .l0])
    avx([.x66], [0x14, 0x15, 0x17], [.imm8, .l0, .noVVVV])
    avx([.x66], [0x16], [.imm8, .l0, .noVVVV, .generalW])
    avx([.x66], [0x20, 0x21], [.imm8, .l0])
    avx([.x66], [0x22], [.imm8, .l0, .generalW])
    avx([.x66], [0x44], [.imm8, .l0], feature: .pclmulqdq)
    avx([.x66], [0x60, 0x61], [.imm8, .l0, .noVVVV, .generalW])
    avx([.x66], [0x62, 0x63], [.imm8, .l0, .noVVVV])
    avx([.x66], [0xDF], [.imm8, .l0, .noVVVV], feature: .aes)
    row(.xF2, 0xF0, .rorx, .gy, .ey, .ib, [.l0, .generalW, .noVVVV], feature: .bmi2)
  }
}
