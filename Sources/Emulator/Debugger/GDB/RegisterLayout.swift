import Emulator

/// The names that GDB has for what a description describes.
enum TargetArchitecture: String, CaseIterable {
  /// Registers of 32 bits, code of 16 bits by default.
  case i8086 = "i8086"
  /// Registers of 32 bits.
  case i386 = "i386"
  /// Registers of 64 bits.
  case x86x64 = "i386:x86-64"

  /// The one that a user means by a short name.
  init?(name: String) {
    switch name {
    case "i8086", "16": self = .i8086
    case "i386", "32": self = .i386
    case "i386:x86-64", "x86-64", "x86_64", "64": self = .x86x64
    default: return nil
    }
  }

  /// The one that fits the code a processor executes now.
  init(_ mode: ExecutionMode) {
    self = mode.contains(.long) ? .x86x64 : mode.contains(.big) ? .i386 : .i8086
  }

  /// Whether general registers have 64 bits.
  var is64Bit: Bool { self == .x86x64 }
}

/// A register as one description has it.
struct RegisterField: Equatable {
  /// Its name there.
  var name: String
  /// Its size there.
  var bits: Int
  /// Its type, by an id of GDB or of the description.
  var type: String
  /// The group that lists it, where it is not the type's.
  var group: String?
  /// What it shows.
  var register: GuestRegister

  init(
    _ name: String, _ bits: Int, _ type: String, _ register: GuestRegister, group: String? = nil
  ) {
    self.name = name
    self.bits = bits
    self.type = type
    self.group = group
    self.register = register
  }

  /// Bytes in packets.
  var size: Int { bits / 8 }
}

/// The registers of a description with their numbers and places.
///
/// Manual of GDB, "i386 Features": the order is that of GDB's own descriptions, so that the first
/// numbers mean the same to clients that read none.
struct RegisterLayout {
  /// A feature: what a part of the description is called, and the registers in it.
  struct Feature {
    var name: String
    var fields: [RegisterField]
  }

  /// Whom it is for.
  let architecture: TargetArchitecture
  /// In the order of the description.
  let features: [Feature]
  /// All registers by number.
  let fields: [RegisterField]

  init(_ architecture: TargetArchitecture) {
    self.architecture = architecture
    features =
      Self.standardFeatures(architecture.is64Bit) + [
        Feature(name: "emu.x86.system", fields: Self.systemFields(architecture.is64Bit)),
        Feature(name: "emu.x86.msr", fields: Self.modelSpecificFields),
      ]
    fields = features.flatMap(\.fields)
  }

  /// The number of a register.
  func number(of register: GuestRegister) -> Int? {
    fields.firstIndex { $0.register == register }
  }

  // MARK: What GDB knows

  private static func standardFeatures(_ is64Bit: Bool) -> [Feature] {
    let count = is64Bit ? 16 : 8
    let bases = [
      RegisterField("fs_base", 64, "uint64", .base(.fs)),
      RegisterField("gs_base", 64, "uint64", .base(.gs)),
    ]
    let xmm = (0..<count).map { RegisterField("xmm\($0)", 128, "vec128", .xmm($0)) }
    let ymm = (0..<count).map { RegisterField("ymm\($0)h", 128, "uint128", .ymmHigh($0)) }
    let mxcsr = RegisterField("mxcsr", 32, "i386_mxcsr", .mxcsr, group: "vector")
    let keys = RegisterField("pkru", 32, "uint32", .protectionKeys)
    let prefix = "org.gnu.gdb.i386"
    return [
      Feature(
        name: "\(prefix).core",
        fields: generalFields(is64Bit) + selectorFields + floatingPointFields),
      Feature(name: "\(prefix).sse", fields: xmm + [mxcsr]),
    ] + (is64Bit ? [Feature(name: "\(prefix).segments", fields: bases)] : [])
      + [Feature(name: "\(prefix).avx", fields: ymm)]
      // GDB knows this feature where registers have 64 bits.
      + (is64Bit ? [Feature(name: "\(prefix).pkeys", fields: [keys])] : [])
  }

  private static func generalFields(_ is64Bit: Bool) -> [RegisterField] {
    let order: [(Register, String)] =
      is64Bit
      ? [
        (.rax, "rax"), (.rbx, "rbx"), (.rcx, "rcx"), (.rdx, "rdx"), (.rsi, "rsi"), (.rdi, "rdi"),
        (.rbp, "rbp"), (.rsp, "rsp"), (.r8, "r8"), (.r9, "r9"), (.r10, "r10"), (.r11, "r11"),
        (.r12, "r12"), (.r13, "r13"), (.r14, "r14"), (.r15, "r15"),
      ]
      : [
        (.rax, "eax"), (.rcx, "ecx"), (.rdx, "edx"), (.rbx, "ebx"), (.rsp, "esp"), (.rbp, "ebp"),
        (.rsi, "esi"), (.rdi, "edi"),
      ]
    let bits = is64Bit ? 64 : 32
    let fields = order.map { register, name in
      let isPointer = register == .rsp || register == .rbp
      return RegisterField(
        name, bits, isPointer ? "data_ptr" : "int\(bits)", .general(register))
    }
    return fields + [
      RegisterField(is64Bit ? "rip" : "eip", bits, "code_ptr", .instructionPointer),
      RegisterField("eflags", 32, "i386_eflags", .flags),
    ]
  }

