extension CPU {
  /// The whole of a call gate, after the checks that JMP and CALL share.
  func callGate(
    _ selector: SegmentSelector, _ short: Descriptor
  ) throws(Exception) -> Descriptor {
    let blame = Exception.generalProtection(errorCode: selector.errorCode)
    guard let gate = try completed(short, selector), gate.high >> 40 & 0x1F == 0,
      gate.dpl >= cpl, gate.dpl >= selector.rpl
    else { throw blame }
    guard gate.isPresent else { throw .segmentNotPresent(errorCode: selector.errorCode) }
    guard !gate.gateSelector.isNull else { throw .generalProtection(errorCode: 0) }
    return gate
  }

  /// The offset that a call gate gives, as wide as the gate.
  func gateOffset(_ gate: Descriptor) -> UInt64 {
    if isIA32e { return gate.gateOffset }
    return gate.gateOffset & (gate.type & 8 != 0 ? 0xFFFF_FFFF : 0xFFFF)
  }

  /// The code segment of a gate; `accepts` is the privilege rule of JMP or CALL.
  private func gateCode(
    _ gate: Descriptor, _ accepts: (Descriptor) -> Bool
  ) throws(Exception) -> Descriptor {
    let selector = gate.gateSelector
    guard let code = try descriptor(selector), code.isCode, accepts(code),
      !isIA32e || (code.isLong && !code.isBig)
    else { throw .generalProtection(errorCode: selector.errorCode) }
    guard code.isPresent else { throw .segmentNotPresent(errorCode: selector.errorCode) }
    return code
  }

  /// The code segment that a JMP through `gate` goes to.
  func jumpGateSegment(_ gate: Descriptor) throws(Exception) -> SegmentRegister {
    let cpl = cpl
    let code = try gateCode(gate) { $0.isConforming ? $0.dpl <= cpl : $0.dpl == cpl }
    return code.segment(gate.gateSelector.with(rpl: cpl))
  }

  /// CALL through a call gate, to the same or an inner privilege level.
  func callThroughGate(
    _ selector: SegmentSelector, _ short: Descriptor
  ) throws(Exception) {
    let gate = try callGate(selector, short)
    let cpl = cpl
    let code = try gateCode(gate) { $0.dpl <= cpl }
    let size: UInt8 = isIA32e ? 8 : (gate.type & 8 != 0 ? 4 : 2)
    if !code.isConforming && code.dpl < cpl {
      try callInnerLevel(gate, code, size: size)
    } else {
      let segment = code.segment(gate.gateSelector.with(rpl: cpl))
      try callSameLevel(gate.gateSelector, segment, gateOffset(gate), size: size)
    }
  }

  /// Calls an inner privilege level.
  ///
  /// SDM volume 2, "CALL", MORE-PRIVILEGE: a new stack, SS:rSP, parameters, CS:rIP.
  private func callInnerLevel(
    _ gate: Descriptor, _ code: Descriptor, size: UInt8
  ) throws(Exception) {
    let level = code.dpl
    let inner =
      isIA32e
      ? try innerStack64(level: level, external: 0) : try innerStack(level: level, external: 0)
    let fault = Exception.stackFault(errorCode: UInt32(inner.segment.selector & 0xFFFC))
    var stack =
      isIA32e
      ? PendingStack(cpu: self, rsp: inner.pointer, access: .systemWrite, fault: fault)
      : PendingStack(cpu: self, segment: inner.segment, esp: inner.pointer, fault: fault)
    let parameters = isIA32e ? 0 : gate.parameterCount
    try stack.reserve(Int(parameters) + 4, size: size)
    let segment = code.segment(gate.gateSelector.with(rpl: level))
    let offset = gateOffset(gate)
    try checkTarget(segment, offset)
    try stack.push(UInt64(self[.ss].selector), size: size)
    try stack.push(self[.rsp], size: size)
    var number = parameters
    while number > 0 {
      number -= 1
      let parameter = try peekStack(at: number * UInt64(size), size: size)
      try stack.push(parameter, size: size)
    }
    try stack.push(UInt64(self[.cs].selector), size: size)
    try stack.push(state.pointee.nextRIP, size: size)
    let accessed = try markAccessed(segment, gate.gateSelector)
    self[.ss] = inner.segment
    self[.rsp] = stack.pointer
    enterCode(accessed, offset)
  }
}
