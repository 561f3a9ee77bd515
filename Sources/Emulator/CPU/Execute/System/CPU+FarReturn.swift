extension CPU {
  /// RET far, with or without an immediate.
  ///
  /// SDM volume 2, "RET".
  func retFar(_ i: borrowing Instruction) throws(Exception) {
    let size = i.operandSize
    let step = UInt64(size)
    let released = truncate(i.immediate, toSize: 2)
    if isProtected {
      // Both must be inside the stack before either is judged.
      _ = try peekStack(at: step, size: size)
    }
    let offset = try peekStack(at: 0, size: size)
    let selector = SegmentSelector(
      UInt16(truncatingIfNeeded: try peekStack(at: step, size: size)))
    guard isProtected else {
      guard offset <= UInt64(self[.cs].limit) else { throw .generalProtection(errorCode: 0) }
      advanceStack(by: 2 * step + released)
      enterCode(realSegment(self[.cs], selector.rawValue), offset)
      return
    }
    let code = try returnCode(selector)
    guard selector.rpl > cpl else {
      let segment = code.segment(selector)
      try checkTarget(segment, offset)
      let accessed = try markAccessed(segment, selector)
      advanceStack(by: 2 * step + released)
      enterCode(accessed, offset)
      return
    }
    let at = 2 * step + released
    let stackSelector = SegmentSelector(
      UInt16(truncatingIfNeeded: try peekStack(at: at + step, size: size)))
    let pointer = try peekStack(at: at, size: size)
    let outer = OuterReturn(
      code: code, selector: selector, offset: offset,
      stack: try returnStack(stackSelector, level: selector.rpl, code: code),
      pointer: pointer)
    try returnOuter(outer, releasing: released)
  }

  /// The code segment of a far RET or IRET, after the checks that both make.
  func returnCode(_ selector: SegmentSelector) throws(Exception) -> Descriptor {
    guard !selector.isNull else { throw .generalProtection(errorCode: 0) }
    let blame = Exception.generalProtection(errorCode: selector.errorCode)
    guard let code = try descriptor(selector), code.isCode, selector.rpl >= cpl,
      code.isConforming ? code.dpl <= selector.rpl : code.dpl == selector.rpl
    else { throw blame }
    if isIA32e && code.isLong && code.isBig { throw blame }
    guard code.isPresent else { throw .segmentNotPresent(errorCode: selector.errorCode) }
    return code
  }

  /// The stack segment of a return to `level`; a 64-bit return to ring 0-2 may take a null one.
  func returnStack(
    _ selector: SegmentSelector, level: UInt8, code: Descriptor
  ) throws(Exception) -> SegmentRegister {
    if selector.isNull {
      guard isIA32e, code.isLong, level != 3, selector.rpl == level else {
        throw .generalProtection(errorCode: 0)
      }
      return nullStackSegment(level: level)
    }
    guard let descriptor = try descriptor(selector), selector.rpl == level,
      descriptor.isWritableData, descriptor.dpl == level
    else { throw .generalProtection(errorCode: selector.errorCode) }
    guard descriptor.isPresent else { throw .stackFault(errorCode: selector.errorCode) }
    return try markAccessed(descriptor, selector).segment(selector)
  }

  /// Where a return to an outer privilege level goes.
  struct OuterReturn {
    var code: Descriptor
    var selector: SegmentSelector
    var offset: UInt64
    var stack: SegmentRegister
    var pointer: UInt64
  }

  /// Commits a return to an outer level, or of 64-bit IRET to any, with its stack.
  func returnOuter(_ target: OuterReturn, releasing: UInt64 = 0) throws(Exception) {
    let segment = target.code.segment(target.selector)
    try checkTarget(segment, target.offset)
    let accessed = try markAccessed(segment, target.selector)
    let oldLevel = cpl
    self[.ss] = target.stack
    enterCode(accessed, target.offset)
    setStackPointer(target.pointer &+ releasing)
    if cpl > oldLevel { invalidateSegments() }
  }

  /// Writes RSP, ESP or SP, whichever the stack in force has.
  private func setStackPointer(_ value: UInt64) {
    writeRegister(Register.rsp.rawValue, size: stackAddressSize, value)
  }

  /// Makes the data segments that the new CPL may not use null.
  ///
  /// SDM volume 2, "RET".
  private func invalidateSegments() {
    for name in [SegmentName.es, .fs, .gs, .ds] {
      let segment = self[name]
      guard segment.isPresent, segment.dpl < cpl,
        !segment.isCode || !segment.isConformingOrExpandDown
      else { continue }
      self[name].selector = 0
      self[name].attributes = 0
    }
    updateMode()
  }
}
