/// The registers by their number: the offset in the xAPIC page divided by 16, and the low bits of
/// the x2APIC MSR. SDM Vol. 3A, "Local APIC Register Address Map".
extension LocalAPIC {
  enum Register: UInt32 {
    case id = 0x02
    case version = 0x03
    case taskPriority = 0x08
    case arbitrationPriority = 0x09
    case processorPriority = 0x0A
    case endOfInterrupt = 0x0B
    case remoteRead = 0x0C
    case logicalDestination = 0x0D
    case destinationFormat = 0x0E
    case spuriousVector = 0x0F
    case errorStatus = 0x28
    case interruptCommand = 0x30
    case interruptCommandHigh = 0x31
    case timerVector = 0x32
    case thermalVector = 0x33
    case performanceVector = 0x34
    case lint0Vector = 0x35
    case lint1Vector = 0x36
    case errorVector = 0x37
    case initialCount = 0x38
    case currentCount = 0x39
    case divideConfiguration = 0x3E
    case selfInterrupt = 0x3F

    /// The entry of the local vector table this register is.
    var localInterrupt: LocalInterrupt? {
      LocalInterrupt(rawValue: Int(rawValue) - Int(Register.timerVector.rawValue))
    }
  }

  /// Reads the xAPIC page: 32-bit registers, 16 bytes apart.
  ///
  /// Other widths are undefined by the manual; here they see the part of the register they cover.
  public func read(offset: UInt64, size: AccessSize) -> UInt64 {
    let number = UInt32(truncatingIfNeeded: offset &>> 4 & 0xFF)
    let shift = (offset & 3) &* 8
    guard offset & 0xC == 0 else { return 0 }
    guard let value = readRegister(number) else {
      record(ErrorBit.illegalRegisterAddress)
      return 0
    }
    return UInt64(value) &>> shift & size.mask
  }

  /// Writes a register of the xAPIC page; only aligned 32-bit writes have an effect.
  public func write(offset: UInt64, size: AccessSize, value: UInt64) {
    guard offset & 0xF == 0, size == .doubleword else { return }
    let number = UInt32(truncatingIfNeeded: offset &>> 4 & 0xFF)
    if !writeRegister(number, UInt32(truncatingIfNeeded: value)) {
      record(ErrorBit.illegalRegisterAddress)
    }
  }

  /// The value of a register that exists in both modes, or in xAPIC mode only; nil when reserved.
  func readRegister(_ number: UInt32) -> UInt32? {
    switch number {
    case 0x10...0x17: return registers.inService.register(Int(number & 7))
    case 0x18...0x1F: return registers.triggerMode.register(Int(number & 7))
    case 0x20...0x27: return registers.requested.register(Int(number & 7))
    default: break
    }
    guard let register = Register(rawValue: number) else { return nil }
    if let entry = register.localInterrupt { return registers.localVectors[entry.rawValue].bits }
    switch register {
    case .id: return isX2APIC ? registers.id : registers.id << 24
    case .version: return UInt32(LocalInterrupt.allCases.count - 1) << 16 | Self.version
    case .taskPriority: return UInt32(registers.taskPriority)
    case .arbitrationPriority: return UInt32(arbitrationPriority)
    case .processorPriority: return UInt32(processorPriority)
    case .endOfInterrupt, .remoteRead: return 0
    case .logicalDestination:
      return isX2APIC ? x2LogicalDestination : registers.logicalDestination
    case .destinationFormat: return registers.destinationFormat
    case .spuriousVector: return registers.spuriousVector
    case .errorStatus: return registers.errorStatus
    case .interruptCommand: return UInt32(truncatingIfNeeded: registers.interruptCommand)
    case .interruptCommandHigh: return UInt32(truncatingIfNeeded: registers.interruptCommand >> 32)
    case .initialCount: return registers.timer.initialCount
    case .currentCount: return currentCount
    case .divideConfiguration: return registers.timer.divideConfiguration
    default: return nil
    }
  }

  /// Writes a register; false when it is reserved.
  ///
  /// Read-only registers ignore the write.
  func writeRegister(_ number: UInt32, _ value: UInt32) -> Bool {
    if (0x10...0x27).contains(number) { return true }
    guard let register = Register(rawValue: number) else { return false }
    if let entry = register.localInterrupt {
      writeLocalVector(entry, value)
      return true
    }
    switch register {
    case .taskPriority:
      registers.taskPriority = UInt8(truncatingIfNeeded: value)
      refreshPendingInterrupt()
    case .endOfInterrupt: endOfInterrupt()
    case .logicalDestination: registers.logicalDestination = value & 0xFF00_0000
    case .destinationFormat: registers.destinationFormat = value | 0x0FFF_FFFF
    case .spuriousVector: writeSpuriousVector(value)
    case .errorStatus:
      registers.errorStatus = registers.pendingErrors
      registers.pendingErrors = 0
    case .interruptCommand:
      registers.interruptCommand =
        registers.interruptCommand & 0xFFFF_FFFF_0000_0000 | UInt64(value & 0x000C_CFFF)
      sendInterruptCommand()
    case .interruptCommandHigh:
      registers.interruptCommand =
        registers.interruptCommand & 0xFFFF_FFFF | UInt64(value & 0xFF00_0000) << 32
    case .initialCount: writeInitialCount(value)
    case .divideConfiguration: writeDivideConfiguration(value)
    case .selfInterrupt: return false
    default: break
    }
    return true
  }

  private func writeLocalVector(_ source: LocalInterrupt, _ value: UInt32) {
    var bits = value & source.writableBits
    if !isSoftwareEnabled { bits |= LocalVector.mask }
    if source == .timer {
      writeTimerVector(bits)
    } else {
      bits |= registers.localVectors[source.rawValue].bits & LocalVector.remoteIRRBit
      registers.localVectors[source.rawValue].bits = bits
      requestLevelTriggered(source)
    }
    refreshPendingInterrupt()
  }

  private func writeSpuriousVector(_ value: UInt32) {
    registers.spuriousVector = value & 0x3FF
    if !isSoftwareEnabled {
      // SDM Vol. 3A, "Local APIC State After It Has Been Software Disabled".
      for index in registers.localVectors.indices {
        registers.localVectors[index].bits |= LocalVector.mask
      }
    }
    refreshPendingInterrupt()
  }

  /// Sends what the ICR says.
  ///
  /// SDM Vol. 3A, "Interrupt Command Register (ICR)".
  func sendInterruptCommand() {
    let command = registers.interruptCommand
    let code = UInt8(truncatingIfNeeded: command >> 8 & 7)
    guard let mode = InterruptMessage.DeliveryMode(rawValue: code), mode != .external else {
      return
    }
    let isLevelTriggered = command & 1 << 15 != 0
    let isAsserted = command & 1 << 14 != 0
    // INIT level de-assert only synchronised arbitration IDs, and does nothing since.
    if mode == .initialize, isLevelTriggered, !isAsserted { return }
    let vector = UInt8(truncatingIfNeeded: command)
    if mode == .fixed || mode == .lowestPriority, vector < 16 {
      return record(ErrorBit.sendIllegalVector)
    }
    let destination = UInt32(truncatingIfNeeded: command >> 32)
    let message = InterruptMessage(
      vector: vector, deliveryMode: mode, destination: isX2APIC ? destination : destination >> 24,
      isLogical: command & 1 << 11 != 0, isWide: isX2APIC)
    switch command >> 18 & 3 {
    case 0: bus?.send(message)
    case 1: if mode == .fixed { accept(message) }
    case 2: bus?.broadcast(message, excluding: nil)
    default: bus?.broadcast(message, excluding: self)
    }
  }
}
