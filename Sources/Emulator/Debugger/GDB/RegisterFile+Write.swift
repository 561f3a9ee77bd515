import Emulator

/// Changing registers between two instructions.
extension RegisterFile {
  /// Changes a register; false, with nothing changed, where the processor would refuse the value.
  func write(_ register: GuestRegister, _ value: UInt128) -> Bool {
    let low = UInt64(truncatingIfNeeded: value)
    let high = UInt64(truncatingIfNeeded: value >> 64)
    switch register {
    case .general(let name): cpu[name] = low
    case .instructionPointer: writeInstructionPointer(low)
    case .flags:
      cpu.rflags = RFLAGS(rawValue: low).intersection(.defined).union(.alwaysOne)
    case .x87(let number):
      let physical = (x87Top + number) & 7
      state.pointee.x87Significands[physical] = low
      state.pointee.x87Exponents[physical] = UInt16(truncatingIfNeeded: high)
    case .xmm(let number):
      state.pointee.xmm[number * 2] = low
      state.pointee.xmm[number * 2 + 1] = high
    case .ymmHigh(let number):
      state.pointee.ymmHigh[number * 2] = low
      state.pointee.ymmHigh[number * 2 + 1] = high
    case .selector(let name):
      guard loadSelector(name, UInt16(truncatingIfNeeded: low)) else { return false }
    case .modelSpecific(let index):
      guard cpu.writeMSR(index, low) else { return false }
    case .control(let number):
      guard cpu.writeControlRegister(number, low) else { return false }
    default:
      guard writeSystem(register, low) else { return false }
    }
    cpu.registersWereWritten()
    return true
  }

  private func writeInstructionPointer(_ address: UInt64) {
    let offset = address &- codeBase
    state.pointee.rip = cpu.isLongMode ? offset : offset & 0xFFFF_FFFF
    state.pointee.isBetweenIterations = false
    // Whoever sends a waiting processor elsewhere wants it to go there.
    let activity = Activity(rawValue: state.pointee.activity)
    if activity == .halted || activity == .monitorWait {
      state.pointee.activity = Activity.running.rawValue
    }
  }

  private func writeSystem(_ register: GuestRegister, _ value: UInt64) -> Bool {
    switch register {
    case .base(let name): cpu[name].base = value
    case .limit(let name): cpu[name].limit = UInt32(truncatingIfNeeded: value)
    case .attributes(let name): cpu[name].attributes = UInt16(truncatingIfNeeded: value) & 0xF0FF
    case .globalTableBase: state.pointee.gdtr.base = value
    case .globalTableLimit: state.pointee.gdtr.limit = UInt16(truncatingIfNeeded: value)
    case .interruptTableBase: state.pointee.idtr.base = value
    case .interruptTableLimit: state.pointee.idtr.limit = UInt16(truncatingIfNeeded: value)
    case .mxcsr: state.pointee.mxcsr = UInt32(truncatingIfNeeded: value) & 0xFFFF
    case .extendedControl:
      // Bit 0, and bit 2 only with bit 1: x87, SSE and AVX state.
      guard [1, 3, 7].contains(value & 7) else { return false }
      state.pointee.xcr0 = state.pointee.xcr0 & ~7 | value & 7
    case .debug(let number): return cpu.writeDebugRegister(number, value)
    case .protectionKeys: state.pointee.pkru = UInt32(truncatingIfNeeded: value)
    case .privilegeLevel: state.pointee.cpl = UInt8(truncatingIfNeeded: value & 3)
    default: writeEnvironment(register, value)
    }
    return true
  }

  /// Loads a segment register as the processor would, but for the checks of privilege.
  private func loadSelector(_ name: SegmentName, _ value: UInt16) -> Bool {
    guard cpu.cr0.contains(.protectionEnable), !cpu.rflags.contains(.virtual8086) else {
      cpu[name].selector = value
      if name != .ldtr && name != .tr { cpu[name].base = UInt64(value) << 4 }
      return true
    }
    let selector = SegmentSelector(value)
    guard !selector.isNull else {
      guard name != .cs, name != .tr else { return false }
      cpu[name] = .null
      cpu[name].selector = value
      return true
    }
    let isSystem = name == .ldtr || name == .tr
    guard let descriptor = descriptor(selector, isWide: isSystem && cpu.isIA32e),
      descriptor.isPresent, descriptor.isCodeOrData == !isSystem,
      descriptor.isCode || name != .cs
    else { return false }
    cpu[name] = descriptor.segment(selector)
    if name == .cs { state.pointee.cpl = descriptor.isConforming ? selector.rpl : descriptor.dpl }
    return true
  }

  private func descriptor(_ selector: SegmentSelector, isWide: Bool) -> Descriptor? {
    let memory = GuestMemoryView(cpu: cpu, memory: memory)
    let table =
      selector.isLocal
      ? (base: cpu[.ldtr].base, limit: UInt64(cpu[.ldtr].limit))
      : (base: state.pointee.gdtr.base, limit: UInt64(state.pointee.gdtr.limit))
    let size: UInt64 = isWide ? 16 : 8
    guard selector.offset &+ size &- 1 <= table.limit,
      let low = memory.load(table.base &+ selector.offset, size: 8)
    else { return nil }
    guard isWide else { return Descriptor(low: low) }
    return memory.load(table.base &+ selector.offset &+ 8, size: 8).map {
      Descriptor(low: low, high: $0)
    }
  }

  private func writeEnvironment(_ register: GuestRegister, _ value: UInt64) {
    let word = UInt16(truncatingIfNeeded: value)
    switch register {
    case .x87Control: cpu.setX87Control(word)
    case .x87Status: cpu.setX87Status(word)
    case .x87Tags: cpu.setX87TagWord(word)
    case .x87CodeSelector: state.pointee.x87CodeSelector = word
    case .x87InstructionPointer: state.pointee.x87InstructionPointer = value
    case .x87DataSelector: state.pointee.x87DataSelector = word
    case .x87DataPointer: state.pointee.x87DataPointer = value
    default: state.pointee.x87Opcode = word & 0x7FF
    }
  }
}
