/// Which instructions are compared: those this machine has, less those that hosts differ in.
enum Scope {
  private static let isaSets: Set<String> = [
    "I86", "I186", "I386", "I486", "I486REAL", "I286REAL", "PENTIUMREAL", "PPRO", "CMOV",
    "CMPXCHG16B", "LAHF", "LONGMODE", "MOVBE", "POPCNT", "LZCNT", "BMI1", "FAT_NOP", "FCMOV",
    "FXSAVE", "FXSAVE64", "PAUSE", "RDWRFSGS", "SSE", "SSE2", "SSEMXCSR", "SSE_PREFETCH", "X87",
    "CLFSH", "PENTIUMMMX", "SSE2MMX", "SSE3", "SSE3X87", "SSSE3", "SSSE3MMX", "SSE4", "SSE42",
    "I286PROTECTED", "XSAVE", "AVX", "AVX2", "AVX2GATHER", "AVXAES", "FMA", "F16C", "BMI2", "AES",
    "PCLMULQDQ",
    "SHA", "ADOX_ADCX", "CLFLUSHOPT", "CLWB",
  ]

  /// Instructions that the operating system or the maker of the host answers in its own way.
  private static let excluded: Set<String> = [
    "cpuid", "rdtsc", "rdpmc", "sldt", "str", "sgdt", "sidt", "smsw", "lar", "lsl", "verr", "verw",
    "syscall", "sysenter", "sysexit", "sysret", "iret", "iretd", "iretq", "retf", "ret far", "lss",
    "lfs", "lgs", "swapgs", "fsin", "fcos", "fsincos", "fptan", "fpatan", "f2xm1", "fyl2x",
    "fyl2xp1", "fbld", "rdmsr", "wrmsr", "lldt", "ltr",
    // Virtual machines report INT1 at its own address; the manual calls it a trap.
    "int1",
    // Makers disagree whether a memory operand makes it an MMX instruction.
    "cvtpi2ps",
    "rsqrtps", "rsqrtss", "rcpps", "rcpss", "vrsqrtps", "vrsqrtss", "vrcpps", "vrcpss",
    // The host has components of its own in XCR0.
    "xgetbv", "xsetbv",
  ]

  /// Those that 32-bit code has or may use besides: what they ask about descriptors is the same
  /// here as under Linux.
  private static let compatibility: Set<String> = [
    "lds", "les", "lss", "lfs", "lgs", "lar", "lsl", "verr", "verw", "arpl",
  ]

  /// Whether `instruction` may be run natively and compared.
  static func includes(
    _ instruction: Decoded, code: ArraySlice<UInt8>, width: Width = .long
  ) -> Bool {
    if width == .compatibility {
      if compatibility.contains(instruction.mnemonic) { return true }
      // No far transfer but to a known place: one to 64-bit code would go on as something else.
      if instruction.isFar {
        guard let selector = instruction.farSelector else { return false }
        return selector & ~3 != 0x30 && selector & ~3 != 0x78
      }
    } else if instruction.isFar || instruction.writesSegment {
      return false
    }
    guard isaSets.contains(instruction.isaSet), !excluded.contains(instruction.mnemonic) else {
      return false
    }
    if instruction.mnemonic == "ret" && !code.contains(where: { $0 & 0xFE == 0xC2 }) {
      return false
    }
    if instruction.mnemonic == "int" && instruction.immediate == 0x80 { return false }
    // Makers disagree about operand-size prefixes on near branches.
    if width == .long && instruction.isBranch && instruction.hasOperandSizePrefix {
      return false
    }
    // Intel reads a word, AMD a doubleword.
    if instruction.mnemonic == "movsxd" && instruction.operandWidth == 16 { return false }
    // AMD lets REP decide what LOOPE and LOOPNE wait for.
    if instruction.hasRepeat && instruction.mnemonic.hasPrefix("loop") { return false }
    return true
  }

  /// Whether `instruction`, or the opcode of bytes that are none, belongs to the x87 FPU.
  static func isX87(_ instruction: Decoded?, _ code: [UInt8]) -> Bool {
    if let instruction { return ["X87", "FCMOV", "SSE3X87"].contains(instruction.isaSet) }
    return code.contains { (0xD8...0xDF).contains($0) }
  }

  /// Whether `code` holds bytes that would call the operating system if a branch went astray.
  static func mayCallSystem(_ code: [UInt8]) -> Bool {
    zip(code, code.dropFirst()).contains { first, second in
      (first == 0x0F && (second == 0x05 || second == 0x34)) || (first == 0xCD && second == 0x80)
    }
  }
}
