extension CPU {
  /// Goes through the IDT to the handler of `event`: afterwards `nextRIP` is its first instruction.
  ///
  /// Nothing has changed when it throws. SDM volume 2, "INT n/INTO/INT3/INT1".
  func enter(_ event: InterruptEvent) throws(Exception) {
    if mode.contains(.real) { return try enterReal(event) }
    let gate = try interruptGate(event)
    if gate.systemType == .taskGate { return try enterTask(gate, event) }
    let code = try handlerCode(gate, event)
    if isIA32e {
      try enterLong(event, gate, code)
    } else {
      try enterProtected(event, gate, code)
    }
  }

  private func interruptGate(_ event: InterruptEvent) throws(Exception) -> Descriptor {
    let table = state.pointee.idtr
    let size: UInt64 = isIA32e ? 16 : 8
    let offset = UInt64(event.vector) * size
    guard offset + size - 1 <= UInt64(table.limit) else {
      throw failed(
        .gateBeyondLimit(vector: event.vector, idtLimit: table.limit),
        .generalProtection(errorCode: event.gateErrorCode))
    }
    let address = try tableAddress(table.base, offset)
    var gate = Descriptor(low: try load(address, as: UInt64.self, access: .systemRead))
    if isIA32e {
      gate.high = try load(address + 8, as: UInt64.self, access: .systemRead)
    }
    guard isGate(gate) else {
      throw failed(
        .gateBadType(
          vector: event.vector, type: UInt8(truncatingIfNeeded: gate.low >> 40 & 0x1F)),
        .generalProtection(errorCode: event.gateErrorCode))
    }
    guard event.source != .software || gate.dpl >= cpl else {
      throw failed(
        .gatePrivilege(vector: event.vector, dpl: gate.dpl),
        .generalProtection(errorCode: event.gateErrorCode))
    }
    guard gate.isPresent else {
      throw failed(
        .gateNotPresent(vector: event.vector),
        .segmentNotPresent(errorCode: event.gateErrorCode))
    }
    return gate
  }

  private func isGate(_ gate: Descriptor) -> Bool {
    switch gate.systemType {
    case .interruptGate, .trapGate: true
    case .interruptGate16, .trapGate16, .taskGate: !isIA32e
    default: false
    }
  }

  private func handlerCode(
    _ gate: Descriptor, _ event: InterruptEvent
  ) throws(Exception) -> Descriptor {
    let selector = gate.gateSelector
    let blame = Exception.generalProtection(errorCode: selector.errorCode | event.external)
    func reject(_ reason: DeliveryFailure.SelectorReason, _ exception: Exception) -> Exception {
      failed(.badCodeSelector(selector.rawValue, reason), exception)
    }
    guard !selector.isNull else { throw reject(.null, blame) }
    guard let code = try descriptor(selector) else { throw reject(.beyondLimit, blame) }
    guard code.isCode else { throw reject(.type, blame) }
    guard code.dpl <= cpl else { throw reject(.privilege, blame) }
    if isIA32e {
      guard code.isLong, !code.isBig else { throw reject(.notLong, blame) }
    }
    guard code.isPresent else {
      throw reject(
        .notPresent, .segmentNotPresent(errorCode: selector.errorCode | event.external))
    }
    if mode.contains(.virtual8086) {
      guard !code.isConforming, code.dpl == 0 else { throw reject(.privilege, blame) }
    }
    return code
  }

  private func enterLong(
    _ event: InterruptEvent, _ gate: Descriptor, _ code: Descriptor
  ) throws(Exception) {
    let isInner = !code.isConforming && code.dpl < cpl
    let level = isInner ? code.dpl : cpl
    var rsp = self[.rsp]
    if gate.interruptStack != 0 {
      rsp = try stackPointer(
        fromTSSAt: gate.interruptStack * 8 + 28, external: event.external)
    } else if isInner {
      rsp = try stackPointer(fromTSSAt: UInt64(level) * 8 + 4, external: event.external)
    }
    var stack = PendingStack(
      cpu: self, rsp: rsp & ~0xF, access: isInner ? .systemWrite : .write,
      fault: .stackFault(errorCode: event.external))
    let segment = code.segment(gate.gateSelector.with(rpl: level))
    let offset = gate.gateOffset
    var frame = InterruptFrame()
    frame.append(self[.ss].selector)
    frame.append(self[.rsp])
    appendReturn(event, to: &frame)
    try frame.reserve(in: stack, size: 8)
    try checkTarget(segment, offset, event)
    try frame.push(to: &stack, size: 8)
    let accessed = try markAccessed(segment, gate.gateSelector)
    if isInner { self[.ss] = nullStackSegment(level: level) }
    self[.rsp] = stack.pointer
    commitFlags(gate)
    enterCode(accessed, offset)
  }

