extension CPU {
  /// Executes one decoded instruction.
  ///
  /// Called with exact flags, RIP at the instruction and `nextRIP` behind it. When it throws, the
  /// instruction has changed nothing but what the manual lets a faulting instruction change; when
  /// it returns, the caller commits `nextRIP`.
  func execute(_ i: borrowing Instruction) throws(Exception) {
    switch i.mnemonic {
    case .add, .or, .adc, .sbb, .and, .sub, .xor, .cmp, .test, .inc, .dec, .neg, .not, .mul, .imul,
      .div, .idiv, .rol, .ror, .rcl, .rcr, .shl, .shr, .sar, .shld, .shrd, .bt, .bts, .btr, .btc,
      .bsf, .bsr, .tzcnt, .lzcnt, .popcnt, .bswap, .crc32, .adcx, .adox, .rdrand, .rdseed, .aaa,
      .aad, .aam, .aas, .daa, .das:
      try executeArithmetic(i)
    case .mov, .movzx, .movsx, .movsxd, .movbe, .xchg, .xadd, .cmpxchg, .cmpxchg8b, .cmpxchg16b,
      .lea, .push, .pop, .pusha, .popa, .pushf, .popf, .enter, .leave, .cbw, .cwd, .cmovcc, .setcc,
      .lahf, .sahf, .salc, .xlat, .cmc, .clc, .stc, .cld, .std, .movnti:
      try executeTransfer(i)
    case .movs, .cmps, .stos, .lods, .scas, .ins, .outs:
      try executeString(i)
    case .jcc, .jmp, .call, .ret, .loop, .loope, .loopne, .jrcxz, .nop, .pause, .prefetch,
      .lfence, .mfence, .sfence, .clflush, .clflushopt, .clwb, .bound:
      try executeControl(i)
    case .x87, .wait:
      try executeX87(i)
    case .sse, .fxsave, .fxrstor, .ldmxcsr, .stmxcsr:
      try executeSSE(i)
    case .avx: try executeAVX(i)
    case .andn, .bextr, .blsi, .blsmsk, .blsr, .bzhi, .mulx, .pdep, .pext, .rorx, .sarx, .shlx,
      .shrx:
      try executeBMI(i)
    case .xsave, .xsaveopt, .xsavec, .xsaves, .xrstor, .xrstors, .xgetbv, .xsetbv:
      try executeExtendedState(i)
    default:
      try executeSystem(i)
    }
  }
}
