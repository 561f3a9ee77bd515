extension LocalAPIC {
  /// Bits of the ESR.
  ///
  /// SDM Vol. 3A, "Error Handling".
  enum ErrorBit {
    static let sendIllegalVector: UInt32 = 1 << 5
    static let receiveIllegalVector: UInt32 = 1 << 6
    static let illegalRegisterAddress: UInt32 = 1 << 7
  }

  var isGloballyEnabled: Bool { registers.base & BaseBit.enabled != 0 }
  var isSoftwareEnabled: Bool { isGloballyEnabled && registers.spuriousVector & 0x100 != 0 }

  // MARK: Priorities

  /// PPR.
  ///
  /// SDM Vol. 3A, "Task and Processor Priorities".
  var processorPriority: UInt8 {
    let inService = registers.inService.highest ?? 0
    return registers.taskPriority >> 4 >= inService >> 4
      ? registers.taskPriority : inService & 0xF0
  }

  /// APR.
  ///
  /// SDM Vol. 3A, "Arbitration Priority" of lowest-priority delivery.
  var arbitrationPriority: UInt8 {
    let inService = registers.inService.highest ?? 0
    let requested = registers.requested.highest ?? 0
    let task = registers.taskPriority
    if task >> 4 >= requested >> 4, task >> 4 > inService >> 4 { return task }
    return max(task & 0xF0, max(inService & 0xF0, requested & 0xF0))
  }

  var deliverableVector: UInt8? {
    guard isGloballyEnabled, let vector = registers.requested.highest,
      vector >> 4 > processorPriority >> 4
    else { return nil }
    return vector
  }

  // MARK: The processor's side

  /// Acknowledges an ExtINT interrupt if there is one, else the highest vector of the IRR.
  public func acknowledgeInterrupt() -> UInt8 {
    if isExternalRequested {
      registers.isExternalPending = false
      let vector = externalController?.acknowledge() ?? spuriousInterrupt
      refreshPendingInterrupt()
      return vector
    }
    guard let vector = deliverableVector else { return spuriousInterrupt }
    registers.requested.remove(vector)
    registers.inService.insert(vector)
    refreshPendingInterrupt()
    return vector
  }

  private var spuriousInterrupt: UInt8 { UInt8(truncatingIfNeeded: registers.spuriousVector) }

  /// Whether an NMI was requested and not yet taken.
  public var hasPendingNMI: Bool { registers.isNMIPending }

  /// Takes the pending NMI.
  public func acknowledgeNMI() { registers.isNMIPending = false }

  /// CR8: bits 7:4 of the TPR; writing clears the sub-class.
  public var taskPriorityClass: UInt8 {
    get { registers.taskPriority >> 4 }
    set {
      registers.taskPriority = newValue << 4
      refreshPendingInterrupt()
    }
  }

  // MARK: Messages

  /// Whether a message addresses this APIC.
  ///
  /// SDM Vol. 3A, "Determining IPI Destination".
  func matches(_ message: InterruptMessage) -> Bool {
    guard isGloballyEnabled else { return false }
    if message.isBroadcast { return true }
    if isX2APIC {
      guard message.isLogical else { return message.destination == registers.id }
      return message.destination >> 16 == x2LogicalDestination >> 16
        && message.destination & x2LogicalDestination & 0xFFFF != 0
    }
    guard message.isLogical else { return message.destination == registers.id & 0xFF }
    let destination = UInt8(truncatingIfNeeded: message.destination)
    let own = UInt8(truncatingIfNeeded: registers.logicalDestination >> 24)
    if registers.destinationFormat >> 28 == 0xF { return destination & own != 0 }
    return (destination >> 4 == own >> 4 || destination >> 4 == 0xF)
      && destination & own & 0xF != 0
  }

  /// Takes a message; false when it was dropped.
  @discardableResult
  func accept(_ message: InterruptMessage) -> Bool {
    switch message.deliveryMode {
    case .fixed, .lowestPriority:
      return request(message.vector, isLevelTriggered: message.isLevelTriggered)
    case .systemManagement:
      break
    case .nonMaskable:
      requestNMI()
    case .initialize:
      resetRegisters(base: registers.base)
      initializeRequested()
    case .startUp:
      startUpRequested(message.vector)
    case .external:
      registers.isExternalPending = true
      refreshPendingInterrupt()
    }
    return true
  }

  private func requestNMI() {
    registers.isNMIPending = true
    attentionRequested()
  }

  private func request(_ vector: UInt8, isLevelTriggered: Bool) -> Bool {
    guard isSoftwareEnabled else { return false }
    guard vector >= 16 else {
      record(ErrorBit.receiveIllegalVector)
      return false
    }
    registers.requested.insert(vector)
    if isLevelTriggered {
      registers.triggerMode.insert(vector)
    } else {
      registers.triggerMode.remove(vector)
    }
    refreshPendingInterrupt()
    return true
  }

  /// EOI: ends the interrupt with the highest priority in service.
  func endOfInterrupt() {
    guard let vector = registers.inService.highest else { return }
    registers.inService.remove(vector)
    if registers.triggerMode.contains(vector) {
      for pin in [LocalInterrupt.lint0, .lint1]
      where registers.localVectors[pin.rawValue].vector == vector {
        registers.localVectors[pin.rawValue].remoteIRR = false
        requestLevelTriggered(pin)
      }
      bus?.endOfInterrupt(vector)
    }
    refreshPendingInterrupt()
  }

  // MARK: Local interrupts

  /// Delivers a local interrupt as its LVT entry says.
  public func signal(_ source: LocalInterrupt) {
    let entry = registers.localVectors[source.rawValue]
    guard isGloballyEnabled, !entry.isMasked else { return }
    if source == .timer || source == .error {
      _ = request(entry.vector, isLevelTriggered: false)
      return
    }
    if source == .performance {
      // The entry masks itself until the handler of the counter overflow has run.
      registers.localVectors[source.rawValue].bits |= LocalVector.mask
    }
    switch entry.deliveryMode {
    case .fixed: _ = request(entry.vector, isLevelTriggered: false)
    case .nonMaskable: requestNMI()
    case .initialize: accept(InterruptMessage(vector: 0, deliveryMode: .initialize, destination: 0))
    default: break
    }
  }

  /// Drives LINT0 (pin 0) or LINT1 (pin 1).
  public func setLine(_ pin: Int, level: Bool) {
    guard registers.pins.indices.contains(pin) else { return }
    let hasRisen = level && !registers.pins[pin]
    registers.pins[pin] = level
    let source: LocalInterrupt = pin == 0 ? .lint0 : .lint1
    if !isGloballyEnabled {
      if hasRisen, pin == 1 { requestNMI() }
    } else if isLevelTriggeredFixed(source) {
      requestLevelTriggered(source)
    } else if hasRisen {
      signal(source)
    }
    refreshPendingInterrupt()
  }

  private func isLevelTriggeredFixed(_ source: LocalInterrupt) -> Bool {
    let entry = registers.localVectors[source.rawValue]
    // SDM Vol. 3A, "Local Vector Table": LINT1 does not support level-triggered interrupts.
    return source == .lint0 && entry.deliveryMode == .fixed && entry.isLevelTriggered
  }

  /// Requests a level-triggered pin's vector while it is asserted and not already in service.
  func requestLevelTriggered(_ source: LocalInterrupt) {
    let entry = registers.localVectors[source.rawValue]
    guard isGloballyEnabled, isLevelTriggeredFixed(source), !entry.isMasked, !entry.remoteIRR,
      registers.pins[source == .lint0 ? 0 : 1]
    else { return }
    registers.localVectors[source.rawValue].remoteIRR = request(
      entry.vector, isLevelTriggered: true)
  }

  /// Whether an 8259 asks, through a pin in ExtINT mode or a message.
  var isExternalRequested: Bool {
    guard isGloballyEnabled else { return registers.pins[0] }
    return registers.isExternalPending || isExternal(.lint0, pin: 0) || isExternal(.lint1, pin: 1)
  }

  private func isExternal(_ source: LocalInterrupt, pin: Int) -> Bool {
    let entry = registers.localVectors[source.rawValue]
    return registers.pins[pin] && !entry.isMasked && entry.deliveryMode == .external
  }

  /// Notes an error, and signals it when it is new since the last write of the ESR.
  func record(_ error: UInt32) {
    guard registers.pendingErrors & error == 0 else { return }
    registers.pendingErrors |= error
    signal(.error)
  }
}
