extension ProcessorIdentification {
  /// A register of feature flags.
  struct Feature: OptionSet {
    var rawValue: UInt32
    init(rawValue: UInt32) { self.rawValue = rawValue }
    private init(bit: UInt32) { rawValue = 1 << bit }

    // Leaf 1, EDX
    static let fpu = Feature(bit: 0)
    static let de = Feature(bit: 2)
    static let pse = Feature(bit: 3)
    static let tsc = Feature(bit: 4)
    static let msr = Feature(bit: 5)
    static let pae = Feature(bit: 6)
    static let mce = Feature(bit: 7)
    static let cx8 = Feature(bit: 8)
    static let apic = Feature(bit: 9)
    static let sep = Feature(bit: 11)
    static let mtrr = Feature(bit: 12)
    static let pge = Feature(bit: 13)
    static let mca = Feature(bit: 14)
    static let cmov = Feature(bit: 15)
    static let pat = Feature(bit: 16)
    static let pse36 = Feature(bit: 17)
    static let clfsh = Feature(bit: 19)
    static let fxsr = Feature(bit: 24)
    static let sse = Feature(bit: 25)
    static let sse2 = Feature(bit: 26)

    // Leaf 1, ECX
    static let cmpxchg16b = Feature(bit: 13)
    static let pcid = Feature(bit: 17)
    static let x2apic = Feature(bit: 21)
    static let movbe = Feature(bit: 22)
    static let popcnt = Feature(bit: 23)
    static let tscDeadline = Feature(bit: 24)

    // Leaf 7, EBX
    static let fsgsbase = Feature(bit: 0)
    static let tscAdjust = Feature(bit: 1)
    static let smep = Feature(bit: 7)
    static let invpcid = Feature(bit: 10)
    static let smap = Feature(bit: 20)

    // Leaf 8000_0001H, ECX and EDX
    static let lahf = Feature(bit: 0)
    static let lzcnt = Feature(bit: 5)
    static let syscall = Feature(bit: 11)
    static let nx = Feature(bit: 20)
    static let pages1GB = Feature(bit: 26)
    static let rdtscp = Feature(bit: 27)
    static let longMode = Feature(bit: 29)

    static let version1D: Feature = [
      .fpu, .de, .pse, .tsc, .msr, .pae, .mce, .cx8, .apic, .sep, .mtrr, .pge, .mca, .cmov, .pat,
      .pse36, .clfsh, .fxsr, .sse, .sse2,
    ]
    static let version1C: Feature = [
      .cmpxchg16b, .pcid, .x2apic, .movbe, .popcnt, .tscDeadline,
    ]
    static let structured: Feature = [.fsgsbase, .tscAdjust, .smep, .invpcid, .smap]
    static let extendedC: Feature = [.lahf, .lzcnt]
    static let extendedD: Feature = [.syscall, .nx, .pages1GB, .rdtscp, .longMode]
  }
}

extension CPU {
  /// CPUID: two flags follow the state, the rest is fixed.
  func cpuid() {
    let function = UInt32(truncatingIfNeeded: self[.rax])
    var leaf = connections.identification.leaf(
      function, UInt32(truncatingIfNeeded: self[.rcx]))
    if function == 1 && !isInterruptControllerEnabled {
      leaf.edx &= ~ProcessorIdentification.Feature.apic.rawValue
    }
    if function == 0x8000_0001 && !isLongMode {
      leaf.edx &= ~ProcessorIdentification.Feature.syscall.rawValue
    }
    self[.rax] = UInt64(leaf.eax)
    self[.rbx] = UInt64(leaf.ebx)
    self[.rcx] = UInt64(leaf.ecx)
    self[.rdx] = UInt64(leaf.edx)
  }

  private var isInterruptControllerEnabled: Bool {
    let base = connections.interrupts.readMSR(ModelSpecificRegister.apicBase) ?? 0
    return base & 1 << 11 != 0
  }
}
