extension LocalAPIC {
  /// Bits of IA32_APIC_BASE.
  enum BaseBit {
    static let bootstrap: UInt64 = 1 << 8
    static let x2APIC: UInt64 = 1 << 10
    static let enabled: UInt64 = 1 << 11
  }

  /// The MSRs that belong to the local APIC.
  enum MSR {
    static let base: UInt32 = 0x1B
    static let deadline: UInt32 = 0x6E0
    static let x2APIC: ClosedRange<UInt32> = 0x800...0x8FF
  }

  var isX2APIC: Bool { registers.base & BaseBit.x2APIC != 0 }

  /// LDR in x2APIC mode: the cluster in bits 31:16, one bit of 15:0, both from the ID.
  var x2LogicalDestination: UInt32 {
    (registers.id >> 4) << 16 | 1 << (registers.id & 0xF)
  }

  /// Base of the xAPIC page while it is there.
  public var mmioBase: UInt64? {
    guard isGloballyEnabled, !isX2APIC else { return nil }
    return registers.base & ~0xFFF
  }

  /// Reads an MSR of the APIC; nil raises #GP(0).
  public func readMSR(_ index: UInt32) -> UInt64? {
    switch index {
    case MSR.base: return registers.base
    case MSR.deadline: return deadlineMSR
    case MSR.x2APIC where isX2APIC: break
    default: return nil
    }
    let number = index & 0xFF
    switch Register(rawValue: number) {
    case .interruptCommand:
      return registers.interruptCommand
    case .arbitrationPriority, .endOfInterrupt, .remoteRead, .destinationFormat,
      .interruptCommandHigh, .selfInterrupt:
      return nil
    default:
      return readRegister(number).map(UInt64.init)
    }
  }

  /// Writes an MSR of the APIC; false raises #GP(0).
  public func writeMSR(_ index: UInt32, _ value: UInt64) -> Bool {
    switch index {
    case MSR.base: return writeBase(value)
    case MSR.deadline:
      writeDeadline(value)
      return true
    case MSR.x2APIC where isX2APIC: break
    default: return false
    }
    guard let register = Register(rawValue: index & 0xFF),
      let writable = x2WritableBits(register), value & ~writable == 0
    else { return false }
    switch register {
    case .interruptCommand:
      registers.interruptCommand = value
      sendInterruptCommand()
      return true
    case .selfInterrupt:
      return sendSelfInterrupt(UInt8(truncatingIfNeeded: value))
    default:
      return writeRegister(register.rawValue, UInt32(truncatingIfNeeded: value))
    }
  }

  /// The bits a WRMSR may set, nil for a register that cannot be written in x2APIC mode.
  ///
  /// SDM Vol. 3A, "x2APIC Register Address Space"; reserved bits raise #GP.
  private func x2WritableBits(_ register: Register) -> UInt64? {
    if let entry = register.localInterrupt {
      return UInt64(entry.writableBits | entry.readOnlyBits)
    }
    return switch register {
    case .taskPriority, .selfInterrupt: 0xFF
    case .endOfInterrupt, .errorStatus: 0
    case .spuriousVector: 0x3FF
    case .interruptCommand: 0xFFFF_FFFF_000C_CFFF
    case .initialCount: 0xFFFF_FFFF
    case .divideConfiguration: 0xB
    default: nil
    }
  }

  private func sendSelfInterrupt(_ vector: UInt8) -> Bool {
    guard vector >= 16 else {
      record(ErrorBit.sendIllegalVector)
      return true
    }
    accept(InterruptMessage(vector: vector, destination: registers.id))
    return true
  }

  /// IA32_APIC_BASE.
  ///
  /// SDM Vol. 3A, "x2APIC State Transitions".
  private func writeBase(_ value: UInt64) -> Bool {
    guard value & reservedBaseBits & ~BaseBit.bootstrap == 0 else { return false }
    let wasEnabled = isGloballyEnabled
    let willBeEnabled = value & BaseBit.enabled != 0
    let willBeX2APIC = value & BaseBit.x2APIC != 0
    if willBeX2APIC, !willBeEnabled { return false }
    if willBeX2APIC, !wasEnabled { return false }
    if isX2APIC, willBeEnabled, !willBeX2APIC { return false }
    let wasX2APIC = isX2APIC
    registers.base = value
    if wasEnabled != willBeEnabled {
      resetRegisters(base: value)
    } else if willBeX2APIC, !wasX2APIC {
      // The ICR's destination has another format now; everything else is kept.
      registers.interruptCommand &= 0xFFFF_FFFF
    }
    return true
  }
}
