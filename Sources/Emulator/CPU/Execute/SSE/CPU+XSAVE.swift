extension CPU {
  /// XSAVE, XSAVEOPT, XSAVEC, XSAVES, XRSTOR, XRSTORS, XGETBV, XSETBV.
  func executeExtendedState(_ i: borrowing Instruction) throws(Exception) {
    guard cr4.contains(.osXSAVE),
      i.prefixes.isDisjoint(with: [.lock, .operandSize, .rep, .repne])
    else { throw .invalidOpcode }
    switch i.mnemonic {
    case .xgetbv: try xgetbv()
    case .xsetbv: try xsetbv()
    case .xrstor, .xrstors: try xrstor(i)
    default: try xsave(i)
    }
  }

  /// XGETBV: XCR0, or with ECX = 1 those of its components that are in use.
  private func xgetbv() throws(Exception) {
    let value: UInt64
    switch UInt32(truncatingIfNeeded: self[.rcx]) {
    case 0: value = state.pointee.xcr0
    case 1 where has(.xgetbvECX1): value = state.pointee.xcr0 & extendedStatesInUse
    default: throw .generalProtection(errorCode: 0)
    }
    self[.rax] = value & 0xFFFF_FFFF
    self[.rdx] = value >> 32
  }

  /// XSETBV: XCR0 must name x87 state, only components that exist, and SSE state if AVX state.
  private func xsetbv() throws(Exception) {
    let value = self[.rdx] << 32 | self[.rax] & 0xFFFF_FFFF
    let (sse, avx) = (ExtendedStateComponent.sse.bit, ExtendedStateComponent.avx.bit)
    guard cpl == 0, UInt32(truncatingIfNeeded: self[.rcx]) == 0,
      value & ExtendedStateComponent.x87.bit != 0,
      value & ~connections.identification.features.extendedStates == 0,
      value & avx == 0 || value & sse != 0
    else { throw .generalProtection(errorCode: 0) }
    state.pointee.xcr0 = value
    if state.pointee.isObserved {
      report(.extendedControlRegister(0, value), from: place(state.pointee.rip))
    }
  }

  /// The requested-feature bitmap: XCR0 and what EDX:EAX asks for; nothing is in IA32_XSS.
  private var requestedFeatures: UInt64 {
    state.pointee.xcr0 & (self[.rdx] << 32 | self[.rax] & 0xFFFF_FFFF)
  }

  private func checkExtendedArea(
    _ i: borrowing Instruction, isSupervisor: Bool, access: Access
  ) throws(Exception) -> LinearAddress {
    if cr0.contains(.taskSwitched) { throw .deviceNotAvailable }
    if isSupervisor && cpl != 0 { throw .generalProtection(errorCode: 0) }
    let address = try linearAddress(i, size: XSAVEArea.legacySize, access: access)
    if address.value & 63 != 0 { throw .generalProtection(errorCode: 0) }
    return address
  }

  /// Checks that an area of `size` bytes may be accessed, by segment and by page.
  private func probeArea(
    _ i: borrowing Instruction, _ address: LinearAddress, size: UInt64, access: Access
  ) throws(Exception) {
    _ = try linearAddress(i, size: size, access: access)
    try probe(address, count: size, access: access)
  }

  /// XSAVE, XSAVEOPT, XSAVEC, XSAVES.
  ///
  /// SDM volume 1, "Operation of XSAVE" and the sections that follow it. There is no modified
  /// optimization.
  private func xsave(_ i: borrowing Instruction) throws(Exception) {
    let mnemonic = i.mnemonic
    let isCompacted = mnemonic == .xsavec || mnemonic == .xsaves
    let address = try checkExtendedArea(i, isSupervisor: mnemonic == .xsaves, access: .write)
    let requested = requestedFeatures
    let sse = ExtendedStateComponent.sse.bit
    var inUse = requested & extendedStatesInUse
    if isCompacted && state.pointee.mxcsr != 0x1F80 { inUse |= requested & sse }
    let layout = isCompacted ? requested | XSAVEArea.isCompacted : 0
    let saved = i.mnemonic == .xsave ? requested : inUse
    try probeArea(
      i, address, size: XSAVEArea.size(saved, layout: layout), access: .write)
    let bitmap = address + XSAVEArea.stateBitmap
    let old = isCompacted ? 0 : try load(bitmap, as: UInt64.self, access: .write)
    if saved & ExtendedStateComponent.x87.bit != 0 {
      try storeX87Image(at: address, isWide: i.prefixes.contains(.rexW))
    }
    let avx = ExtendedStateComponent.avx.bit
    if isCompacted ? saved & sse != 0 : requested & (sse | avx) != 0 {
      try storeMXCSRImage(at: address)
    }
    if saved & sse != 0 { try storeXMMImage(at: address) }
    for component in ExtendedStateComponent.allCases where saved & component.bit != 0 {
      try store(component, at: address + XSAVEArea.offset(of: component, layout: layout))
    }
    try store(old & ~requested | inUse, at: bitmap)
    if isCompacted { try store(layout, at: address + XSAVEArea.compactedBitmap) }
  }

  /// Stores a component of the extended region.
  private func store(
    _ component: ExtendedStateComponent, at address: LinearAddress
  ) throws(Exception) {
    switch component {
    case .x87, .sse: break
    case .avx:
      for k in 0..<savedXMMCount { try store(ymmHigh(k), at: address + UInt64(k) &* 16) }
    case .pkru: try store(UInt64(state.pointee.pkru), at: address)
    }
  }

  /// XRSTOR, XRSTORS.
  ///
  /// SDM volume 1, "Operation of XRSTOR", "Operation of XRSTORS".
  private func xrstor(_ i: borrowing Instruction) throws(Exception) {
    let isSupervisor = i.mnemonic == .xrstors
    let address = try checkExtendedArea(i, isSupervisor: isSupervisor, access: .read)
    let present = try load(address + XSAVEArea.stateBitmap, as: UInt64.self)
    let layout = try load(address + XSAVEArea.compactedBitmap, as: UInt64.self)
    try checkHeader(address, present: present, layout: layout, isSupervisor: isSupervisor)
    let requested = requestedFeatures
    let loaded = requested & present
    try probeArea(i, address, size: XSAVEArea.size(loaded, layout: layout), access: .read)
    let (sse, avx) = (ExtendedStateComponent.sse.bit, ExtendedStateComponent.avx.bit)
    let isCompacted = layout & XSAVEArea.isCompacted != 0
    // The standard form loads MXCSR whatever XSTATE_BV says.
    if isCompacted ? loaded & sse != 0 : requested & (sse | avx) != 0 {
      try loadMXCSRImage(at: address)
    } else if requested & sse != 0 {
      state.pointee.mxcsr = 0x1F80
    }
    if loaded & ExtendedStateComponent.x87.bit != 0 {
      try loadX87Image(at: address, isWide: i.prefixes.contains(.rexW))
    } else if requested & ExtendedStateComponent.x87.bit != 0 {
      initializeX87()
    }
    if loaded & sse != 0 {
      try loadXMMImage(at: address)
    } else if requested & sse != 0 {
      for k in 0..<savedXMMCount { setXMM(k, 0) }
    }
    for component in ExtendedStateComponent.allCases where requested & component.bit != 0 {
      let from = address + XSAVEArea.offset(of: component, layout: layout)
      try restore(component, from: loaded & component.bit != 0 ? from : nil)
    }
  }

  /// #GP(0) for a header that the processor cannot have written.
  private func checkHeader(
    _ address: LinearAddress, present: UInt64, layout: UInt64, isSupervisor: Bool
  ) throws(Exception) {
    let fault = Exception.generalProtection(errorCode: 0)
    let xcr0 = state.pointee.xcr0
    var reserved: UInt64 = 0
    guard layout & XSAVEArea.isCompacted != 0 else {
      reserved = try load(address + XSAVEArea.compactedBitmap + 8, as: UInt64.self)
      if isSupervisor || layout != 0 || reserved != 0 || present & ~xcr0 != 0 { throw fault }
      return
    }
    guard has(.xsavec), layout & ~XSAVEArea.isCompacted & ~xcr0 == 0, present & ~layout == 0,
      present & XSAVEArea.isCompacted == 0
    else { throw fault }
    for offset in stride(from: XSAVEArea.compactedBitmap + 8, to: XSAVEArea.legacySize, by: 8) {
      reserved |= try load(address + offset, as: UInt64.self)
    }
    if reserved != 0 { throw fault }
  }

  /// Loads a component of the extended region, or initializes it.
  private func restore(
    _ component: ExtendedStateComponent, from address: LinearAddress?
  ) throws(Exception) {
    switch component {
    case .x87, .sse: break
    case .avx:
      for k in 0..<savedXMMCount {
        var value: UInt128 = 0
        if let address { value = try load(address + UInt64(k) &* 16, as: UInt128.self) }
        setYMMHigh(k, value)
      }
    case .pkru:
      var value: UInt32 = 0
      if let address { value = try load(address, as: UInt32.self) }
      writePKRU(value)
    }
  }
}
