import CZydis
import Emulator

/// What Zydis makes of a byte string.
struct Reference {
  var instruction = ZydisDecodedInstruction()
  /// As many as `instruction.operand_count`.
  let operands: UnsafeMutablePointer<ZydisDecodedOperand>
  /// Whether Zydis knows the instruction.
  var exists = false

  /// Whether the processor modelled here has the instruction.
  var isSupported: Bool { exists && ReferenceDecoder.isaSets.contains(instruction.meta.isa_set) }
}

/// Zydis, set to the processor modelled here.
final class ReferenceDecoder {
  /// What CPUID reports, as Zydis names it.
  fileprivate static let isaSets: Set<ZydisISASet> = [
    ZYDIS_ISA_SET_I86, ZYDIS_ISA_SET_I186, ZYDIS_ISA_SET_I286PROTECTED, ZYDIS_ISA_SET_I286REAL,
    ZYDIS_ISA_SET_I386, ZYDIS_ISA_SET_I486, ZYDIS_ISA_SET_I486REAL, ZYDIS_ISA_SET_PENTIUMREAL,
    ZYDIS_ISA_SET_PENTIUMMMX, ZYDIS_ISA_SET_PPRO, ZYDIS_ISA_SET_CMOV, ZYDIS_ISA_SET_FCMOV,
    ZYDIS_ISA_SET_FAT_NOP, ZYDIS_ISA_SET_PREFETCH_NOP, ZYDIS_ISA_SET_LAHF, ZYDIS_ISA_SET_LONGMODE,
    ZYDIS_ISA_SET_CMPXCHG16B, ZYDIS_ISA_SET_CLFSH, ZYDIS_ISA_SET_FXSAVE, ZYDIS_ISA_SET_FXSAVE64,
    ZYDIS_ISA_SET_PAUSE, ZYDIS_ISA_SET_RDPMC, ZYDIS_ISA_SET_RDTSCP, ZYDIS_ISA_SET_RDWRFSGS,
    ZYDIS_ISA_SET_SMAP, ZYDIS_ISA_SET_INVPCID, ZYDIS_ISA_SET_MOVBE, ZYDIS_ISA_SET_POPCNT,
    ZYDIS_ISA_SET_LZCNT, ZYDIS_ISA_SET_MONITOR, ZYDIS_ISA_SET_PKU, ZYDIS_ISA_SET_X87,
    ZYDIS_ISA_SET_SSE,
    ZYDIS_ISA_SET_SSE2, ZYDIS_ISA_SET_SSE2MMX, ZYDIS_ISA_SET_SSEMXCSR, ZYDIS_ISA_SET_SSE_PREFETCH,
    ZYDIS_ISA_SET_PREFETCHWT1, ZYDIS_ISA_SET_SSE3, ZYDIS_ISA_SET_SSE3X87, ZYDIS_ISA_SET_SSSE3,
    ZYDIS_ISA_SET_SSSE3MMX, ZYDIS_ISA_SET_SSE4, ZYDIS_ISA_SET_SSE42, ZYDIS_ISA_SET_AES,
    ZYDIS_ISA_SET_PCLMULQDQ, ZYDIS_ISA_SET_SHA, ZYDIS_ISA_SET_ADOX_ADCX,
    ZYDIS_ISA_SET_CLFLUSHOPT, ZYDIS_ISA_SET_CLWB, ZYDIS_ISA_SET_RDRAND, ZYDIS_ISA_SET_RDSEED,
    ZYDIS_ISA_SET_RDPID, ZYDIS_ISA_SET_XSAVE, ZYDIS_ISA_SET_XSAVEOPT, ZYDIS_ISA_SET_XSAVEC,
    ZYDIS_ISA_SET_XSAVES, ZYDIS_ISA_SET_AVX, ZYDIS_ISA_SET_AVX2, ZYDIS_ISA_SET_AVX2GATHER,
    ZYDIS_ISA_SET_AVXAES, ZYDIS_ISA_SET_FMA, ZYDIS_ISA_SET_F16C, ZYDIS_ISA_SET_BMI1,
    ZYDIS_ISA_SET_BMI2,
  ]

  private var decoder = ZydisDecoder()
  private(set) var reference: Reference

  init(mode: ExecutionMode) {
    let operands = UnsafeMutablePointer<ZydisDecodedOperand>.allocate(
      capacity: Int(ZYDIS_MAX_OPERAND_COUNT))
    operands.initialize(repeating: ZydisDecodedOperand(), count: Int(ZYDIS_MAX_OPERAND_COUNT))
    reference = Reference(operands: operands)
    if mode.contains(.long) {
      ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)
    } else if mode.contains(.big) {
      ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32)
    } else {
      ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_COMPAT_16, ZYDIS_STACK_WIDTH_16)
    }
    // Extensions that reuse what is a NOP or WBINVD without them; TZCNT and LZCNT are there.
    for extension_ in [
      ZYDIS_DECODER_MODE_AMD_BRANCHES, ZYDIS_DECODER_MODE_MPX, ZYDIS_DECODER_MODE_CET,
      ZYDIS_DECODER_MODE_WBNOINVD, ZYDIS_DECODER_MODE_CLDEMOTE,
    ] { ZydisDecoderEnableMode(&decoder, extension_, 0) }
    ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_TZCNT, 1)
    ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_LZCNT, 1)
  }

  deinit { reference.operands.deallocate() }

  /// Decodes; the operands stay valid until the next call.
  func decode(_ bytes: UnsafePointer<UInt8>, count: Int) -> Reference {
    // SAFETY: `operands` has room for the ZYDIS_MAX_OPERAND_COUNT operands that Zydis may write.
    let status = ZydisDecoderDecodeFull(
      &decoder, bytes, ZyanUSize(count), &reference.instruction, reference.operands)
    reference.exists = status & 0x8000_0000 == 0
    return reference
  }
}
