import Emulator

/// The registers of one processor by name, to be read and written between two instructions.
struct RegisterFile {
  /// The processor.
  let cpu: CPU
  /// Where descriptors are.
  let memory: PhysicalMemory

  init(cpu: CPU, memory: PhysicalMemory) {
    self.cpu = cpu
    self.memory = memory
  }

  init(_ machine: Machine, processor number: Int) {
    self.init(cpu: machine.processors[number].cpu, memory: machine.memory)
  }

  var state: UnsafeMutablePointer<CPUState> { cpu.state }

  /// Where an instruction pointer counts from.
  var codeBase: UInt64 { cpu.isLongMode ? 0 : cpu[.cs].base }

  /// A register's value.
  func read(_ register: GuestRegister) -> UInt128 {
    switch register {
    case .x87(let number):
      let physical = (x87Top + number) & 7
      return UInt128(state.pointee.x87Exponents[physical]) << 64
        | UInt128(state.pointee.x87Significands[physical])
    case .xmm(let number):
      return UInt128(state.pointee.xmm[number * 2 + 1]) << 64
        | UInt128(state.pointee.xmm[number * 2])
    case .ymmHigh(let number):
      return UInt128(state.pointee.ymmHigh[number * 2 + 1]) << 64
        | UInt128(state.pointee.ymmHigh[number * 2])
    default: return UInt128(readNumber(register))
    }
  }

  /// The value of a register of at most 64 bits, or the low half of a longer one.
  func readNumber(_ register: GuestRegister) -> UInt64 {
    switch register {
    case .general(let name): cpu[name]
    case .instructionPointer: cpu.instructionPointer.value
    case .flags: cpu.rflags.rawValue
    case .selector(let name): UInt64(cpu[name].selector)
    case .base(let name): cpu[name].base
    case .limit(let name): UInt64(cpu[name].limit)
    case .attributes(let name): UInt64(cpu[name].attributes)
    case .globalTableBase: state.pointee.gdtr.base
    case .globalTableLimit: UInt64(state.pointee.gdtr.limit)
    case .interruptTableBase: state.pointee.idtr.base
    case .interruptTableLimit: UInt64(state.pointee.idtr.limit)
    case .mxcsr: UInt64(state.pointee.mxcsr)
    case .control(let number): readControl(number)
    case .extendedControl: state.pointee.xcr0
    case .debug(let number): state.pointee.debugRegisters[number & 7]
    case .protectionKeys: UInt64(state.pointee.pkru)
    case .modelSpecific(let index): cpu.readMSR(index) ?? 0
    case .privilegeLevel: UInt64(cpu.cpl)
    case .x87, .xmm, .ymmHigh: UInt64(truncatingIfNeeded: read(register))
    default: readEnvironment(register)
    }
  }

  private func readControl(_ number: Int) -> UInt64 {
    switch number {
    case 0: state.pointee.cr0
    case 2: state.pointee.cr2
    case 3: state.pointee.cr3
    case 4: state.pointee.cr4
    default: UInt64(cpu.taskPriorityClass)
    }
  }

  // MARK: x87

  var x87Top: Int { Int(state.pointee.x87Status >> 11 & 7) }

  private func readEnvironment(_ register: GuestRegister) -> UInt64 {
    switch register {
    case .x87Control: UInt64(state.pointee.x87Control)
    case .x87Status: UInt64(state.pointee.x87Status)
    case .x87Tags: UInt64(cpu.x87TagWord)
    case .x87CodeSelector: UInt64(state.pointee.x87CodeSelector)
    case .x87InstructionPointer: state.pointee.x87InstructionPointer
    case .x87DataSelector: UInt64(state.pointee.x87DataSelector)
    case .x87DataPointer: state.pointee.x87DataPointer
    default: UInt64(state.pointee.x87Opcode)
    }
  }
}