  private func enterProtected(
    _ event: InterruptEvent, _ gate: Descriptor, _ code: Descriptor
  ) throws(Exception) {
    let isInner = !code.isConforming && code.dpl < cpl
    let isVirtual = mode.contains(.virtual8086)
    let level = isInner ? code.dpl : cpl
    let isWide = gate.type & 8 != 0
    var stack = PendingStack(current: self, fault: .stackFault(errorCode: event.external))
    var frame = InterruptFrame()
    if isVirtual {
      for name in [SegmentName.gs, .fs, .ds, .es] { frame.append(self[name].selector) }
    }
    var newSS = self[.ss]
    if isInner {
      let inner = try innerStack(level: level, external: event.external)
      let blame = UInt32(inner.segment.selector & 0xFFFC) | event.external
      stack = PendingStack(
        cpu: self, segment: inner.segment, esp: inner.pointer,
        fault: .stackFault(errorCode: blame))
      newSS = inner.segment
      frame.append(self[.ss].selector)
      frame.append(self[.rsp])
    }
    appendReturn(event, to: &frame)
    let segment = code.segment(gate.gateSelector.with(rpl: level))
    let offset = isWide ? gate.gateOffset : gate.gateOffset & 0xFFFF
    try frame.reserve(in: stack, size: isWide ? 4 : 2)
    try checkTarget(segment, offset, event)
    try frame.push(to: &stack, size: isWide ? 4 : 2)
    let accessed = try markAccessed(segment, gate.gateSelector)
    if isVirtual {
      for name in [SegmentName.gs, .fs, .ds, .es] { self[name] = .null }
    }
    self[.ss] = newSS
    self[.rsp] = stack.pointer
    commitFlags(gate)
    enterCode(accessed, offset)
  }

  /// Flags, CS, RIP and the error code: the part of the frame that is always there.
  private func appendReturn(_ event: InterruptEvent, to frame: inout InterruptFrame) {
    frame.append(pushedFlags(event))
    frame.append(self[.cs].selector)
    frame.append(event.returnRIP)
    if let code = event.errorCode { frame.append(UInt64(code)) }
  }

  private func checkTarget(
    _ segment: SegmentRegister, _ offset: UInt64, _ event: InterruptEvent
  ) throws(Exception) {
    do throws(Exception) {
      try checkTarget(segment, offset)
    } catch {
      throw failed(
        .badTarget(offset: offset), .generalProtection(errorCode: event.external))
    }
  }

  /// RFLAGS as delivery pushes it.
  func pushedFlags(_ event: InterruptEvent) -> UInt64 {
    var flags = rflags
    if event.source == .software || event.source == .privilegedSoftware {
      flags.remove(.resume)
    } else if event.setsResumeFlag {
      flags.insert(.resume)
    }
    return flags.rawValue
  }

  private func commitFlags(_ gate: Descriptor) {
    var flags = rflags
    flags.subtract([.trap, .virtual8086, .resume, .nestedTask])
    if gate.systemType?.clearsInterruptFlag == true { flags.remove(.interruptEnable) }
    let wasVirtual = mode.contains(.virtual8086)
    rflags = flags
    if wasVirtual { state.pointee.mode.remove(.virtual8086) }
  }

  /// Goes through the interrupt vector table of real-address mode.
  private func enterReal(_ event: InterruptEvent) throws(Exception) {
    let table = state.pointee.idtr
    let at = UInt64(event.vector) * 4
    guard at + 3 <= UInt64(table.limit) else {
      throw failed(
        .gateBeyondLimit(vector: event.vector, idtLimit: table.limit),
        .generalProtection(errorCode: event.gateErrorCode))
    }
    let entry = try load(
      try tableAddress(table.base, at), as: UInt32.self, access: .systemRead)
    var stack = PendingStack(current: self)
    var frame = InterruptFrame()
    appendReturn(event, to: &frame)
    try frame.reserve(in: stack, size: 2)
    try frame.push(to: &stack, size: 2)
    self[.rsp] = stack.pointer
    var flags = rflags
    flags.subtract([.trap, .interruptEnable, .resume, .alignmentCheck])
    rflags = flags
    enterCode(realSegment(self[.cs], UInt16(entry >> 16)), UInt64(entry & 0xFFFF))
  }
}
