import Emulator

/// A register by the name it has in expressions.
struct RegisterName: Sendable {
  /// The name, lower case and without `$`.
  let name: String
  private let read: @Sendable (Processor, Machine) -> UInt64

  /// What the register holds.
  func value(_ processor: Processor, _ machine: Machine) -> UInt64 { read(processor, machine) }

  /// Every name there is, in the order in which they are listed.
  static let all: [RegisterName] = general + parts + system + counters

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  /// The register of a name, in either case.
  static func named(_ name: String) -> RegisterName? { byName[name.lowercased()] }

  private static func state(
    _ name: String, _ read: @escaping @Sendable (UnsafeMutablePointer<CPUState>) -> UInt64
  ) -> RegisterName {
    RegisterName(name: name) { processor, _ in read(processor.cpu.state) }
  }

  private static let general: [RegisterName] =
    Register.allCases.map { register in
      RegisterName(name: "\(register)") { processor, _ in processor.cpu[register] }
    } + [
      state("rip") { $0.pointee.rip },
      RegisterName(name: "pc") { processor, _ in processor.cpu.instructionPointer.value },
      RegisterName(name: "sp") { processor, _ in processor.cpu[.rsp] },
      RegisterName(name: "rflags") { processor, _ in processor.cpu.rflags.rawValue },
      RegisterName(name: "eflags") { processor, _ in processor.cpu.rflags.rawValue },
    ]

  /// The lower parts of the general registers.
  private static let parts: [RegisterName] = Register.allCases.flatMap { register in
    let name = "\(register)"
    let number = Int(register.rawValue)
    var parts: [(String, shift: UInt64, mask: UInt64)] = []
    if number >= 8 {
      parts = [("\(name)d", 0, 0xFFFF_FFFF), ("\(name)w", 0, 0xFFFF), ("\(name)b", 0, 0xFF)]
    } else {
      let short = String(name.dropFirst())
      parts = [("e\(short)", 0, 0xFFFF_FFFF)]
      // `sp` is the stack pointer in whatever mode.
      if short != "sp" { parts.append((short, 0, 0xFFFF)) }
      if number < 4 {
        parts += [("\(short.prefix(1))l", 0, 0xFF), ("\(short.prefix(1))h", 8, 0xFF)]
      } else {
        parts.append(("\(short)l", 0, 0xFF))
      }
    }
    return parts.map { part in
      RegisterName(name: part.0) { processor, _ in
        processor.cpu[register] >> part.shift & part.mask
      }
    }
  }

  private static let system: [RegisterName] =
    SegmentName.allCases.flatMap { segment in
      [
        RegisterName(name: "\(segment)") { processor, _ in
          UInt64(processor.cpu[segment].selector)
        },
        RegisterName(name: "\(segment)base") { processor, _ in processor.cpu[segment].base },
      ]
    }
    + (0..<8).map { number in
      state("dr\(number)") { $0.pointee.debugRegisters[number] }
    } + [
      state("cr0") { $0.pointee.cr0 }, state("cr2") { $0.pointee.cr2 },
      state("cr3") { $0.pointee.cr3 }, state("cr4") { $0.pointee.cr4 },
      state("efer") { $0.pointee.efer }, state("cpl") { UInt64($0.pointee.cpl) },
      state("gdtbase") { $0.pointee.gdtr.base },
      state("gdtlimit") { UInt64($0.pointee.gdtr.limit) },
      state("idtbase") { $0.pointee.idtr.base },
      state("idtlimit") { UInt64($0.pointee.idtr.limit) },
      state("star") { $0.pointee.star }, state("lstar") { $0.pointee.lstar },
      state("cstar") { $0.pointee.cstar }, state("fmask") { $0.pointee.fmask },
      state("kernelgsbase") { $0.pointee.kernelGSBase }, state("pat") { $0.pointee.pat },
      state("mxcsr") { UInt64($0.pointee.mxcsr) }, state("xcr0") { $0.pointee.xcr0 },
      state("pkru") { UInt64($0.pointee.pkru) },
    ]

  private static let counters: [RegisterName] = [
    RegisterName(name: "count") { _, machine in machine.instructionCount },
    RegisterName(name: "now") { _, machine in machine.now },
  ]
}
