extension OpcodeTableBuilder {
  /// SDM volume 2, Appendix A, "One-byte Opcode Map".
  mutating func oneByteMap() {
    map = 0
    arithmeticRows()
    stackRows()
    moveRows()
    stringRows()
    controlRows()
    groupRows()
  }

  private func arithmeticRows() {
    let operations: [Mnemonic] = [.add, .or, .adc, .sbb, .and, .sub, .xor, .cmp]
    for (number, operation) in operations.enumerated() {
      let lock: OpcodeAttributes = operation == .cmp ? [] : .lock
      let base = number * 8
      row(base, operation, .eb, .gb, lock)
      row(base + 1, operation, .ev, .gv, lock)
      row(base + 2, operation, .gb, .eb)
      row(base + 3, operation, .gv, .ev)
      row(base + 4, operation, .al, .ib)
      row(base + 5, operation, .ax, .iz)
    }
    row(0x27, .daa, .i64)
    row(0x2F, .das, .i64)
    row(0x37, .aaa, .i64)
    row(0x3F, .aas, .i64)
    for number in 0..<8 {
      row(0x40 + number, .inc, .zv, .i64)
      row(0x48 + number, .dec, .zv, .i64)
    }
    row(0x69, .imul, .gv, .ev, .iz)
    row(0x6B, .imul, .gv, .ev, .ibs)
    row(0x84, .test, .eb, .gb)
    row(0x85, .test, .ev, .gv)
    row(0x98, .cbw)
    row(0x99, .cwd)
    row(0xA8, .test, .al, .ib)
    row(0xA9, .test, .ax, .iz)
    row(0xD4, .aam, .ib, .i64)
    row(0xD5, .aad, .ib, .i64)
  }

  private func stackRows() {
    row(0x06, .pushSegment, .es, .i64)
    row(0x07, .popSegment, .es, .i64)
    row(0x0E, .pushSegment, .cs, .i64)
    row(0x16, .pushSegment, .ss, .i64)
    row(0x17, .popSegment, .ss, .i64)
    row(0x1E, .pushSegment, .ds, .i64)
    row(0x1F, .popSegment, .ds, .i64)
    for number in 0..<8 {
      row(0x50 + number, .push, .zv, .d64)
      row(0x58 + number, .pop, .zv, .d64)
    }
    row(0x60, .pusha, .i64)
    row(0x61, .popa, .i64)
    row(0x68, .push, .iz, .d64)
    row(0x6A, .push, .ibs, .d64)
    row(0x9C, .pushf, .d64)
    row(0x9D, .popf, .d64)
    row(0xC8, .enter, .iw, .ib2, .d64)
    row(0xC9, .leave, .d64)
  }

  private func moveRows() {
    row(0x62, .bound, .gv, .ma, .i64)
    row(0x63, .arpl, .ew, .gw, .i64)
    row(0x86, .xchg, .eb, .gb, .lock)
    row(0x87, .xchg, .ev, .gv, .lock)
    row(0x88, .mov, .eb, .gb)
    row(0x89, .mov, .ev, .gv)
    row(0x8A, .mov, .gb, .eb)
    row(0x8B, .mov, .gv, .ev)
    row(0x8C, .movFromSegment, .ev, .sw)
    row(0x8D, .lea, .gv, .m)
    row(0x8E, .movToSegment, .sw, .ew)
    for number in 0..<8 {
      row(0x90 + number, .xchg, .zv, .ax)
      row(0xB0 + number, .mov, .zb, .ib)
      row(0xB8 + number, .mov, .zv, .iv)
    }
    row(0x9E, .sahf)
    row(0x9F, .lahf)
    row(0xA0, .mov, .al, .ob)
    row(0xA1, .mov, .ax, .ov)
    row(0xA2, .mov, .ob, .al)
    row(0xA3, .mov, .ov, .ax)
    row(0xC4, .loadFarPointer, .gv, .mp, .i64)
    row(0xC5, .loadFarPointer, .gv, .mp, .i64)
    row(0xD6, .salc, .i64)
    row(0xD7, .xlat)
    row(0xE4, .in, .al, .ib)
    row(0xE5, .in, .ax, .ib, .port)
    row(0xE6, .out, .ib, .al, .byte)
    row(0xE7, .out, .ib, .ax, .port)
    row(0xEC, .in, .al, .dx)
    row(0xED, .in, .ax, .dx, .port)
    row(0xEE, .out, .dx, .al, .byte)
    row(0xEF, .out, .dx, .ax, .port)
  }

