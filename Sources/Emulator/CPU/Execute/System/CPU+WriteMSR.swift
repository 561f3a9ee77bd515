private typealias MSR = ModelSpecificRegister

extension CPU {
  /// WRMSR.
  func wrmsr() throws(Exception) {
    try requireRing0()
    let value = self[.rdx] << 32 | self[.rax] & 0xFFFF_FFFF
    guard writeMSR(UInt32(truncatingIfNeeded: self[.rcx]), value) else {
      throw .generalProtection(errorCode: 0)
    }
    requestLookup()
  }

  /// Writes a model-specific register; false, with nothing changed, raises #GP(0).
  package func writeMSR(_ index: UInt32, _ value: UInt64) -> Bool {
    if MSR.isInterruptController(index) {
      synchronizeClock()
      return connections.interrupts.writeMSR(index, value)
    }
    if let fixed = MSR.fixedRange(index) {
      guard areMemoryTypes(value, allowUncachedMinus: false) else { return false }
      state.pointee.mtrrFixed[fixed] = value
      return true
    }
    if MSR.mtrrVariable.contains(index) { return writeVariableMTRR(index, value) }
    return writeSystemCallMSR(index, value) ?? writeAddressMSR(index, value)
      ?? writeMachineMSR(index, value)
  }

  /// Nil if `index` is none of these registers.
  private func writeSystemCallMSR(_ index: UInt32, _ value: UInt64) -> Bool? {
    switch index {
    case MSR.star: state.pointee.star = value
    case MSR.fmask: state.pointee.fmask = value & 0xFFFF_FFFF
    case MSR.sysenterCS: state.pointee.sysenterCS = value & 0xFFFF_FFFF
    case MSR.efer: return writeEFER(value)
    case MSR.tscAux:
      guard value >> 32 == 0 else { return false }
      state.pointee.tscAux = value
    case MSR.timeStampCounter: moveTimeStamp(value &- now)
    case MSR.tscAdjust: moveTimeStamp(value)
    default: return nil
    }
    return true
  }

  /// Registers that hold a canonical address; nil if `index` is none of them.
  private func writeAddressMSR(_ index: UInt32, _ value: UInt64) -> Bool? {
    let isCanonical = isCanonicalBase(value)
    switch index {
    case MSR.lstar where isCanonical: state.pointee.lstar = value
    case MSR.cstar where isCanonical: state.pointee.cstar = value
    case MSR.fsBase where isCanonical: setBase(.fs, value)
    case MSR.gsBase where isCanonical: setBase(.gs, value)
    case MSR.kernelGSBase where isCanonical: state.pointee.kernelGSBase = value
    case MSR.sysenterESP where isCanonical: state.pointee.sysenterESP = value
    case MSR.sysenterEIP where isCanonical: state.pointee.sysenterEIP = value
    default: return nil
    }
    return true
  }

  private func setBase(_ name: SegmentName, _ value: UInt64) {
    self[name].base = value
    updateMode()
  }

  private func writeMachineMSR(_ index: UInt32, _ value: UInt64) -> Bool {
    switch index {
    case MSR.pat:
      guard areMemoryTypes(value, allowUncachedMinus: true) else { return false }
      state.pointee.pat = value
    case MSR.mtrrDefaultType:
      guard value & ~0xCFF == 0, isMemoryType(value & 0xFF) else { return false }
      state.pointee.mtrrDefaultType = value
    case MSR.miscEnable:
      let known = MiscellaneousEnable.writable | MiscellaneousEnable.unavailable
      guard value & ~known == 0 else { return false }
      state.pointee.miscEnable = value & MiscellaneousEnable.writable
    // Nothing behind these can be changed; software may still clear them or load microcode.
    case MSR.machineCheckAddress, MSR.machineCheckType, MSR.machineCheckStatus,
      MSR.debugControl:
      return value == 0
    case MSR.xss: return has(.xsaves) && value == 0
    case MSR.machineCheckControl: state.pointee.machineCheckControl = value
    case MSR.machineCheckBanks:
      // STATUS, ADDR and MISC can only be cleared.
      guard index & 3 == 0 else { return value == 0 }
      let bank = Int(index - MSR.machineCheckBanks.lowerBound) / 4
      state.pointee.machineCheckBankControl[bank] = value
    case MSR.updateTrigger, MSR.updateSignature: break
    default: return false
    }
    return true
  }

  /// Writes IA32_EFER.
  ///
  /// SDM volume 3A, "Extended Feature Enable Register": LME cannot change while paging is on.
  private func writeEFER(_ value: UInt64) -> Bool {
    guard value & ~EFER.defined.rawValue == 0 else { return false }
    let old = efer
    var new = EFER(rawValue: value)
    let changesLME = old.contains(.longModeEnable) != new.contains(.longModeEnable)
    if changesLME && cr0.contains(.paging) { return false }
    new.remove(.longModeActive)
    new.formUnion(old.intersection(.longModeActive))
    state.pointee.efer = new.rawValue
    if old.contains(.noExecuteEnable) != new.contains(.noExecuteEnable) { flushTLB() }
    updateMode()
    return true
  }

  private func moveTimeStamp(_ offset: UInt64) {
    state.pointee.tscAdjust = offset
    synchronizeClock()
    connections.interrupts.timeStampCounterMoved(offset: offset)
  }

  private func writeVariableMTRR(_ index: UInt32, _ value: UInt64) -> Bool {
    guard value >> PhysicalAddress.width == 0 else { return false }
    if index & 1 == 0 {
      guard value & 0xF00 == 0, isMemoryType(value & 0xFF) else { return false }
    } else {
      guard value & 0x7FF == 0 else { return false }
    }
    state.pointee.mtrrVariable[Int(index - MSR.mtrrVariable.lowerBound)] = value
    return true
  }

  /// UC, WC, WT, WP, WB.
  private func isMemoryType(_ type: UInt64) -> Bool { [0, 1, 4, 5, 6].contains(type) }

  /// Whether every byte is a memory type; UC- (7) exists in the PAT only.
  private func areMemoryTypes(_ value: UInt64, allowUncachedMinus: Bool) -> Bool {
    for byte in 0..<8 {
      let type = value >> UInt64(byte * 8) & 0xFF
      guard isMemoryType(type) || (allowUncachedMinus && type == 7) else { return false }
    }
    return true
  }
}
