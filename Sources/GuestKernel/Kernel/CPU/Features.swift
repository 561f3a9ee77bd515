/// What this processor can do, by CPUID, and the protections switched on because of it.
import KernelArch

enum Features {
  nonisolated(unsafe) private(set) static var hasSMEP = false
  nonisolated(unsafe) private(set) static var hasSMAP = false
  nonisolated(unsafe) private(set) static var hasUMIP = false
  nonisolated(unsafe) private(set) static var hasGiBPages = false
  /// A hypervisor says that it is one.
  nonisolated(unsafe) private(set) static var isVirtual = false
  /// Translations can be tagged: a change of CR3 need not forget them.
  nonisolated(unsafe) private(set) static var hasPCID = false
  /// One page of a tag can be forgotten from outside.
  nonisolated(unsafe) private(set) static var hasINVPCID = false
  nonisolated(unsafe) private static var names = TextLine()

  static func detect() {
    let highest = cpuid(0, 0).eax
    let basic = cpuid(1, 0)
    let structured = highest >= 7 ? cpuid(7, 0) : cpuid_t()
    let extended = cpuid(0x8000_0001, 0)
    hasSMEP = structured.ebx >> 7 & 1 != 0
    hasSMAP = structured.ebx >> 20 & 1 != 0
    hasUMIP = structured.ecx >> 2 & 1 != 0
    hasPCID = basic.ecx >> 17 & 1 != 0
    hasINVPCID = structured.ebx >> 10 & 1 != 0
    hasGiBPages = extended.edx >> 26 & 1 != 0
    isVirtual = basic.ecx >> 31 & 1 != 0
    SpinLock.isFair = !isVirtual
    note("fpu", basic.edx, 0)
    note("tsc", basic.edx, 4)
    note("apic", basic.edx, 9)
    note("pge", basic.edx, 13)
    note("fxsr", basic.edx, 24)
    note("sse2", basic.edx, 26)
    note("x2apic", basic.ecx, 21)
    note("pcid", basic.ecx, 17)
    note("syscall", extended.edx, 11)
    note("nx", extended.edx, 20)
    note("1g-pages", extended.edx, 26)
    note("fsgsbase", structured.ebx, 0)
    note("smep", structured.ebx, 7)
    note("invpcid", structured.ebx, 10)
    note("smap", structured.ebx, 20)
    note("umip", structured.ecx, 2)
    note("hypervisor", basic.ecx, 31)
  }

  private static func note(_ name: StaticString, _ register: UInt32, _ bit: UInt32) {
    guard register >> bit & 1 != 0 else { return }
    if names.count > 0 { names.append(" ") }
    names.append(name)
  }

  /// SMEP: the kernel never runs user code.
  ///
  /// SMAP: nor reads user data, but through `user_copy`.
  /// SDM Vol. 3A, "Control Registers", CR4.
  static func enableProtections() {
    var control = read_cr4()
    if hasUMIP { control |= 1 << 11 }
    if Isolation.usesTags { control |= 1 << 17 }  // CR3 has tag 0 at this point, as it must
    if hasSMEP { control |= 1 << 20 }
    if hasSMAP { control |= 1 << 21 }
    write_cr4(control)
    smap_enabled = hasSMAP ? 1 : 0
  }

  static func describe() {
    log("cpu", "\(brand), family \(family)")
    log("cpu", names)
  }

  /// What `/proc/cpuinfo` says.
  static func writeTable(to text: inout Text) {
    for index in 0..<CPU.count {
      let cpu = CPU(index)
      text.append("processor\t: \(index)\napicid\t\t: \(cpu.apicID)\n")
      text.append("model name\t: \(brand)\ncpu family\t: \(family)\n")
      let megahertz = Clock.counterFrequency / 1_000_000
      text.append("cpu MHz\t\t: \(megahertz)\nflags\t\t: \(names)\n\n")
    }
  }

  private static var family: UInt32 {
    let signature = cpuid(1, 0).eax
    let family = signature >> 8 & 15
    return family == 15 ? family + (signature >> 20 & 255) : family
  }

  /// The brand string of leaves 8000_0002h-8000_0004h, or the vendor of leaf 0.
  ///
  private static var brand: TextLine {
    var line = TextLine()
    guard cpuid(0x8000_0000, 0).eax >= 0x8000_0004 else {
      let vendor = cpuid(0, 0)
      for register in [vendor.ebx, vendor.edx, vendor.ecx] { append(register, to: &line) }
      return line
    }
    for leaf in 0x8000_0002...0x8000_0004 as ClosedRange<UInt32> {
      let part = cpuid(leaf, 0)
      for register in [part.eax, part.ebx, part.ecx, part.edx] { append(register, to: &line) }
    }
    return line
  }

  private static func append(_ register: UInt32, to line: inout TextLine) {
    for shift in stride(from: 0 as UInt32, to: 32, by: 8) {
      let byte = UInt8(truncatingIfNeeded: register >> shift)
      let follows = byte == 0x20 && (line.count == 0 || line[line.count - 1] == 0x20)
      if byte >= 0x20, byte < 0x7f, !follows { line.append(byte: byte) }
    }
  }
}
