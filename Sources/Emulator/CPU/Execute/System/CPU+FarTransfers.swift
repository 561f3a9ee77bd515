extension CPU {
  /// The far pointer that a JMP or CALL names.
  private func farTarget(
    _ i: borrowing Instruction
  ) throws(Exception) -> (selector: SegmentSelector, offset: UInt64) {
    guard i.operand0.kind == .memory else {
      return (SegmentSelector(i.immediate2), truncate(i.immediate, toSize: i.operandSize))
    }
    let pointer = try readFarPointer(i)
    return (SegmentSelector(pointer.selector), pointer.offset)
  }

  /// JMP ptr16:16, ptr16:32, m16:16, m16:32, m16:64.
  func jmpFar(_ i: borrowing Instruction) throws(Exception) {
    let (selector, offset) = try farTarget(i)
    guard isProtected else { return try enterRealCode(selector.rawValue, offset) }
    let target = try farDescriptor(selector)
    if target.isCode {
      let (segment, code) = try transferSegment(selector, target)
      try checkTarget(segment, offset)
      try accept(code, segment, offset)
      return
    }
    switch try systemTarget(selector, target) {
    case .callGate, .callGate16:
      let gate = try callGate(selector, target)
      let segment = try jumpGateSegment(gate)
      let offset = gateOffset(gate)
      try checkTarget(segment, offset)
      try accept(gate.gateSelector, segment, offset)
    default:
      try transferToTask(selector, target, reason: .jump)
    }
  }

  /// CALL ptr16:16, ptr16:32, m16:16, m16:32, m16:64.
  func callFar(_ i: borrowing Instruction) throws(Exception) {
    let (selector, offset) = try farTarget(i)
    guard isProtected else { return try callReal(i, selector.rawValue, offset) }
    let target = try farDescriptor(selector)
    if target.isCode {
      let (segment, code) = try transferSegment(selector, target)
      try callSameLevel(code, segment, offset, size: i.operandSize)
      return
    }
    switch try systemTarget(selector, target) {
    case .callGate, .callGate16: try callThroughGate(selector, target)
    default: try transferToTask(selector, target, reason: .call)
    }
  }

  private func enterRealCode(_ selector: UInt16, _ offset: UInt64) throws(Exception) {
    guard offset <= UInt64(self[.cs].limit) else { throw .generalProtection(errorCode: 0) }
    enterCode(realSegment(self[.cs], selector), offset)
  }

  private func callReal(
    _ i: borrowing Instruction, _ selector: UInt16, _ offset: UInt64
  ) throws(Exception) {
    var stack = PendingStack(current: self)
    try stack.reserve(2, size: i.operandSize)
    guard offset <= UInt64(self[.cs].limit) else { throw .generalProtection(errorCode: 0) }
    try stack.push(UInt64(self[.cs].selector), size: i.operandSize)
    try stack.push(state.pointee.nextRIP, size: i.operandSize)
    self[.rsp] = stack.pointer
    try enterRealCode(selector, offset)
  }

  private func farDescriptor(_ selector: SegmentSelector) throws(Exception) -> Descriptor {
    guard !selector.isNull else { throw .generalProtection(errorCode: 0) }
    guard let descriptor = try descriptor(selector) else {
      throw .generalProtection(errorCode: selector.errorCode)
    }
    return descriptor
  }

  /// The gate or TSS type of a far target, if it may be one in this mode.
  private func systemTarget(
    _ selector: SegmentSelector, _ target: Descriptor
  ) throws(Exception) -> SystemDescriptorType {
    let blame = Exception.generalProtection(errorCode: selector.errorCode)
    guard let type = target.systemType else { throw blame }
    switch type {
    case .callGate: return type
    case .callGate16, .taskGate, .availableTSS, .availableTSS16:
      guard !isIA32e else { throw blame }
      return type
    default: throw blame
    }
  }

  /// The code segment of a direct far JMP or CALL, and its selector with RPL = CPL.
  private func transferSegment(
    _ selector: SegmentSelector, _ code: Descriptor
  ) throws(Exception) -> (SegmentRegister, SegmentSelector) {
    let blame = Exception.generalProtection(errorCode: selector.errorCode)
    if isIA32e && code.isLong && code.isBig { throw blame }
    if code.isConforming {
      guard code.dpl <= cpl else { throw blame }
    } else {
      guard selector.rpl <= cpl, code.dpl == cpl else { throw blame }
    }
    guard code.isPresent else { throw .segmentNotPresent(errorCode: selector.errorCode) }
    return (code.segment(selector.with(rpl: cpl)), selector)
  }

  /// Sets the accessed flag, then makes the segment current.
  func accept(
    _ selector: SegmentSelector, _ segment: SegmentRegister, _ offset: UInt64
  ) throws(Exception) {
    enterCode(try markAccessed(segment, selector), offset)
  }

  /// The same segment with its accessed flag set, here and in memory.
  func markAccessed(
    _ segment: SegmentRegister, _ selector: SegmentSelector
  ) throws(Exception) -> SegmentRegister {
    guard segment.type & 1 == 0 else { return segment }
    var accessed = segment
    accessed.attributes |= 1
    try setType(accessed.type, of: Descriptor(low: UInt64(segment.attributes) << 40), selector)
    return accessed
  }

  /// Pushes the return address on the current stack and goes to `offset` in `segment`.
  func callSameLevel(
    _ selector: SegmentSelector, _ segment: SegmentRegister, _ offset: UInt64, size: UInt8
  ) throws(Exception) {
    var stack = PendingStack(current: self)
    try stack.reserve(2, size: size)
    try checkTarget(segment, offset)
    try stack.push(UInt64(self[.cs].selector), size: size)
    try stack.push(state.pointee.nextRIP, size: size)
    let accessed = try markAccessed(segment, selector)
    self[.rsp] = stack.pointer
    enterCode(accessed, offset)
  }
}
