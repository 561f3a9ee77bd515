extension CPU {
  /// MOV r, CRn.
  func movFromControl(_ i: borrowing Instruction) throws(Exception) {
    let value: UInt64
    switch i.operand1.index {
    case 0: value = state.pointee.cr0
    case 2: value = state.pointee.cr2
    case 3: value = state.pointee.cr3
    case 4: value = state.pointee.cr4
    case 8:
      synchronizeClock()
      value = UInt64(connections.interrupts.taskPriorityClass)
    default: throw .invalidOpcode
    }
    try requireRing0()
    writeRegister(i.operand0.index, size: isLongMode ? 8 : 4, value)
  }

  /// MOV CRn, r.
  func movToControl(_ i: borrowing Instruction) throws(Exception) {
    let number = i.operand0.index
    guard [0, 2, 3, 4, 8].contains(number) else { throw .invalidOpcode }
    try requireRing0()
    let value = truncate(self[Int(i.operand1.index)], toSize: isLongMode ? 8 : 4)
    try setControlRegister(Int(number), value)
  }

  /// Writes one of the registers that exist.
  func setControlRegister(_ number: Int, _ value: UInt64) throws(Exception) {
    switch number {
    case 0: try writeCR0(value)
    case 2: state.pointee.cr2 = value
    case 3: try writeCR3(value)
    case 4: try writeCR4(value)
    default: try writeCR8(value)
    }
  }

  /// Writes CR0, entering or leaving IA-32e mode with paging.
  ///
  /// SDM volume 3A, "Control Registers", "Initializing IA-32e Mode"; Vol. 2, "MOV, Move to/from
  /// Control Registers".
  func writeCR0(_ value: UInt64) throws(Exception) {
    let fault = Exception.generalProtection(errorCode: 0)
    guard value >> 32 == 0 else { throw fault }
    let old = cr0
    let new = CR0(rawValue: value & CR0.defined.rawValue).union(.extensionType)
    if new.contains(.paging) && !new.contains(.protectionEnable) { throw fault }
    if new.contains(.notWriteThrough) && !new.contains(.cacheDisable) { throw fault }
    let changed = old.symmetricDifference(new)
    var newEFER = efer
    if changed.contains(.paging) {
      if new.contains(.paging) && efer.contains(.longModeEnable) {
        guard cr4.contains(.physicalAddressExtension), !self[.cs].isLong,
          !isTaskRegister16
        else { throw fault }
        newEFER.insert(.longModeActive)
      } else if !new.contains(.paging) {
        if isLongMode || cr4.contains(.pcidEnable) { throw fault }
        newEFER.remove(.longModeActive)
      }
    }
    let isPAE = new.contains(.paging) && cr4.contains(.physicalAddressExtension)
    if isPAE && !newEFER.contains(.longModeActive)
      && !changed.isDisjoint(with: [.paging, .cacheDisable, .notWriteThrough])
    {
      try loadPDPTEs(state.pointee.cr3)
    }
    state.pointee.cr0 = new.rawValue
    state.pointee.efer = newEFER.rawValue
    if changed.contains(.protectionEnable) && !new.contains(.protectionEnable) {
      state.pointee.cpl = 0
    }
    if !changed.isDisjoint(with: [.paging, .writeProtect]) { flushTLB() }
    updateMode()
    requestInterruptCheck()
  }

  private var isTaskRegister16: Bool { self[.tr].isPresent && self[.tr].type & 8 == 0 }

  /// Loads the PDPTE registers, or raises #GP(0) for a present entry with a reserved bit.
  ///
  /// SDM volume 3A, "PDPTE Registers".
  private func loadPDPTEs(_ cr3: UInt64) throws(Exception) {
    var entries = InlineArray<4, UInt64>(repeating: 0)
    let reserved: UInt64 = ~((1 << PhysicalAddress.width) - 1) | 0x1E6
    for index in 0..<4 {
      let at = cr3 & 0xFFFF_FFE0 | UInt64(index) * 8
      let address = PhysicalAddress(at & state.pointee.addressLines)
      let entry = loadPhysical(address, as: UInt64.self)
      if entry & 1 != 0 && entry & reserved != 0 { throw .generalProtection(errorCode: 0) }
      entries[index] = entry
    }
    state.pointee.pdpte = entries
  }

  private func writeCR3(_ value: UInt64) throws(Exception) {
    var value = value
    if isLongMode && cr4.contains(.pcidEnable) {
      // Bit 63 asks to keep what is cached for the new PCID. Nothing is cached by PCID here, so
      // nothing can be kept.
      // Quirk: pcid-not-cached. The bit may keep translations, and keeps none.
      value &= ~(1 << 63)
    }
    guard value >> PhysicalAddress.width == 0 else { throw .generalProtection(errorCode: 0) }
    try loadPageDirectory(value)
  }

  /// Loads CR3, and with it the PDPTE registers of PAE paging, as MOV and task switches do.
  func loadPageDirectory(_ value: UInt64) throws(Exception) {
    if cr0.contains(.paging) && cr4.contains(.physicalAddressExtension) && !isIA32e {
      try loadPDPTEs(value)
    }
    state.pointee.cr3 = value
    flushNonGlobalTLB()
  }

  /// The bits of CR4 that this processor has.
  private var definedCR4: CR4 {
    CR4.optional.reduce(into: CR4.defined) { if has($1.feature) { $0.formUnion($1.bit) } }
  }

  private func writeCR4(_ value: UInt64) throws(Exception) {
    let fault = Exception.generalProtection(errorCode: 0)
    guard CR4(rawValue: value).isSubset(of: definedCR4) else { throw fault }
    let old = cr4
    let new = CR4(rawValue: value)
    let changed = old.symmetricDifference(new)
    if isIA32e && !new.contains(.physicalAddressExtension) { throw fault }
    if isIA32e && changed.contains(.linearAddresses57) { throw fault }
    if changed.contains(.pcidEnable) && new.contains(.pcidEnable) {
      guard isIA32e, state.pointee.cr3 & 0xFFF == 0 else { throw fault }
    }
    let paging: CR4 = [
      .physicalAddressExtension, .pageSizeExtensions, .pageGlobalEnable, .smep,
    ]
    if cr0.contains(.paging) && new.contains(.physicalAddressExtension) && !isIA32e
      && !changed.isDisjoint(with: paging)
    {
      try loadPDPTEs(state.pointee.cr3)
    }
    state.pointee.cr4 = new.rawValue
    if !changed.isDisjoint(with: paging.union([.pcidEnable, .smap, .protectionKeyEnable])) {
      flushTLB()
    }
    updateMode()
    requestInterruptCheck()
  }

  private func writeCR8(_ value: UInt64) throws(Exception) {
    guard value & ~0xF == 0 else { throw .generalProtection(errorCode: 0) }
    synchronizeClock()
    connections.interrupts.taskPriorityClass = UInt8(truncatingIfNeeded: value)
    requestInterruptCheck()
  }

  /// CLTS.
  func clts() throws(Exception) {
    try requireRing0()
    state.pointee.cr0 &= ~CR0.taskSwitched.rawValue
    updateMode()
  }

  /// LMSW r/m16: PE, MP, EM and TS; PE can be set but not cleared.
  func lmsw(_ i: borrowing Instruction) throws(Exception) {
    try requireRing0()
    let low = try read(word(i.operand0), i) & 0xF
    let old = state.pointee.cr0
    try writeCR0(old & ~0xE | low)
  }

  /// SMSW r/m: a register takes the operand size, memory sixteen bits.
  func smsw(_ i: borrowing Instruction) throws(Exception) {
    var target = i.operand0
    target.size = target.kind == .memory ? 2 : i.operandSize
    try write(target, i, state.pointee.cr0)
  }
}
