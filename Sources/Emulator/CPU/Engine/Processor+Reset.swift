/// What arrives for a processor as a message of its own, not as an interrupt.
public enum ProcessorSignal: Equatable, Sendable {
  /// INIT.
  case initialize
  /// A start-up IPI: begin in real-address mode in this page.
  case startUp(page: UInt8)
}

extension Processor {
  /// Puts the processor in its state after RESET.
  ///
  /// SDM volume 3A, "Processor State After Reset".
  public func reset() {
    let count = cpu.instructionCount
    let key = cpu.state.pointee.jumpKey
    let randomNumbers = cpu.state.pointee.randomNumbers
    let (isObserved, weaving) = (cpu.state.pointee.isObserved, cpu.state.pointee.weaving)
    cpu.state.pointee = CPUState(connections: .passUnretained(connections), caches: caches)
    cpu.state.pointee.isObserved = isObserved
    cpu.state.pointee.weaving = weaving
    cpu.state.pointee.budgetEnd = count
    cpu.state.pointee.jumpKey = key
    cpu.state.pointee.randomNumbers = randomNumbers
    cpu.state.pointee.hasBreakpoints = !breakpoints.isEmpty
    cpu.state.pointee.hasWatchpoints = !watchpoints.isEmpty
    connections.blocks.dropEverything()
    enterInitialState()
  }

  /// Takes a message, between two instructions.
  ///
  /// SDM volume 3A, "MP Initialization Protocol Algorithm".
  package func receive(_ signal: ProcessorSignal) {
    switch signal {
    case .initialize: initialize()
    case .startUp(let page):
      guard cpu.state.pointee.activity == Activity.waitForSIPI.rawValue else { return }
      cpu[.cs] = SegmentRegister(
        selector: UInt16(page) << 8, attributes: 0x9B, limit: 0xFFFF, base: UInt64(page) << 12)
      cpu.state.pointee.rip = 0
      cpu.state.pointee.activity = Activity.running.rawValue
      cpu.updateMode()
    }
  }

  /// INIT: as RESET, but floating-point and vector registers, CR0.CD and NW, the time-stamp
  /// counter, memory types and other model-specific registers stay.
  private func initialize() {
    let state = cpu.state
    connections.blocks.disarmMonitor(cpu)
    state.pointee.registers = InlineArray(repeating: 0)
    cpu.rflags = .alwaysOne
    state.pointee.resume = nil
    state.pointee.gdtr = DescriptorTableRegister(base: 0, limit: 0xFFFF)
    state.pointee.idtr = DescriptorTableRegister(base: 0, limit: 0xFFFF)
    state.pointee.cr0 = state.pointee.cr0 & 0x6000_0000 | 0x10
    state.pointee.cr2 = 0
    state.pointee.cr3 = 0
    state.pointee.cr4 = 0
    state.pointee.efer = 0
    state.pointee.pdpte = InlineArray(repeating: 0)
    state.pointee.debugRegisters = InlineArray(repeating: 0)
    state.pointee.debugRegisters[6] = 0xFFFF_0FF0
    state.pointee.debugRegisters[7] = 0x400
    state.pointee.pendingDebug = 0
    state.pointee.cpl = 0
    state.pointee.shadow = InterruptShadow.none.rawValue
    state.pointee.isBetweenIterations = false
    state.pointee.nmiBlocked = false
    enterInitialState()
  }

  /// What RESET and INIT have in common.
  private func enterInitialState() {
    let state = cpu.state
    state.pointee.rip = 0xFFF0
    cpu[.rdx] = UInt64(ProcessorIdentification.signature)
    for name in [SegmentName.es, .ss, .ds, .fs, .gs] {
      cpu[name] = SegmentRegister(selector: 0, attributes: 0x93, limit: 0xFFFF, base: 0)
    }
    cpu[.cs] = SegmentRegister(
      selector: 0xF000, attributes: 0x93, limit: 0xFFFF, base: 0xFFFF_0000)
    cpu[.ldtr] = SegmentRegister(selector: 0, attributes: 0x82, limit: 0xFFFF, base: 0)
    cpu[.tr] = SegmentRegister(selector: 0, attributes: 0x8B, limit: 0xFFFF, base: 0)
    let activity = isBootstrap ? Activity.running : .waitForSIPI
    state.pointee.activity = activity.rawValue
    cpu.clearTLB()
    cpu.updateMode()
  }
}

extension CPU {
  /// Forgets what leads to decoded blocks, all of which are gone.
  func blocksWereDropped() {
    state.pointee.dropsBlocks = false
    state.pointee.resume = nil
    clearJumpCache()
  }
}
