extension CPU {
  private func requireProtected() throws(Exception) {
    guard isProtected else { throw .invalidOpcode }
  }

  private func readSelector(
    _ operand: Operand, _ i: borrowing Instruction
  ) throws(Exception) -> SegmentSelector {
    SegmentSelector(UInt16(truncatingIfNeeded: try read(word(operand), i)))
  }

  /// LLDT r/m16.
  func lldt(_ i: borrowing Instruction) throws(Exception) {
    try requireProtected()
    try requireRing0()
    let selector = try readSelector(i.operand0, i)
    guard !selector.isNull else {
      self[.ldtr] = SegmentRegister(
        selector: selector.rawValue, attributes: 0, limit: 0, base: 0)
      return
    }
    let segment = try systemSegment(selector) { $0 == .ldt }
    self[.ldtr] = segment.segment(selector)
  }

  /// LTR r/m16: marks the TSS busy.
  func ltr(_ i: borrowing Instruction) throws(Exception) {
    try requireProtected()
    try requireRing0()
    let selector = try readSelector(i.operand0, i)
    guard !selector.isNull else { throw .generalProtection(errorCode: 0) }
    let isIA32e = isIA32e
    let segment = try systemSegment(selector) {
      $0 == .availableTSS || ($0 == .availableTSS16 && !isIA32e)
    }
    let busy = try setType(segment.type | 2, of: segment, selector)
    self[.tr] = busy.segment(selector)
  }

  /// The LDT or TSS descriptor that LLDT or LTR loads, after the manual's checks.
  private func systemSegment(
    _ selector: SegmentSelector, _ accepts: (SystemDescriptorType) -> Bool
  ) throws(Exception) -> Descriptor {
    let blame = Exception.generalProtection(errorCode: selector.errorCode)
    guard !selector.isLocal, let short = try descriptor(selector),
      let type = short.systemType, accepts(type)
    else { throw blame }
    guard let whole = try completed(short, selector), whole.high >> 40 & 0x1F == 0 else {
      throw blame
    }
    guard whole.isPresent else { throw .segmentNotPresent(errorCode: selector.errorCode) }
    guard !isIA32e || isCanonicalBase(whole.base) else { throw blame }
    return whole
  }

  /// ARPL r/m16, r16.
  func arpl(_ i: borrowing Instruction) throws(Exception) {
    try requireProtected()
    let old = SegmentSelector(UInt16(truncatingIfNeeded: try readForWrite(word(i.operand0), i)))
    let rpl = try readSelector(i.operand1, i).rpl
    if old.rpl < rpl {
      try write(word(i.operand0), i, UInt64(old.with(rpl: rpl).rawValue))
    }
    setZero(old.rpl < rpl)
  }

  /// LAR r, r/m16.
  func lar(_ i: borrowing Instruction) throws(Exception) {
    try requireProtected()
    let selector = try readSelector(i.operand1, i)
    let found = try visibleDescriptor(selector) {
      switch $0 {
      case .interruptGate, .interruptGate16, .trapGate, .trapGate16: false
      default: true
      }
    }
    if let found {
      let rights = found.low >> 32 & 0x00FF_FF00
      writeRegister(i.operand0.index, size: i.operandSize, rights)
    }
    setZero(found != nil)
  }

  /// LSL r, r/m16.
  func lsl(_ i: borrowing Instruction) throws(Exception) {
    try requireProtected()
    let selector = try readSelector(i.operand1, i)
    let found = try visibleDescriptor(selector) {
      switch $0 {
      case .ldt, .availableTSS, .busyTSS, .availableTSS16, .busyTSS16: true
      default: false
      }
    }
    if let found {
      writeRegister(i.operand0.index, size: i.operandSize, UInt64(found.limit))
    }
    setZero(found != nil)
  }

  /// The descriptor if LAR or LSL may look at it; nil where they clear ZF.
  private func visibleDescriptor(
    _ selector: SegmentSelector, _ accepts: (SystemDescriptorType) -> Bool
  ) throws(Exception) -> Descriptor? {
    guard !selector.isNull, let descriptor = try descriptor(selector) else { return nil }
    if !descriptor.isCodeOrData {
      guard let type = descriptor.systemType, accepts(type) else { return nil }
      if isIA32e {
        guard type.existsInIA32e, let whole = try completed(descriptor, selector),
          whole.high >> 40 & 0x1F == 0
        else { return nil }
      }
    }
    guard descriptor.isConforming || (descriptor.dpl >= cpl && descriptor.dpl >= selector.rpl)
    else { return nil }
    return descriptor
  }

  /// VERR and VERW r/m16.
  func verify(_ i: borrowing Instruction, forWriting: Bool) throws(Exception) {
    try requireProtected()
    let selector = try readSelector(i.operand0, i)
    guard !selector.isNull, let found = try descriptor(selector), found.isCodeOrData else {
      return setZero(false)
    }
    let isVisible =
      found.isConforming || (found.dpl >= cpl && found.dpl >= selector.rpl)
    setZero(isVisible && (forWriting ? found.isWritableData : found.isReadable))
  }

  private func setZero(_ value: Bool) {
    let zero = RFLAGS.zero.rawValue
    state.pointee.rflags = state.pointee.rflags & ~zero | (value ? zero : 0)
  }
}
