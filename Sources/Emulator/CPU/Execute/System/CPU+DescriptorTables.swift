extension CPU {
  /// Whether selectors name descriptors: CR0.PE set, RFLAGS.VM clear.
  var isProtected: Bool { mode.isDisjoint(with: [.real, .virtual8086]) }

  /// A linear address in a system table, cut to 32 bits outside IA-32e mode.
  func tableAddress(_ base: UInt64, _ offset: UInt64) throws(Exception) -> LinearAddress {
    guard isIA32e else { return LinearAddress((base &+ offset) & 0xFFFF_FFFF) }
    let address = LinearAddress(base &+ offset)
    guard isCanonical(address) else { throw .generalProtection(errorCode: 0) }
    return address
  }

  /// The descriptor that a selector names, or nil if it lies beyond its table's limit.
  func descriptor(_ selector: SegmentSelector) throws(Exception) -> Descriptor? {
    guard let address = try descriptorAddress(selector, count: 8) else { return nil }
    return Descriptor(low: try load(address, as: UInt64.self, access: .systemRead))
  }

  /// Adds the second half of a system descriptor in IA-32e mode; nil if that lies beyond the limit.
  ///
  /// Elsewhere gives `descriptor` back.
  func completed(
    _ descriptor: Descriptor, _ selector: SegmentSelector
  ) throws(Exception) -> Descriptor? {
    guard isIA32e else { return descriptor }
    guard let address = try descriptorAddress(selector, count: 16) else { return nil }
    let high = try load(address + 8, as: UInt64.self, access: .systemRead)
    return Descriptor(low: descriptor.low, high: high)
  }

  private func descriptorAddress(
    _ selector: SegmentSelector, count: UInt64
  ) throws(Exception) -> LinearAddress? {
    let last = selector.offset + count - 1
    if selector.isLocal {
      let table = self[.ldtr]
      guard table.isPresent, last <= UInt64(table.limit) else { return nil }
      return try tableAddress(table.base, selector.offset)
    }
    let table = state.pointee.gdtr
    guard last <= UInt64(table.limit) else { return nil }
    return try tableAddress(table.base, selector.offset)
  }

  /// Sets the accessed flag of a code or data segment in memory, and gives the descriptor with
  /// the flag set.
  func markAccessed(
    _ descriptor: Descriptor, _ selector: SegmentSelector
  ) throws(Exception) -> Descriptor {
    guard descriptor.isCodeOrData, descriptor.type & 1 == 0 else { return descriptor }
    return try setType(descriptor.type | 1, of: descriptor, selector)
  }

  /// Writes a descriptor's type field: the accessed flag of a segment, the busy flag of a TSS.
  @discardableResult
  func setType(
    _ type: UInt8, of descriptor: Descriptor, _ selector: SegmentSelector
  ) throws(Exception) -> Descriptor {
    var changed = descriptor
    changed.low = changed.low & ~(0xF << 40) | UInt64(type & 0xF) << 40
    if let address = try descriptorAddress(selector, count: 8) {
      try store(
        UInt8(truncatingIfNeeded: changed.low >> 40), at: address + 5, access: .systemWrite)
    }
    return changed
  }

  /// Raises #GP(0) unless the current privilege level is 0.
  func requireRing0() throws(Exception) {
    guard state.pointee.cpl == 0 else { throw .generalProtection(errorCode: 0) }
  }

  /// Raises #GP(0) if `offset` cannot be executed in `segment`.
  func checkTarget(_ segment: SegmentRegister, _ offset: UInt64) throws(Exception) {
    if isIA32e && segment.isLong {
      guard isCanonical(LinearAddress(offset)) else { throw .generalProtection(errorCode: 0) }
    } else {
      guard offset <= UInt64(segment.limit) else { throw .generalProtection(errorCode: 0) }
    }
  }

  /// Makes a code segment current, with its selector's RPL as CPL, and goes on at `offset`.
  func enterCode(_ segment: SegmentRegister, _ offset: UInt64) {
    self[.cs] = segment
    if isProtected { state.pointee.cpl = segment.rpl }
    updateMode()
    state.pointee.nextRIP = isLongMode ? offset : offset & 0xFFFF_FFFF
  }
}