  private func stringRows() {
    row(0x6C, .ins, .yb, .dx, .byte)
    row(0x6D, .ins, .yv, .dx, .port)
    row(0x6E, .outs, .dx, .xb, .byte)
    row(0x6F, .outs, .dx, .xv, .port)
    row(0xA4, .movs, .yb, .xb, .byte)
    row(0xA5, .movs, .yv, .xv)
    row(0xA6, .cmps, .xb, .yb, .byte)
    row(0xA7, .cmps, .xv, .yv)
    row(0xAA, .stos, .yb, .al, .byte)
    row(0xAB, .stos, .yv, .ax)
    row(0xAC, .lods, .al, .xb, .byte)
    row(0xAD, .lods, .ax, .xv)
    row(0xAE, .scas, .al, .yb, .byte)
    row(0xAF, .scas, .ax, .yv)
  }

  private func controlRows() {
    for number in 0..<16 { row(0x70 + number, .jcc, .jb, .f64) }
    row(0x9A, .callFar, .ap, .i64)
    row(0x9B, .wait)
    row(0xC2, .ret, .iw, .f64)
    row(0xC3, .ret, .f64)
    row(0xCA, .retFar, .iw)
    row(0xCB, .retFar)
    row(0xCC, .int3)
    row(0xCD, .int, .ib)
    row(0xCE, .into, .i64)
    row(0xCF, .iret)
    for number in 0..<8 { row(0xD8 + number, .x87, .modRM) }
    row(0xE0, .loopne, .jb, .f64)
    row(0xE1, .loope, .jb, .f64)
    row(0xE2, .loop, .jb, .f64)
    row(0xE3, .jrcxz, .jb, .f64)
    row(0xE8, .call, .jz, .f64)
    row(0xE9, .jmp, .jz, .f64)
    row(0xEA, .jmpFar, .ap, .i64)
    row(0xEB, .jmp, .jb, .f64)
    row(0xF1, .int1)
    row(0xF4, .hlt)
    row(0xF5, .cmc)
    row(0xF8, .clc)
    row(0xF9, .stc)
    row(0xFA, .cli)
    row(0xFB, .sti)
    row(0xFC, .cld)
    row(0xFD, .std)
  }

  private mutating func groupRows() {
    let group1: [Mnemonic] = [.add, .or, .adc, .sbb, .and, .sub, .xor, .cmp]
    func immediateGroup(_ e: OperandCode, _ i: OperandCode, _ more: OpcodeAttributes = [])
      -> [OpcodeRow]
    { group1.map { member($0, e, i, more.union($0 == .cmp ? [] : .lock)) } }
    group(0x80, immediateGroup(.eb, .ib))
    group(0x81, immediateGroup(.ev, .iz))
    group(0x82, immediateGroup(.eb, .ib, .i64))
    group(0x83, immediateGroup(.ev, .ibs))
    group(0x8F, [member(.pop, .ev, .none, .d64)])
    let group2: [Mnemonic] = [.rol, .ror, .rcl, .rcr, .shl, .shr, .shl, .sar]
    group(0xC0, group2.map { member($0, .eb, .ib) })
    group(0xC1, group2.map { member($0, .ev, .ib) })
    group(0xD0, group2.map { member($0, .eb, .one) })
    group(0xD1, group2.map { member($0, .ev, .one) })
    group(0xD2, group2.map { member($0, .eb, .cl) })
    group(0xD3, group2.map { member($0, .ev, .cl) })
    group(0xC6, [member(.mov, .eb, .ib)])
    group(0xC7, [member(.mov, .ev, .iz)])
    func unaryGroup(_ e: OperandCode, _ i: OperandCode) -> [OpcodeRow] {
      [
        member(.test, e, i), member(.test, e, i), member(.not, e, .none, .lock),
        member(.neg, e, .none, .lock), member(.mul, e), member(.imul, e), member(.div, e),
        member(.idiv, e),
      ]
    }
    group(0xF6, unaryGroup(.eb, .ib))
    group(0xF7, unaryGroup(.ev, .iz))
    group(0xFE, [member(.inc, .eb, .none, .lock), member(.dec, .eb, .none, .lock)])
    group(
      0xFF,
      [
        member(.inc, .ev, .none, .lock), member(.dec, .ev, .none, .lock),
        member(.call, .ev, .none, .f64), member(.callFar, .mp), member(.jmp, .ev, .none, .f64),
        member(.jmpFar, .mp), member(.push, .ev, .none, .d64),
      ])
  }
}