  private static let selectorFields: [RegisterField] = [
    ("cs", SegmentName.cs), ("ss", .ss), ("ds", .ds), ("es", .es), ("fs", .fs), ("gs", .gs),
  ].map { RegisterField($0.0, 32, "int32", .selector($0.1)) }

  private static let floatingPointFields: [RegisterField] =
    (0..<8).map { RegisterField("st\($0)", 80, "i387_ext", .x87($0)) }
    + [
      ("fctrl", GuestRegister.x87Control), ("fstat", .x87Status), ("ftag", .x87Tags),
      ("fiseg", .x87CodeSelector), ("fioff", .x87InstructionPointer), ("foseg", .x87DataSelector),
      ("fooff", .x87DataPointer), ("fop", .x87Opcode),
    ].map { RegisterField($0.0, 32, "int", $0.1, group: "float") }

  // MARK: What it does not know

  private static func systemFields(_ is64Bit: Bool) -> [RegisterField] {
    var fields = [
      RegisterField("cr0", 64, "emu_cr0", .control(0)),
      RegisterField("cr2", 64, "uint64", .control(2)),
      RegisterField("cr3", 64, "uint64", .control(3)),
      RegisterField("cr4", 64, "emu_cr4", .control(4)),
      RegisterField("cr8", 64, "uint64", .control(8)),
      RegisterField("xcr0", 64, "uint64", .extendedControl),
      RegisterField("cpl", 8, "uint8", .privilegeLevel),
    ]
    for number in [0, 1, 2, 3, 6, 7] {
      fields.append(RegisterField("dr\(number)", 64, "uint64", .debug(number)))
    }
    let segments: [(String, SegmentName)] = [
      ("cs", .cs), ("ss", .ss), ("ds", .ds), ("es", .es), ("fs", .fs), ("gs", .gs),
      ("ldtr", .ldtr), ("tr", .tr),
    ]
    for (name, segment) in segments {
      if segment == .ldtr || segment == .tr {
        fields.append(RegisterField(name, 16, "uint16", .selector(segment)))
      }
      if !is64Bit || (segment != .fs && segment != .gs) {
        fields.append(RegisterField("\(name)_base", 64, "uint64", .base(segment)))
      }
      fields.append(RegisterField("\(name)_limit", 32, "uint32", .limit(segment)))
      fields.append(RegisterField("\(name)_attributes", 16, "uint16", .attributes(segment)))
    }
    if !is64Bit { fields.append(RegisterField("pkru", 32, "uint32", .protectionKeys)) }
    return
      (fields + [
        RegisterField("gdtr_base", 64, "uint64", .globalTableBase),
        RegisterField("gdtr_limit", 16, "uint16", .globalTableLimit),
        RegisterField("idtr_base", 64, "uint64", .interruptTableBase),
        RegisterField("idtr_limit", 16, "uint16", .interruptTableLimit),
      ]).map { $0.inGroup("system") }
  }

  private static let modelSpecificFields: [RegisterField] = [
    ("efer", "emu_efer", 0xC000_0080), ("star", "uint64", 0xC000_0081),
    ("lstar", "uint64", 0xC000_0082), ("cstar", "uint64", 0xC000_0083),
    ("fmask", "uint64", 0xC000_0084), ("kernel_gs_base", "uint64", 0xC000_0102),
    ("tsc_aux", "uint64", 0xC000_0103), ("sysenter_cs", "uint64", 0x174),
    ("sysenter_esp", "uint64", 0x175), ("sysenter_eip", "uint64", 0x176),
    ("apic_base", "uint64", 0x1B), ("pat", "uint64", 0x277), ("misc_enable", "uint64", 0x1A0),
    ("mtrr_def_type", "uint64", 0x2FF), ("tsc_adjust", "uint64", 0x3B), ("tsc", "uint64", 0x10),
  ].map { RegisterField($0.0, 64, $0.1, .modelSpecific($0.2), group: "msr") }
}

extension RegisterField {
  fileprivate func inGroup(_ group: String) -> RegisterField {
    var field = self
    field.group = group
    return field
  }
}
