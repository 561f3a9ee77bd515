extension OpcodeTableBuilder {
  /// SDM volume 2, Appendix A, "Two-byte Opcode Map": what programs use.
  mutating func twoByteMap() {
    map = 1
    vectorRows()
    for number in 0x18...0x1F { row(number, .nop, .ev) }
    row(0x0D, .prefetch, .ev)
    row(0x18, .prefetch, .ev)
    for number in 0..<16 {
      row(0x40 + number, .cmovcc, .gv, .ev)
      row(0x80 + number, .jcc, .jz, .f64)
      row(0x90 + number, .setcc, .eb)
    }
    row(0xA2, .cpuid)
    row(0xA3, .bt, .ev, .gv)
    row(0xA4, .shld, .ev, .gv, .ib)
    row(0xA5, .shld, .ev, .gv, .cl)
    row(0xAB, .bts, .ev, .gv, .lock)
    row(0xAC, .shrd, .ev, .gv, .ib)
    row(0xAD, .shrd, .ev, .gv, .cl)
    row(0xAF, .imul, .gv, .ev)
    row(0xB0, .cmpxchg, .eb, .gb, .lock)
    row(0xB1, .cmpxchg, .ev, .gv, .lock)
    row(0xB3, .btr, .ev, .gv, .lock)
    row(0xB6, .movzx, .gv, .eb)
    row(0xB7, .movzx, .gv, .ew)
    row(.xF3, 0xB8, .popcnt, .gv, .ev, feature: .popcnt)
    row(0xB9, .ud1, .gv, .ev)
    row(0xBB, .btc, .ev, .gv, .lock)
    row(0xBC, .bsf, .gv, .ev)
    // Without these features F3 changes nothing, see `Decoder.lookUp`.
    row(.xF3, 0xBC, .tzcnt, .gv, .ev, feature: .bmi1)
    row(0xBD, .bsr, .gv, .ev)
    row(.xF3, 0xBD, .lzcnt, .gv, .ev, feature: .lzcnt)
    row(0xBE, .movsx, .gv, .eb)
    row(0xBF, .movsx, .gv, .ew)
    row(0xC0, .xadd, .eb, .gb, .lock)
    row(0xC1, .xadd, .ev, .gv, .lock)
    row(.none, 0xC3, .movnti, .my, .gy)
    for number in 0..<8 { row(0xC8 + number, .bswap, .zv) }
    row(0xFF, .ud0, .gv, .ev)
    group(
      0xBA,
      [
        member(.invalid), member(.invalid), member(.invalid), member(.invalid),
        member(.bt, .ev, .ib), member(.bts, .ev, .ib, .lock), member(.btr, .ev, .ib, .lock),
        member(.btc, .ev, .ib, .lock),
      ])
    randomRows()
  }

  /// Group 9: CMPXCHG8B, XSAVEC, XSAVES, XRSTORS, and on registers RDRAND, RDSEED and RDPID.
  private mutating func randomRows() {
    let none = member(.invalid)
    let memory = [none, member(.cmpxchg8b, .mq, .none, .lock)]
    let plain =
      memory + [
        none, member(.xrstors, .m, feature: .xsaves), member(.xsavec, .m, feature: .xsavec),
        member(.xsaves, .m, feature: .xsaves),
      ]
    for (prefix, members) in [(OpcodeTable.Prefix.none, plain), (.x66, memory)] {
      group(
        0xC7, only: [prefix], members,
        registers: [
          none, none, none, none, none, none, member(.rdrand, .ev, feature: .rdrand),
          member(.rdseed, .ev, feature: .rdseed),
        ])
    }
    group(
      0xC7, only: [.xF3], memory,
      registers: [
        none, none, none, none, none, none, none, member(.rdpid, .ry, feature: .rdpid),
      ])
    group(0xC7, only: [.xF2], memory, registers: [])
  }

  /// Opcodes whose operation the vector unit picks by prefix, opcode and ModR/M.
  private func vectorRows() {
    for opcode in 0x10...0x17 { row(opcode, .sse, .modRM) }
    for opcode in 0x28...0x2F { row(opcode, .sse, .modRM) }
    for opcode in 0x50...0x6F { row(opcode, .sse, .modRM) }
    for opcode in 0x70...0x73 { row(opcode, .sse, [.modRM, .imm8]) }
    for opcode in 0x74...0x76 { row(opcode, .sse, .modRM) }
    row(0x77, .sse)
    for opcode in 0x7C...0x7F { row(opcode, .sse, .modRM) }
    for opcode in [0xC2, 0xC4, 0xC5, 0xC6] { row(opcode, .sse, [.modRM, .imm8]) }
    for opcode in 0xD0...0xFE { row(opcode, .sse, .modRM) }
    vectorRowsSSE3()
  }

  /// The part of the two-byte map that operating systems use.
  mutating func systemRows() {
    map = 1
    row(0x02, .lar, .gv, .ew)
    row(0x03, .lsl, .gv, .ew)
    row(0x05, .syscall, [.o64, .f64])
    row(0x06, .clts)
    row(0x07, .sysret, .o64)
    row(0x08, .invd)
    row(0x09, .wbinvd)
    row(0x0B, .ud2)
    row(0x20, .movFromControl, .ry, .cd)
    row(0x21, .movFromDebug, .ry, .dd)
    row(0x22, .movToControl, .cd, .ry)
    row(0x23, .movToDebug, .dd, .ry)
    row(0x30, .wrmsr)
    row(0x31, .rdtsc)
    row(0x32, .rdmsr)
    row(0x33, .rdpmc)
    row(0x34, .sysenter)
    row(0x35, .sysexit)
    row(0xA0, .pushSegment, .fs, .d64)
    row(0xA1, .popSegment, .fs, .d64)
    row(0xA8, .pushSegment, .gs, .d64)
    row(0xA9, .popSegment, .gs, .d64)
    row(0xAA, .rsm)
    row(0xB2, .loadFarPointer, .gv, .mp)
    row(0xB4, .loadFarPointer, .gv, .mp)
    row(0xB5, .loadFarPointer, .gv, .mp)
    group(
      0x00,
      [
        member(.sldt, .ev), member(.str, .ev), member(.lldt, .ew), member(.ltr, .ew),
        member(.verr, .ew), member(.verw, .ew),
      ])
    // Register forms 0F 01 C0-FF are in `Decoder.systemRegisterForm`.
    group(
      0x01,
      [
        member(.sgdt, .ms, .none, .f64), member(.sidt, .ms, .none, .f64),
        member(.lgdt, .ms, .none, .f64), member(.lidt, .ms, .none, .f64), member(.smsw, .ev),
        member(.invalid), member(.lmsw, .ew), member(.invlpg, .mb, .none, .f64),
      ])
    let none = member(.invalid)
    group(
      0xAE, only: [.none],
      [
        member(.fxsave, .m), member(.fxrstor, .m), member(.ldmxcsr, .m), member(.stmxcsr, .m),
        member(.xsave, .m, feature: .xsave), member(.xrstor, .m, feature: .xsave),
        member(.xsaveopt, .m, feature: .xsaveopt), member(.clflush, .mb),
      ],
      registers: [
        none, none, none, none, none, member(.lfence), member(.mfence), member(.sfence),
      ])
    group(
      0xAE, only: [.x66],
      [
        none, none, none, none, none, none, member(.clwb, .mb, feature: .clwb),
        member(.clflushopt, .mb, feature: .clflushopt),
      ], registers: [])
    group(
      0xAE, only: [.xF3], [],
      registers: [
        member(.rdfsbase, .ry, .none, .o64, feature: .fsgsbase),
        member(.rdgsbase, .ry, .none, .o64, feature: .fsgsbase),
        member(.wrfsbase, .ry, .none, .o64, feature: .fsgsbase),
        member(.wrgsbase, .ry, .none, .o64, feature: .fsgsbase),
      ])
  }
}
