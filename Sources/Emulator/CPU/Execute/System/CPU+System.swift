extension CPU {
  /// Executes an instruction that manages the processor rather than computes.
  func executeSystem(_ i: borrowing Instruction) throws(Exception) {
    if state.pointee.isObserved {
      try executeObserved(i)
    } else {
      try executeSystemInstruction(i)
    }
    lookIfNeeded()
  }

  /// Makes the engine look before the next instruction if the one that completes gave it reason
  /// to: an interrupt that may now be taken, a trap, or code that must be stepped.
  private func lookIfNeeded() {
    let isEnabled = state.pointee.rflags & RFLAGS.interruptEnable.rawValue != 0
    let blocksNMI = state.pointee.nmiBlocked
    let isDue = withInterrupts { interrupts in
      isEnabled && interrupts.hasPendingInterrupt || !blocksNMI && interrupts.hasPendingNMI
    }
    if isDue || mustStep || state.pointee.pendingDebug != 0 { requestInterruptCheck() }
  }

  func executeSystemInstruction(_ i: borrowing Instruction) throws(Exception) {
    switch i.mnemonic {
    case .jmpFar: try jmpFar(i)
    case .callFar: try callFar(i)
    case .retFar: try retFar(i)
    case .iret: try iret(i)
    case .int, .int1, .int3, .into: try softwareInterrupt(i)
    case .movFromSegment: try movFromSegment(i)
    case .movToSegment: try movToSegment(i)
    case .pushSegment: try pushSegment(i)
    case .popSegment: try popSegment(i)
    case .loadFarPointer: try loadFarPointer(i)
    case .in: try inPort(i)
    case .out: try outPort(i)
    case .syscall: try syscall()
    case .sysret: try sysret(i)
    case .sysenter: try sysenter()
    case .sysexit: try sysexit(i)
    case .swapgs: try swapgs()
    case .rdfsbase: try readBase(.fs, i)
    case .rdgsbase: try readBase(.gs, i)
    case .wrfsbase: try writeBase(.fs, i)
    case .wrgsbase: try writeBase(.gs, i)
    default: try executeRegisters(i)
    }
  }

  /// Control, debug, model-specific and table registers.
  private func executeRegisters(_ i: borrowing Instruction) throws(Exception) {
    switch i.mnemonic {
    case .movFromControl: try movFromControl(i)
    case .movToControl: try movToControl(i)
    case .movFromDebug: try movFromDebug(i)
    case .movToDebug: try movToDebug(i)
    case .clts: try clts()
    case .lmsw: try lmsw(i)
    case .rdmsr: try rdmsr()
    case .wrmsr: try wrmsr()
    case .rdtsc: try rdtsc()
    case .rdtscp: try rdtscp()
    case .rdpid: writeRegister(i.rm, size: 8, state.pointee.tscAux & 0xFFFF_FFFF)
    case .rdpmc: try rdpmc()
    case .cpuid: cpuid()
    case .lgdt: try lgdt(i)
    case .lidt: try lidt(i)
    case .sgdt, .sidt, .sldt, .str, .smsw: try storeSystemRegister(i)
    case .lldt: try lldt(i)
    case .ltr: try ltr(i)
    case .lar: try lar(i)
    case .lsl: try lsl(i)
    case .verr: try verify(i, forWriting: false)
    case .verw: try verify(i, forWriting: true)
    case .arpl: try arpl(i)
    default: try executeProcessorControl(i)
    }
  }

  /// What tells where the system's tables are, and what user-mode instruction prevention keeps from
  /// applications.
  private func storeSystemRegister(_ i: borrowing Instruction) throws(Exception) {
    let isTable = [.sldt, .str].contains(i.mnemonic)
    guard isProtected || !isTable else { throw .invalidOpcode }
    if cr4.contains(.userModeInstructionPrevention) { try requireRing0() }
    switch i.mnemonic {
    case .sgdt: try storeTableRegister(state.pointee.gdtr, i)
    case .sidt: try storeTableRegister(state.pointee.idtr, i)
    case .sldt: try writeSelector(i.operand0, i, self[.ldtr].selector)
    case .str: try writeSelector(i.operand0, i, self[.tr].selector)
    default: try smsw(i)
    }
  }

  /// Flags, caches, waiting, and what raises #UD.
  private func executeProcessorControl(_ i: borrowing Instruction) throws(Exception) {
    switch i.mnemonic {
    case .cli: try cli()
    case .sti: try sti()
    case .clac: try setAlignmentCheck(false)
    case .stac: try setAlignmentCheck(true)
    case .hlt: try hlt()
    case .monitor: try monitor(i)
    case .mwait: try mwait()
    // Memory is coherent without caches.
    case .invd, .wbinvd: try requireRing0()
    case .invlpg: try invlpg(i)
    case .invpcid: try invpcid(i)
    case .rdpkru: try rdpkru()
    case .wrpkru: try wrpkru()
    default: throw .invalidOpcode
    }
  }

  /// INT n, INT3, INTO, INT1.
  private func softwareInterrupt(_ i: borrowing Instruction) throws(Exception) {
    switch i.mnemonic {
    case .int3: try deliverSoftware(vector: 3)
    case .int1: try deliverSoftware(vector: 1, source: .privilegedSoftware)
    case .into:
      guard !isLongMode else { throw .invalidOpcode }
      guard state.pointee.rflags & RFLAGS.overflow.rawValue != 0 else { return }
      try deliverSoftware(vector: 4)
    default:
      let vector = UInt8(truncatingIfNeeded: i.immediate)
      if mode.contains(.virtual8086) { return try virtualInterrupt(vector: vector) }
      try deliverSoftware(vector: vector)
    }
  }

  /// Whether CPL (3 in virtual-8086 mode) may change IF; #GP(0) if it may not even change VIF.
  private func mayChangeInterruptFlag() throws(Exception) -> Bool {
    if mode.contains(.real) || cpl <= ioPrivilegeLevel { return true }
    guard mayChangeVirtualInterruptFlag else { throw .generalProtection(errorCode: 0) }
    return false
  }

  /// CLI.
  private func cli() throws(Exception) {
    guard try mayChangeInterruptFlag() else { return clearVirtualInterruptFlag() }
    state.pointee.rflags &= ~RFLAGS.interruptEnable.rawValue
    updateMode()
  }

  /// STI: interrupts are held off for one more instruction, if they were off before.
  private func sti() throws(Exception) {
    guard try mayChangeInterruptFlag() else { return try setVirtualInterruptFlag() }
    let flag = RFLAGS.interruptEnable.rawValue
    if state.pointee.rflags & flag == 0 {
      state.pointee.shadow = InterruptShadow.sti.rawValue
    }
    state.pointee.rflags |= flag
    updateMode()
  }

  /// CLAC and STAC.
  private func setAlignmentCheck(_ value: Bool) throws(Exception) {
    guard cpl == 0, !mode.contains(.virtual8086) else { throw .invalidOpcode }
    let flag = RFLAGS.alignmentCheck.rawValue
    state.pointee.rflags = state.pointee.rflags & ~flag | (value ? flag : 0)
    updateMode()
  }

  /// HLT.
  private func hlt() throws(Exception) {
    try requireRing0()
    state.pointee.activity = Activity.halted.rawValue
    requestLookup()
  }
}
