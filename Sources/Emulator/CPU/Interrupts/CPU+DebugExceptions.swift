/// Bits of DR6 and DR7.
///
/// SDM volume 3B, "Debug Registers".
enum DebugStatus {
  /// B0-B3.
  static let breakpoints: UInt64 = 0xF
  /// BD: an access to a debug register while DR7.GD is set.
  static let generalDetect: UInt64 = 1 << 13
  /// BS.
  static let singleStep: UInt64 = 1 << 14
  /// BT: a switch to a task whose TSS has T set.
  static let taskSwitch: UInt64 = 1 << 15
  /// Bits of DR6 that always read as ones.
  static let alwaysOne: UInt64 = 0xFFFF_0FF0
  /// GD in DR7.
  static let generalDetectEnable: UInt64 = 1 << 13
}

/// When a breakpoint of DR0-DR3 matches: the R/W field of DR7.
private enum BreakpointCondition: UInt64 {
  case execute
  case write
  case port
  case readWrite
}

extension CPU {
  private func isEnabled(_ number: Int) -> Bool {
    state.pointee.debugRegisters[7] >> (UInt64(number) * 2) & 3 != 0
  }

  private func condition(_ number: Int) -> BreakpointCondition {
    let field = state.pointee.debugRegisters[7] >> (UInt64(number) * 4 + 16) & 3
    return BreakpointCondition(rawValue: field) ?? .execute
  }

  /// The bytes that breakpoint `number` covers.
  private func length(_ number: Int) -> UInt64 {
    switch state.pointee.debugRegisters[7] >> (UInt64(number) * 4 + 18) & 3 {
    case 0: 1
    case 1: 2
    case 2: 8
    default: 4
    }
  }

  private func covers(_ number: Int, _ start: UInt64, _ size: UInt64) -> Bool {
    let length = length(number)
    let first = state.pointee.debugRegisters[number] & ~(length &- 1)
    return start &- first < length || first &- start < size
  }

  private var isAlignmentChecked: Bool {
    cpl == 3 && cr0.contains(.alignmentMask)
      && state.pointee.rflags & RFLAGS.alignmentCheck.rawValue != 0
  }

  /// Recomputes `watchesAccesses`, after a change of DR7, CR0.AM, RFLAGS.AC or CPL.
  func updateWatching() {
    var watches = isAlignmentChecked
    if state.pointee.debugRegisters[7] & 0xFF != 0 {
      for number in 0..<4 where isEnabled(number) {
        let condition = condition(number)
        if condition == .write || condition == .readWrite { watches = true }
      }
    }
    state.pointee.checksAccesses = watches
    state.pointee.watchesAccesses = watches || state.pointee.weaving.contains(.instructions)
  }

  /// Looks at one access while `watchesAccesses` is set: raises #AC, or notes data breakpoints
  /// for the trap behind the instruction.
  func watch(_ address: LinearAddress, size: UInt64, access: Access) throws(Exception) {
    if access == .execute { return }
    if state.pointee.weaving.contains(.instructions) && access.isWrite {
      connections.stores.append(StoredRange(address: address.value, count: size))
    }
    guard state.pointee.checksAccesses else { return }
    if !access.isImplicit && isAlignmentChecked && address.value & (size &- 1) != 0 {
      throw .alignmentCheck
    }
    for number in 0..<4 where isEnabled(number) && covers(number, address.value, size) {
      let condition = condition(number)
      if condition == .readWrite || (condition == .write && access.isWrite) {
        state.pointee.pendingDebug |= 1 << UInt64(number)
      }
    }
  }

  /// Notes I/O breakpoints on a port access.
  func watchPort(_ port: UInt16, size: UInt8) {
    guard cr4.contains(.debuggingExtensions), state.pointee.debugRegisters[7] & 0xFF != 0 else {
      return
    }
    for number in 0..<4
    where isEnabled(number) && condition(number) == .port
      && covers(number, UInt64(port), UInt64(size))
    {
      state.pointee.pendingDebug |= 1 << UInt64(number)
    }
  }

  /// The DR6 bits of the instruction breakpoints at RIP, or nil if none is armed there or
  /// RFLAGS.RF suppresses them.
  var instructionBreakpoint: UInt64? {
    guard state.pointee.debugRegisters[7] & 0xFF != 0,
      state.pointee.rflags & RFLAGS.resume.rawValue == 0
    else { return nil }
    var address = state.pointee.rip
    if !isLongMode { address = (address &+ self[.cs].base) & 0xFFFF_FFFF }
    var bits: UInt64 = 0
    for number in 0..<4
    where isEnabled(number) && condition(number) == .execute
      && state.pointee.debugRegisters[number] == address
    {
      bits |= 1 << UInt64(number)
    }
    return bits == 0 ? nil : bits
  }

  /// Delivers the debug traps noted during the instruction that just completed; behind MOV SS
  /// and POP SS they wait for one more.
  func deliverPendingDebug() {
    let bits = state.pointee.pendingDebug
    guard bits != 0, state.pointee.shadow != InterruptShadow.movSS.rawValue else { return }
    state.pointee.pendingDebug = 0
    commitDebugStatus(bits)
    deliverAsynchronous(
      InterruptEvent(
        vector: 1, source: .trap, errorCode: nil, returnRIP: state.pointee.rip,
        setsResumeFlag: state.pointee.isBetweenIterations))
  }

  /// Sets bits of DR6 as delivery of #DB does, and clears DR7.GD.
  func commitDebugStatus(_ bits: UInt64) {
    let old = state.pointee.debugRegisters[6] & ~DebugStatus.breakpoints
    state.pointee.debugRegisters[6] = old | bits | DebugStatus.alwaysOne
    state.pointee.debugRegisters[7] &= ~DebugStatus.generalDetectEnable
  }
}
