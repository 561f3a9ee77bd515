extension CPU {
  /// Virtual-8086 mode without its extensions leaves the flags' image to ring 0 unless IOPL is 3.
  private func checkFlagsAccess() throws(Exception) {
    if mode.contains(.virtual8086) && ioPrivilegeLevel < 3 {
      throw .generalProtection(errorCode: 0)
    }
  }

  /// PUSHF, PUSHFD, PUSHFQ: VM and RF read as zero.
  func pushFlags(_ i: borrowing Instruction) throws(Exception) {
    if i.operandSize == 2 && usesVirtualInterrupts {
      return try push(virtualFlagsImage, size: 2)
    }
    try checkFlagsAccess()
    let hidden: RFLAGS = [.virtual8086, .resume]
    try push(state.pointee.rflags & ~hidden.rawValue, size: i.operandSize)
  }

  /// POPF, POPFD, POPFQ: IOPL changes only at CPL 0, IF only where CPL <= IOPL; VM, VIF and VIP
  /// stay, RF is cleared.
  func popFlags(_ i: borrowing Instruction) throws(Exception) {
    if i.operandSize == 2 && usesVirtualInterrupts {
      try loadVirtualFlags(try peekStack(at: 0, size: 2))
      return advanceStack(by: 2)
    }
    try checkFlagsAccess()
    let old = state.pointee.rflags
    var writable: RFLAGS = [
      .status, .trap, .direction, .nestedTask, .resume, .alignmentCheck, .identification,
    ]
    if cpl == 0 && !mode.contains(.virtual8086) { writable.insert(.ioPrivilegeLevel) }
    if cpl <= ioPrivilegeLevel { writable.insert(.interruptEnable) }
    let mask = truncate(writable.rawValue, toSize: i.operandSize)
    let image = try pop(size: i.operandSize) & ~RFLAGS.resume.rawValue
    state.pointee.rflags = old & ~mask | image & mask
    let watched: RFLAGS = [.trap, .interruptEnable, .alignmentCheck]
    if (old ^ state.pointee.rflags) & watched.rawValue != 0 {
      updateMode()
      requestInterruptCheck()
      if state.pointee.isObserved { reportInterruptFlag(before: old) }
    }
  }
}
