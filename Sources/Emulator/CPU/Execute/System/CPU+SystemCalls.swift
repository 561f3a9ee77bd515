/// Hidden parts of the flat segments that SYSCALL, SYSENTER and their returns load.
private enum FlatSegment {
  static func code(_ selector: UInt64, dpl: UInt8, isLong: Bool) -> SegmentRegister {
    make(selector, (isLong ? 0xA09B : 0xC09B) | UInt16(dpl) << 5)
  }

  static func stack(_ selector: UInt64, dpl: UInt8) -> SegmentRegister {
    make(selector, 0xC093 | UInt16(dpl) << 5)
  }

  private static func make(_ selector: UInt64, _ attributes: UInt16) -> SegmentRegister {
    SegmentRegister(
      selector: UInt16(truncatingIfNeeded: selector), attributes: attributes, limit: .max,
      base: 0)
  }
}

extension CPU {
  /// SYSCALL.
  ///
  /// SDM volume 2, "SYSCALL": #UD outside 64-bit mode.
  func syscall() throws(Exception) {
    guard isLongMode, efer.contains(.syscallEnable) else { throw .invalidOpcode }
    let selector = state.pointee.star >> 32 & 0xFFFF
    let flags = rflags.subtracting(.resume)
    self[.rcx] = state.pointee.nextRIP
    self[.r11] = flags.rawValue
    rflags = RFLAGS(
      rawValue: flags.rawValue & ~state.pointee.fmask | RFLAGS.alwaysOne.rawValue)
    self[.ss] = FlatSegment.stack((selector & 0xFFFC) &+ 8, dpl: 0)
    enterCode(
      FlatSegment.code(selector & 0xFFFC, dpl: 0, isLong: true), state.pointee.lstar)
  }

  /// SYSRET: to 64-bit mode with REX.W, else to compatibility mode.
  func sysret(_ i: borrowing Instruction) throws(Exception) {
    guard isLongMode, efer.contains(.syscallEnable) else { throw .invalidOpcode }
    try requireRing0()
    let isLong = i.prefixes.contains(.rexW)
    if isLong && !isCanonical(LinearAddress(self[.rcx])) {
      throw .generalProtection(errorCode: 0)
    }
    let selector = state.pointee.star >> 48
    rflags = RFLAGS(rawValue: self[.r11] & 0x3C_7FD7 | RFLAGS.alwaysOne.rawValue)
    self[.ss] = FlatSegment.stack((selector &+ 8) | 3, dpl: 3)
    enterCode(
      FlatSegment.code((isLong ? selector &+ 16 : selector) | 3, dpl: 3, isLong: isLong),
      self[.rcx])
  }

  /// SYSENTER.
  func sysenter() throws(Exception) {
    let selector = state.pointee.sysenterCS & 0xFFFC
    guard cr0.contains(.protectionEnable), selector != 0 else {
      throw .generalProtection(errorCode: 0)
    }
    rflags = rflags.subtracting([.virtual8086, .interruptEnable, .resume])
    state.pointee.mode.remove(.virtual8086)
    let isIA32e = isIA32e
    let esp = state.pointee.sysenterESP
    self[.rsp] = isIA32e ? esp : esp & 0xFFFF_FFFF
    self[.ss] = FlatSegment.stack(selector &+ 8, dpl: 0)
    enterCode(
      FlatSegment.code(selector, dpl: 0, isLong: isIA32e), state.pointee.sysenterEIP)
  }

  /// SYSEXIT: to 64-bit mode with REX.W.
  func sysexit(_ i: borrowing Instruction) throws(Exception) {
    let selector = state.pointee.sysenterCS & 0xFFFC
    guard cr0.contains(.protectionEnable), selector != 0, cpl == 0 else {
      throw .generalProtection(errorCode: 0)
    }
    let isLong = i.prefixes.contains(.rexW)
    let rsp = self[.rcx]
    let rip = self[.rdx]
    if isLong {
      guard isCanonical(LinearAddress(rsp)), isCanonical(LinearAddress(rip)) else {
        throw .generalProtection(errorCode: 0)
      }
    }
    self[.rsp] = isLong ? rsp : rsp & 0xFFFF_FFFF
    let base = isLong ? selector &+ 32 : selector &+ 16
    self[.ss] = FlatSegment.stack((base &+ 8) | 3, dpl: 3)
    enterCode(FlatSegment.code(base | 3, dpl: 3, isLong: isLong), rip)
  }

  /// SWAPGS.
  func swapgs() throws(Exception) {
    guard isLongMode else { throw .invalidOpcode }
    try requireRing0()
    let base = self[.gs].base
    self[.gs].base = state.pointee.kernelGSBase
    state.pointee.kernelGSBase = base
  }

  /// RDFSBASE and RDGSBASE.
  func readBase(_ name: SegmentName, _ i: borrowing Instruction) throws(Exception) {
    guard isLongMode, cr4.contains(.fsgsbase) else { throw .invalidOpcode }
    writeRegister(i.operand0.index, size: i.operand0.size, self[name].base)
  }

  /// WRFSBASE and WRGSBASE.
  func writeBase(_ name: SegmentName, _ i: borrowing Instruction) throws(Exception) {
    guard isLongMode, cr4.contains(.fsgsbase) else { throw .invalidOpcode }
    let value = truncate(self[Int(i.operand0.index)], toSize: i.operand0.size)
    guard isCanonicalBase(value) else { throw .generalProtection(errorCode: 0) }
    self[name].base = value
  }
}
