/// What an instruction does: the manual's mnemonic.
///
/// Forms that share one Operation section share a case. Conditions of Jcc, SETcc and CMOVcc are in
/// `Instruction.condition`.
public enum Mnemonic: UInt16, CaseIterable, Sendable {
  // Nothing here: raises #UD.
  case invalid
  // Integer arithmetic and logic
  case add, or, adc, sbb, and, sub, xor, cmp, test
  case inc, dec, neg, not, mul, imul, div, idiv
  case rol, ror, rcl, rcr, shl, shr, sar, shld, shrd
  case bt, bts, btr, btc, bsf, bsr, tzcnt, lzcnt, popcnt, bswap, crc32, adcx, adox
  case rdrand, rdseed
  case aaa, aad, aam, aas, daa, das
  // Data transfer
  case mov, movzx, movsx, movsxd, movbe, xchg, xadd, cmpxchg, cmpxchg8b, cmpxchg16b, lea
  case push, pop, pusha, popa, pushf, popf, enter, leave
  case cbw, cwd, cmovcc, setcc, lahf, sahf, salc, xlat
  case cmc, clc, stc, cld, std
  case movnti
  // Strings
  case movs, cmps, stos, lods, scas, ins, outs
  // Control transfer
  case jcc, jmp, call, ret, jmpFar, callFar, retFar, iret, loop, loope, loopne, jrcxz
  case int, int1, int3, into, bound, ud0, ud1, ud2
  // System
  case `in`, out, cli, sti, hlt, nop, pause
  case lgdt, lidt, sgdt, sidt, lldt, ltr, sldt, str, lmsw, smsw, clts, arpl, lar, lsl, verr, verw
  case movFromControl, movToControl, movFromDebug, movToDebug
  case movFromSegment, movToSegment, pushSegment, popSegment, loadFarPointer
  case invd, wbinvd, invlpg, invpcid, swapgs, syscall, sysret, sysenter, sysexit
  case rdpkru, wrpkru, rdmsr, wrmsr, rdtsc, rdtscp, rdpid, rdpmc, cpuid, rsm
  case rdfsbase, rdgsbase, wrfsbase, wrgsbase, clac, stac
  case prefetch, clflush, clflushopt, clwb, lfence, mfence, sfence, monitor, mwait
  // x87, all of D8-DF and WAIT; the form follows from opcode and ModR/M
  case x87, wait
  // FXSAVE and MXCSR
  case fxsave, fxrstor, ldmxcsr, stmxcsr
  // XSAVE and XCR0
  case xsave, xsaveopt, xsavec, xsaves, xrstor, xrstors, xgetbv, xsetbv
  // SSE and SSE2; the operation follows from opcode and prefixes
  case sse
  // The same with a VEX prefix, and what AVX, AVX2, FMA and F16C brought
  case avx
  // BMI1 and BMI2
  case andn, bextr, blsi, blsmsk, blsr, bzhi, mulx, pdep, pext, rorx, sarx, shlx, shrx
}
