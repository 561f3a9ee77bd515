// Virtual-8086 mode extensions and protected-mode virtual interrupts: VIF and VIP in place of IF.
//
// SDM volume 3B, "Interrupt and Exception Handling in Virtual-8086 Mode" and "Protected-Mode
// Virtual Interrupts".

extension CPU {
  /// RFLAGS.IOPL.
  var ioPrivilegeLevel: UInt8 { UInt8(truncatingIfNeeded: state.pointee.rflags >> 12 & 3) }

  /// Whether virtual-8086 code has VIF for an interrupt flag.
  var usesVirtualInterrupts: Bool {
    mode.contains(.virtual8086) && ioPrivilegeLevel < 3 && cr4.contains(.virtual8086Extensions)
  }

  /// Whether CLI and STI of the current code, which may not change IF, change VIF.
  var mayChangeVirtualInterruptFlag: Bool {
    if mode.contains(.virtual8086) { return usesVirtualInterrupts }
    return cpl == 3 && cr4.contains(.protectedModeVirtualInterrupts)
  }

  /// Whether VIF and VIP are both set where code has them: #GP(0) before the next instruction.
  var isVirtualInterruptDue: Bool {
    let both = RFLAGS([.virtualInterrupt, .virtualInterruptPending]).rawValue
    guard state.pointee.rflags & both == both else { return false }
    if mode.contains(.virtual8086) { return cr4.contains(.virtual8086Extensions) }
    return cpl == 3 && cr4.contains(.protectedModeVirtualInterrupts)
  }

  /// The 16-bit image of the flags in which VIF stands for IF, and IOPL is 3.
  var virtualFlagsImage: UInt64 {
    let flags = state.pointee.rflags
    let hidden = RFLAGS([.interruptEnable, .ioPrivilegeLevel]).rawValue
    let virtual = flags & RFLAGS.virtualInterrupt.rawValue != 0
    let interrupt = virtual ? RFLAGS.interruptEnable.rawValue : 0
    return flags & ~hidden | interrupt | RFLAGS.ioPrivilegeLevel.rawValue
  }

  /// Takes a 16-bit image of the flags, IF as VIF; IF and IOPL stay.
  func loadVirtualFlags(_ image: UInt64) throws(Exception) {
    let flags = state.pointee.rflags
    let enables = image & RFLAGS.interruptEnable.rawValue != 0
    let isPending = flags & RFLAGS.virtualInterruptPending.rawValue != 0
    guard image & RFLAGS.trap.rawValue == 0, !(isPending && enables) else {
      throw .generalProtection(errorCode: 0)
    }
    let writable = RFLAGS([.status, .trap, .direction, .nestedTask]).rawValue
    let virtual = RFLAGS.virtualInterrupt.rawValue
    state.pointee.rflags =
      flags & ~(writable | virtual) | image & writable | (enables ? virtual : 0)
  }

  /// CLI where it clears VIF.
  func clearVirtualInterruptFlag() {
    state.pointee.rflags &= ~RFLAGS.virtualInterrupt.rawValue
  }

  /// STI where it sets VIF.
  func setVirtualInterruptFlag() throws(Exception) {
    guard state.pointee.rflags & RFLAGS.virtualInterruptPending.rawValue == 0 else {
      throw .generalProtection(errorCode: 0)
    }
    state.pointee.rflags |= RFLAGS.virtualInterrupt.rawValue
  }

  /// INT n in virtual-8086 mode: through the program's own vector table, through the IDT, or #GP.
  func virtualInterrupt(vector: UInt8) throws(Exception) {
    if cr4.contains(.virtual8086Extensions) {
      guard try isRedirectionSet(vector) else { return try redirect(vector: vector) }
    }
    guard ioPrivilegeLevel == 3 else { throw .generalProtection(errorCode: 0) }
    try deliverSoftware(vector: vector)
  }

  /// The bit of the interrupt redirection map, the 32 bytes below the I/O permission map.
  private func isRedirectionSet(_ vector: UInt8) throws(Exception) -> Bool {
    let fault = Exception.generalProtection(errorCode: 0)
    let task = self[.tr]
    guard task.isPresent, task.type == 9 || task.type == 11, task.limit >= 103 else {
      throw fault
    }
    let map = UInt64(
      try load(try tableAddress(task.base, 102), as: UInt16.self, access: .systemRead))
    let offset = map &- 32 &+ UInt64(vector >> 3)
    guard offset <= UInt64(task.limit) else { throw fault }
    let bits = try load(
      try tableAddress(task.base, offset), as: UInt8.self, access: .systemRead)
    return bits >> (vector & 7) & 1 != 0
  }

  /// Goes to the handler in the vector table at address zero, as an 8086 does.
  private func redirect(vector: UInt8) throws(Exception) {
    let entry = try load(
      LinearAddress(UInt64(vector) * 4), as: UInt32.self, access: .systemRead)
    let isVirtual = ioPrivilegeLevel < 3
    let image = isVirtual ? virtualFlagsImage : state.pointee.rflags
    var stack = PendingStack(current: self)
    try stack.push(image, size: 2)
    try stack.push(UInt64(self[.cs].selector), size: 2)
    try stack.push(state.pointee.nextRIP, size: 2)
    self[.rsp] = stack.pointer
    let masked: RFLAGS = isVirtual ? .virtualInterrupt : .interruptEnable
    state.pointee.rflags &= ~masked.union(.trap).rawValue
    state.pointee.singleSteps = false
    enterCode(realSegment(self[.cs], UInt16(entry >> 16)), UInt64(entry & 0xFFFF))
  }
}
