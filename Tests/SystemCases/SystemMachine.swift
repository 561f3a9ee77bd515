import Emulator

/// Our processor in whatever state a system case starts from.
final class SystemMachine {
  private static let memorySize: UInt64 = 2 << 20
  /// Memory that cases use and results are looked for in.
  private static let usedSize: UInt64 = 0x20000

  private let memory: PhysicalMemory
  private let processor: Processor
  /// Memory as the case found it.
  private var image: [UInt8] = []
  private var cpu: CPU { processor.cpu }

  static let generalNames = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
  ]
  static let segmentNames: [(String, SegmentName)] = [
    ("es", .es), ("cs", .cs), ("ss", .ss), ("ds", .ds), ("fs", .fs), ("gs", .gs),
    ("ldtr", .ldtr), ("tr", .tr),
  ]

  init?(hasFiveLevels: Bool = false) {
    guard let memory = PhysicalMemory(size: SystemMachine.memorySize) else { return nil }
    self.memory = memory
    processor = Processor(bare: memory, lacking: hasFiveLevels ? [] : [.la57])
  }

  /// Runs `item` to its end and says how it ended.
  func run(_ item: SystemCase) -> String {
    load(item.start)
    let limit = cpu.instructionCount &+ 200
    while true {
      switch processor.run(until: limit) {
      case .lookup, .yielded, .breakpoint, .stopRequested: continue
      case .halted: return "hlt"
      case .shutdown: return "shutdown"
      case .limit: return "limit"
      }
    }
  }

  private func load(_ start: SystemState) {
    processor.reset()
    var image = [UInt8](repeating: 0, count: Int(SystemMachine.usedSize))
    for (address, value) in start.memory where address + 8 <= SystemMachine.usedSize {
      for byte in 0..<8 { image[Int(address) + byte] = UInt8(value >> UInt64(8 * byte) & 0xFF) }
    }
    image.withUnsafeBytes { processor.writeMemory(PhysicalAddress(0), $0) }
    self.image = image
    let state = cpu.state
    for (index, name) in SystemMachine.generalNames.enumerated() { cpu[index] = start[name] }
    state.pointee.rip = start["rip"]
    cpu.rflags = RFLAGS(rawValue: start["rflags"])
    state.pointee.cr0 = start["cr0"]
    state.pointee.cr2 = start["cr2"]
    state.pointee.cr3 = start["cr3"]
    state.pointee.cr4 = start["cr4"]
    state.pointee.efer = start["efer"]
    state.pointee.pkru = UInt32(truncatingIfNeeded: start["pkru"])
    state.pointee.gdtr = table(start["gdt"], start["gdtlimit"])
    state.pointee.idtr = table(start["idt"], start["idtlimit"])
    for index in 0..<4 { state.pointee.debugRegisters[index] = start["dr\(index)"] }
    state.pointee.debugRegisters[6] = start.registers["dr6"] ?? 0xFFFF_0FF0
    state.pointee.debugRegisters[7] = start.registers["dr7"] ?? 0x400
    loadModelSpecificRegisters(start)
    loadSegments(start)
    processor.stateWasReplaced()
  }

  private func table(_ base: UInt64, _ limit: UInt64) -> DescriptorTableRegister {
    DescriptorTableRegister(base: base, limit: UInt16(truncatingIfNeeded: limit))
  }

  private func loadModelSpecificRegisters(_ start: SystemState) {
    let state = cpu.state
    state.pointee.star = start["star"]
    state.pointee.lstar = start["lstar"]
    state.pointee.cstar = start["cstar"]
    state.pointee.fmask = start["fmask"]
    state.pointee.kernelGSBase = start["kernelgs"]
    state.pointee.sysenterCS = start["sysentercs"]
    state.pointee.sysenterESP = start["sysenteresp"]
    state.pointee.sysenterEIP = start["sysentereip"]
  }

  private func loadSegments(_ start: SystemState) {
    let selectors = [
      ("es", SegmentName.es), ("cs", .cs), ("ss", .ss), ("ds", .ds), ("fs", .fs), ("gs", .gs),
      ("ldt", .ldtr), ("tr", .tr),
    ]
    for (name, register) in selectors {
      cpu[register] = SystemMachine.startSegment(start, name)
    }
    cpu.state.pointee.cpl = start["cr0"] & 1 == 0 ? 0 : UInt8(start["cs"] & 3)
  }

  /// A segment register at the start: from its descriptor or, in real-address mode, a paragraph;
  /// then what the case says of its hidden part.
  static func startSegment(_ start: SystemState, _ name: String) -> SegmentRegister {
    let selector = UInt16(truncatingIfNeeded: start[name])
    var result = segment(start, selector)
    if start["cr0"] & 1 == 0 && name != "ldt" && name != "tr" {
      result = SegmentRegister(
        selector: selector, attributes: 0x93, limit: 0xFFFF,
        base: UInt64(selector) << 4)
    }
    if let base = start.registers[name + "base"] { result.base = base }
    if let limit = start.registers[name + "limit"] { result.limit = UInt32(limit) }
    if let rights = start.registers[name + "attr"] { result.attributes = UInt16(rights) }
    return result
  }

  /// The hidden part that a descriptor gives a register, without any check.
  static func segment(_ start: SystemState, _ selector: UInt16) -> SegmentRegister {
    if selector & ~3 == 0 {
      return SegmentRegister(selector: selector, attributes: 0, limit: 0, base: 0)
    }
    let raw = start.memory[start["gdt"] + UInt64(selector & ~7)] ?? 0
    var limit = UInt32(raw & 0xFFFF) | UInt32(raw >> 32 & 0xF_0000)
    if raw >> 55 & 1 != 0 { limit = limit << 12 | 0xFFF }
    return SegmentRegister(
      selector: selector, attributes: UInt16(raw >> 40 & 0xF0FF), limit: limit,
      base: raw >> 16 & 0xFF_FFFF | raw >> 32 & 0xFF00_0000)
  }

  /// A register as the case file names it, or nil.
  func register(_ name: String) -> UInt64? {
    if let index = SystemMachine.generalNames.firstIndex(of: name) { return cpu[index] }
    let state = cpu.state
    switch name {
    case "rip": return state.pointee.rip
    case "rflags": return cpu.rflags.rawValue
    case "cr0": return state.pointee.cr0
    case "cr2": return state.pointee.cr2
    case "cr3": return state.pointee.cr3
    case "cr4": return state.pointee.cr4
    case "efer": return state.pointee.efer
    case "gdt": return state.pointee.gdtr.base
    case "gdtlimit": return UInt64(state.pointee.gdtr.limit)
    case "idt": return state.pointee.idtr.base
    case "idtlimit": return UInt64(state.pointee.idtr.limit)
    case "star": return state.pointee.star
    case "lstar": return state.pointee.lstar
    case "cstar": return state.pointee.cstar
    case "fmask": return state.pointee.fmask
    case "kernelgs": return state.pointee.kernelGSBase
    case "sysentercs": return state.pointee.sysenterCS
    case "sysenteresp": return state.pointee.sysenterESP
    case "sysentereip": return state.pointee.sysenterEIP
    default:
      guard name.hasPrefix("dr"), let index = Int(name.dropFirst(2)), (0..<8).contains(index) else {
        return nil
      }
      return state.pointee.debugRegisters[index]
    }
  }

  /// The names of all registers that `register` knows.
  static let registerNames =
    generalNames + [
      "rip", "rflags", "cr0", "cr2", "cr3", "cr4", "efer", "gdt", "gdtlimit", "idt", "idtlimit",
      "star", "lstar", "cstar", "fmask", "kernelgs", "sysentercs", "sysenteresp", "sysentereip",
      "dr0", "dr1", "dr2", "dr3", "dr6", "dr7",
    ]

  /// A segment register as the case file writes it: its selector, and the hidden part where there
  /// is a segment.
  func segmentText(_ name: SegmentName) -> String {
    SystemMachine.text(cpu[name])
  }

  static func text(_ segment: SegmentRegister) -> String {
    let selector = String(segment.selector, radix: 16)
    if segment.selector & ~3 == 0 || !segment.isPresent { return selector }
    return [
      selector, String(segment.base, radix: 16), String(segment.limit, radix: 16),
      String(segment.attributes & 0xF0FF, radix: 16),
    ].joined(separator: ":")
  }

  /// The quadwords of memory that the case changed.
  func memoryChanges() -> [UInt64: UInt64] {
    var changes: [UInt64: UInt64] = [:]
    guard let bytes = memory.read(PhysicalAddress(0), count: image.count) else { return [:] }
    bytes.withUnsafeBytes { now in
      image.withUnsafeBytes { before in
        for address in stride(from: 0, to: now.count, by: 8) {
          let value = now.loadUnaligned(fromByteOffset: address, as: UInt64.self)
          if value != before.loadUnaligned(fromByteOffset: address, as: UInt64.self) {
            changes[UInt64(address)] = value
          }
        }
      }
    }
    return changes
  }
}
