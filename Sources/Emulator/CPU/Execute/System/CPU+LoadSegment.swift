extension CPU {
  /// Loads ES, SS, DS, FS or GS as MOV, POP and LDS do.
  ///
  /// SDM volume 2, "MOV", "Loading Segment Registers".
  func loadSegment(_ name: SegmentName, selector raw: UInt16) throws(Exception) {
    let selector = SegmentSelector(raw)
    guard isProtected else { return loadRealSegment(name, raw) }
    let segment: SegmentRegister
    if selector.isNull {
      if name == .ss {
        guard isLongMode, cpl < 3, selector.rpl == cpl else {
          throw .generalProtection(errorCode: 0)
        }
      }
      segment = SegmentRegister(selector: raw, attributes: 0, limit: 0, base: 0)
    } else {
      let descriptor =
        name == .ss ? try stackDescriptor(selector) : try dataDescriptor(selector)
      segment = try markAccessed(descriptor, selector).segment(selector)
    }
    self[name] = segment
    updateMode()
  }

  /// In real-address and virtual-8086 mode the selector is the base divided by 16.
  ///
  /// Limit and rights stay as they were in real-address mode, which is what makes "big real mode".
  private func loadRealSegment(_ name: SegmentName, _ raw: UInt16) {
    self[name] = realSegment(self[name], raw)
    updateMode()
  }

  /// `old` after a load of `raw` outside protected mode.
  func realSegment(_ old: SegmentRegister, _ raw: UInt16) -> SegmentRegister {
    var segment = old
    segment.selector = raw
    segment.base = UInt64(raw) << 4
    segment.attributes |= 0x90
    if mode.contains(.virtual8086) {
      segment.attributes = 0xF3
      segment.limit = 0xFFFF
    }
    return segment
  }

  private func stackDescriptor(_ selector: SegmentSelector) throws(Exception) -> Descriptor {
    guard let descriptor = try descriptor(selector), selector.rpl == cpl,
      descriptor.isWritableData, descriptor.dpl == cpl
    else { throw .generalProtection(errorCode: selector.errorCode) }
    guard descriptor.isPresent else { throw .stackFault(errorCode: selector.errorCode) }
    return descriptor
  }

  private func dataDescriptor(_ selector: SegmentSelector) throws(Exception) -> Descriptor {
    guard let descriptor = try descriptor(selector), descriptor.isReadable,
      descriptor.isConforming || (selector.rpl <= descriptor.dpl && cpl <= descriptor.dpl)
    else { throw .generalProtection(errorCode: selector.errorCode) }
    guard descriptor.isPresent else {
      throw .segmentNotPresent(errorCode: selector.errorCode)
    }
    return descriptor
  }

  /// MOV Sreg, r/m16.
  func movToSegment(_ i: borrowing Instruction) throws(Exception) {
    let name = try segmentName(i.operand0.index)
    guard name != .cs else { throw .invalidOpcode }
    let selector = try read(word(i.operand1), i)
    try loadSegment(name, selector: UInt16(truncatingIfNeeded: selector))
    if name == .ss { state.pointee.shadow = InterruptShadow.movSS.rawValue }
  }

  /// MOV r/m16, Sreg: a register takes the whole operand size, memory sixteen bits.
  func movFromSegment(_ i: borrowing Instruction) throws(Exception) {
    let name = try segmentName(i.operand1.index)
    try writeSelector(i.operand0, i, self[name].selector)
  }

  /// Stores a selector: zero-extended to a register, sixteen bits to memory.
  func writeSelector(
    _ operand: Operand, _ i: borrowing Instruction, _ selector: UInt16
  ) throws(Exception) {
    var target = operand
    target.size = operand.kind == .memory ? 2 : i.operandSize
    try write(target, i, UInt64(selector))
  }

  /// PUSH Sreg.
  func pushSegment(_ i: borrowing Instruction) throws(Exception) {
    let name = try segmentName(i.operand0.index)
    try push(UInt64(self[name].selector), size: i.operandSize)
  }

  /// POP Sreg.
  func popSegment(_ i: borrowing Instruction) throws(Exception) {
    let name = try segmentName(i.operand0.index)
    guard name != .cs else { throw .invalidOpcode }
    let selector = try peekStack(at: 0, size: i.operandSize)
    // The pop belongs to the old stack: a new SS may have another width.
    let width = stackAddressSize
    let top = truncate(self[.rsp] &+ UInt64(i.operandSize), toSize: width)
    try loadSegment(name, selector: UInt16(truncatingIfNeeded: selector))
    writeRegister(Register.rsp.rawValue, size: width, top)
    if name == .ss { state.pointee.shadow = InterruptShadow.movSS.rawValue }
  }

  /// LDS, LES, LFS, LGS, LSS.
  func loadFarPointer(_ i: borrowing Instruction) throws(Exception) {
    guard i.hasMemory else { throw .invalidOpcode }
    let name: SegmentName
    switch (i.map, i.opcode) {
    case (0, 0xC4): name = .es
    case (0, 0xC5): name = .ds
    case (1, 0xB2): name = .ss
    case (1, 0xB4): name = .fs
    default: name = .gs
    }
    let pointer = try readFarPointer(i)
    try loadSegment(name, selector: pointer.selector)
    writeRegister(i.reg, size: i.operandSize, pointer.offset)
  }

  /// Reads m16:16, m16:32 or m16:64 at the memory operand.
  func readFarPointer(
    _ i: borrowing Instruction
  ) throws(Exception) -> (selector: UInt16, offset: UInt64) {
    let size = UInt64(i.operandSize)
    let start = effectiveAddress(i)
    let offsetAddress = try linearAddress(i.segment, offset: start, size: size, access: .read)
    let offset = try load(offsetAddress, size: i.operandSize)
    let selectorAddress = try linearAddress(
      i.segment, offset: truncate(start &+ size, toSize: i.addressSize), size: 2, access: .read)
    return (try load(selectorAddress, as: UInt16.self), offset)
  }

  /// The same operand, sixteen bits wide.
  func word(_ operand: Operand) -> Operand {
    Operand(operand.kind, index: operand.index, size: 2)
  }

  private func segmentName(_ index: UInt8) throws(Exception) -> SegmentName {
    guard index < 6, let name = SegmentName(rawValue: index) else { throw .invalidOpcode }
    return name
  }
}
