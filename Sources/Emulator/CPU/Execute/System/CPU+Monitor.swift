extension CPU {
  /// MONITOR: arms a watch over the line at DS:rAX.
  func monitor(_ i: borrowing Instruction) throws(Exception) {
    try requireMonitor()
    // No extension is defined, and hints are hints.
    guard self[.rcx] & 0xFFFF_FFFF == 0 else { throw .generalProtection(errorCode: 0) }
    let offset = truncate(self[.rax], toSize: i.addressSize)
    let address = try linearAddress(i.segment, offset: offset, size: 1, access: .read)
    _ = try load(address, as: UInt8.self)
    let physical = try translate(address, access: .read)
    guard state.pointee.ram.offset(of: physical) != nil else {
      return connections.blocks.disarmMonitor(self)
    }
    connections.blocks.armMonitor(self, at: physical)
  }

  /// MWAIT: waits for a store to the armed line, or an interrupt; goes on if nothing is armed.
  func mwait() throws(Exception) {
    try requireMonitor()
    let extensions = self[.rcx] & 0xFFFF_FFFF
    guard extensions & ~1 == 0 else { throw .generalProtection(errorCode: 0) }
    guard monitorLine != nil else { return }
    state.pointee.waitEndsAtInterrupt = extensions & 1 != 0
    state.pointee.activity = Activity.monitorWait.rawValue
    requestLookup()
  }

  /// Both instructions exist only at CPL 0 and while IA32_MISC_ENABLE does not hide them.
  private func requireMonitor() throws(Exception) {
    guard isMonitorEnabled, has(.monitor), cpl == 0 else { throw .invalidOpcode }
  }

  /// Whether IA32_MISC_ENABLE lets MONITOR and MWAIT exist.
  var isMonitorEnabled: Bool { state.pointee.miscEnable & MiscellaneousEnable.monitor != 0 }

  /// Goes on, after HLT or MWAIT or while running; whatever MONITOR armed is armed no longer.
  func leaveMonitorWait() {
    if state.pointee.isObserved && state.pointee.activity != Activity.running.rawValue {
      let here = place(state.pointee.rip)
      report(.wake, from: here, to: here)
    }
    state.pointee.activity = Activity.running.rawValue
    if state.pointee.monitorLine != .max { connections.blocks.disarmMonitor(self) }
  }

  /// Whether the processor would do anything if it were its turn.
  var wantsTurn: Bool {
    switch Activity(rawValue: state.pointee.activity) {
    // In shutdown it has something to say.
    case .running, .shutdown: true
    case .halted: hasDeliverableInterrupt
    case .monitorWait:
      monitorLine == nil || hasDeliverableInterrupt
        || state.pointee.waitEndsAtInterrupt && withInterrupts { $0.hasPendingInterrupt }
    default: false
    }
  }

  /// Whether anything that is still to come could make the processor go on.
  package var mayWake: Bool {
    switch Activity(rawValue: state.pointee.activity) {
    case .running, .shutdown, .monitorWait: true
    case .halted: state.pointee.rflags & RFLAGS.interruptEnable.rawValue != 0
    default: false
    }
  }

  private var hasDeliverableInterrupt: Bool {
    let isEnabled = state.pointee.rflags & RFLAGS.interruptEnable.rawValue != 0
    return !state.pointee.nmiBlocked && withInterrupts { $0.hasPendingNMI }
      || isEnabled && withInterrupts { $0.hasPendingInterrupt }
  }
}
