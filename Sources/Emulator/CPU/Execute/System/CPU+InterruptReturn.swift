extension CPU {
  /// IRET, IRETD and IRETQ.
  ///
  /// SDM volume 2, "IRET".
  func iret(_ i: borrowing Instruction) throws(Exception) {
    // IRET ends the blocking of NMIs even if it faults.
    state.pointee.nmiBlocked = false
    let size = i.operandSize
    if !isProtected { return try returnReal(size: size) }
    if state.pointee.rflags & RFLAGS.nestedTask.rawValue != 0 {
      guard !isIA32e else { throw .generalProtection(errorCode: 0) }
      return try returnToPreviousTask()
    }
    let step = UInt64(size)
    let flags = try peekStack(at: 2 * step, size: size)
    let selector = SegmentSelector(
      UInt16(truncatingIfNeeded: try peekStack(at: step, size: size)))
    let offset = try peekStack(at: 0, size: size)
    if !isIA32e && size == 4 && cpl == 0 && flags & RFLAGS.virtual8086.rawValue != 0 {
      return try returnToVirtual8086(offset: offset, selector: selector.rawValue, flags: flags)
    }
    let code = try returnCode(selector)
    let loaded = returnFlags(flags, size: size, level: cpl)
    if selector.rpl > cpl || isLongMode {
      let stackSelector = SegmentSelector(
        UInt16(truncatingIfNeeded: try peekStack(at: 4 * step, size: size)))
      let pointer = try peekStack(at: 3 * step, size: size)
      let target = OuterReturn(
        code: code, selector: selector, offset: offset,
        stack: try returnStack(stackSelector, level: selector.rpl, code: code),
        pointer: pointer)
      try returnOuter(target)
    } else {
      let segment = code.segment(selector)
      try checkTarget(segment, offset)
      let accessed = try markAccessed(segment, selector)
      advanceStack(by: 3 * step)
      enterCode(accessed, offset)
    }
    rflags = loaded
    updateMode()
  }

  /// What RFLAGS becomes when IRET pops `flags` at privilege `level`.
  private func returnFlags(_ flags: UInt64, size: UInt8, level: UInt8) -> RFLAGS {
    var writable: RFLAGS = [.status, .trap, .direction, .nestedTask]
    if size > 2 { writable.insert([.resume, .alignmentCheck, .identification]) }
    let old = rflags
    let iopl = UInt8(truncatingIfNeeded: old.rawValue >> 12 & 3)
    if level <= iopl { writable.insert(.interruptEnable) }
    if level == 0 {
      writable.insert(.ioPrivilegeLevel)
      if size > 2 { writable.insert([.virtualInterrupt, .virtualInterruptPending]) }
    }
    return RFLAGS(
      rawValue: old.rawValue & ~writable.rawValue | flags & writable.rawValue
        | RFLAGS.alwaysOne.rawValue)
  }

  private func returnReal(size: UInt8) throws(Exception) {
    let isVirtual = mode.contains(.virtual8086)
    if usesVirtualInterrupts && size == 2 { return try returnVirtual() }
    if isVirtual {
      guard state.pointee.rflags >> 12 & 3 == 3 else { throw .generalProtection(errorCode: 0) }
    }
    let step = UInt64(size)
    let offset = try peekStack(at: 0, size: size)
    let selector = UInt16(truncatingIfNeeded: try peekStack(at: step, size: size))
    let flags = try peekStack(at: 2 * step, size: size)
    guard offset <= UInt64(self[.cs].limit) else { throw .generalProtection(errorCode: 0) }
    // A virtual-8086 task keeps IOPL, VM, VIP and VIF; real mode keeps the last three.
    var kept: RFLAGS = [.virtual8086, .virtualInterrupt, .virtualInterruptPending]
    if isVirtual { kept.insert(.ioPrivilegeLevel) }
    if size == 2 { kept.formUnion(RFLAGS(rawValue: ~0xFFFF)) }
    let old = rflags
    advanceStack(by: 3 * step)
    enterCode(realSegment(self[.cs], selector), offset)
    rflags = RFLAGS(
      rawValue: old.rawValue & kept.rawValue
        | flags & RFLAGS.defined.rawValue & ~kept.rawValue | RFLAGS.alwaysOne.rawValue)
    updateMode()
  }

  /// IRET of virtual-8086 code that has VIF for an interrupt flag.
  private func returnVirtual() throws(Exception) {
    let offset = try peekStack(at: 0, size: 2)
    let selector = UInt16(truncatingIfNeeded: try peekStack(at: 2, size: 2))
    let flags = try peekStack(at: 4, size: 2)
    guard offset <= UInt64(self[.cs].limit) else { throw .generalProtection(errorCode: 0) }
    try loadVirtualFlags(flags)
    advanceStack(by: 6)
    enterCode(realSegment(self[.cs], selector), offset)
  }

  /// Goes back to a virtual-8086 task.
  ///
  /// SDM volume 2, "IRET", RETURN-TO-VIRTUAL-8086-MODE: ESP, SS, ES, DS, FS and GS follow EFLAGS.
  private func returnToVirtual8086(
    offset: UInt64, selector: UInt16, flags: UInt64
  ) throws(Exception) {
    var words = InlineArray<6, UInt64>(repeating: 0)
    for index in 0..<6 { words[index] = try peekStack(at: 12 + UInt64(index) * 4, size: 4) }
    guard offset <= 0xFFFF else { throw .generalProtection(errorCode: 0) }
    rflags = RFLAGS(
      rawValue: flags & RFLAGS.defined.rawValue | RFLAGS.alwaysOne.rawValue)
    state.pointee.cpl = 3
    // The mode must be right before the segments are, since their loading depends on it.
    updateMode()
    self[.cs] = realSegment(self[.cs], selector)
    let order: InlineArray<5, SegmentName> = [.ss, .es, .ds, .fs, .gs]
    for index in 0..<5 {
      let name = order[index]
      self[name] = realSegment(self[name], UInt16(truncatingIfNeeded: words[index + 1]))
    }
    self[.rsp] = words[0]
    state.pointee.nextRIP = offset
    updateMode()
  }
}
