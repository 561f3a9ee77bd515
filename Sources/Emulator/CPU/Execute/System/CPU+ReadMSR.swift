private typealias MSR = ModelSpecificRegister

extension CPU {
  /// RDMSR.
  func rdmsr() throws(Exception) {
    try requireRing0()
    let index = UInt32(truncatingIfNeeded: self[.rcx])
    guard let value = readMSR(index) else { throw .generalProtection(errorCode: 0) }
    self[.rax] = value & 0xFFFF_FFFF
    self[.rdx] = value >> 32
  }

  /// The value of a model-specific register, or nil if it cannot be read.
  package func readMSR(_ index: UInt32) -> UInt64? {
    if MSR.isInterruptController(index) {
      synchronizeClock()
      defer { requestLookup() }
      return connections.interrupts.readMSR(index)
    }
    return readBaseMSR(index) ?? readTypeMSR(index) ?? readMachineMSR(index)
  }

  /// System calls, bases and time.
  private func readBaseMSR(_ index: UInt32) -> UInt64? {
    switch index {
    case MSR.timeStampCounter: timeStamp
    case MSR.tscAdjust: state.pointee.tscAdjust
    case MSR.tscAux: state.pointee.tscAux
    case MSR.efer: state.pointee.efer
    case MSR.star: state.pointee.star
    case MSR.lstar: state.pointee.lstar
    case MSR.cstar: state.pointee.cstar
    case MSR.fmask: state.pointee.fmask
    case MSR.fsBase: self[.fs].base
    case MSR.gsBase: self[.gs].base
    case MSR.kernelGSBase: state.pointee.kernelGSBase
    case MSR.sysenterCS: state.pointee.sysenterCS
    case MSR.sysenterESP: state.pointee.sysenterESP
    case MSR.sysenterEIP: state.pointee.sysenterEIP
    default: nil
    }
  }

  /// Memory types.
  private func readTypeMSR(_ index: UInt32) -> UInt64? {
    if let fixed = MSR.fixedRange(index) { return state.pointee.mtrrFixed[fixed] }
    if MSR.mtrrVariable.contains(index) {
      return state.pointee.mtrrVariable[Int(index - MSR.mtrrVariable.lowerBound)]
    }
    switch index {
    // Eight variable ranges, fixed ranges, write combining.
    case MSR.mtrrCapability: return 0x508
    case MSR.mtrrDefaultType: return state.pointee.mtrrDefaultType
    case MSR.pat: return state.pointee.pat
    default: return nil
    }
  }

  /// What the machine is.
  private func readMachineMSR(_ index: UInt32) -> UInt64? {
    switch index {
    // No error ever happens, and there are no last-branch records.
    case MSR.machineCheckAddress, MSR.machineCheckType, MSR.machineCheckStatus, MSR.platformID,
      MSR.debugControl:
      0
    // XSAVES manages no supervisor state.
    case MSR.xss: has(.xsaves) ? 0 : nil
    // Ten banks, and IA32_MCG_CTL.
    case MSR.machineCheckCapability: 1 << 8 | 10
    case MSR.machineCheckControl: state.pointee.machineCheckControl
    case MSR.machineCheckBanks:
      index & 3 == 0
        ? state.pointee.machineCheckBankControl[Int(index - MSR.machineCheckBanks.lowerBound) / 4]
        : 0
    // The revision is in the upper half.
    case MSR.updateSignature: 1 << 32
    // The ratio of the base frequency to 100 MHz.
    case MSR.platformDescription: UInt64(ProcessorIdentification.frequency / 100_000_000) << 8
    case MSR.miscEnable: state.pointee.miscEnable | MiscellaneousEnable.unavailable
    default: nil
    }
  }

  /// What RDTSC reads.
  var timeStamp: UInt64 { now &+ state.pointee.tscAdjust }

  private func requireTimeStampAccess() throws(Exception) {
    if cr4.contains(.timeStampDisable) && cpl > 0 { throw .generalProtection(errorCode: 0) }
  }

  /// RDTSC.
  func rdtsc() throws(Exception) {
    try requireTimeStampAccess()
    let value = timeStamp
    self[.rax] = value & 0xFFFF_FFFF
    self[.rdx] = value >> 32
  }

  /// RDTSCP.
  func rdtscp() throws(Exception) {
    try rdtsc()
    self[.rcx] = state.pointee.tscAux & 0xFFFF_FFFF
  }

  /// RDPMC: there are no performance counters, so every index is invalid.
  func rdpmc() throws(Exception) { throw .generalProtection(errorCode: 0) }
}
