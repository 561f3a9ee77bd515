extension CPU {
  /// Loads a value from linear memory, at any alignment, across pages and devices alike.
  @inline(__always)
  public func load<T: FixedWidthInteger & UnsignedInteger>(
    _ address: LinearAddress, as type: T.Type, access: Access = .read
  ) throws(Exception) -> T {
    let number = bankNumber(access)
    let entry = bank(number) + Self.slot(of: address.value)
    let offset =
      address.value ^ (access.isWrite ? entry.pointee.writeTag : entry.pointee.readTag)
    if offset <= UInt64(4096 &- MemoryLayout<T>.size) && !isWatching,
      let page = UnsafeRawPointer(bitPattern: UInt(entry.pointee.host &+ offset))
    {
      return page.loadUnaligned(as: T.self)
    }
    return try loadSlow(address, as: type, access: access, bank: number)
  }

  /// Stores a value to linear memory, at any alignment, across pages and devices alike.
  ///
  /// Every byte is written or, when it throws, none.
  @inline(__always)
  public func store<T: FixedWidthInteger & UnsignedInteger>(
    _ value: T, at address: LinearAddress, access: Access = .write
  ) throws(Exception) {
    let number = bankNumber(access)
    let entry = bank(number) + Self.slot(of: address.value)
    let offset = address.value ^ entry.pointee.writeTag
    if offset <= UInt64(4096 &- MemoryLayout<T>.size) && !isWatching,
      let page = UnsafeMutableRawPointer(bitPattern: UInt(entry.pointee.host &+ offset))
    {
      page.storeBytes(of: value, as: T.self)
      return
    }
    try storeSlow(value, at: address, access: access, bank: number)
  }

  /// Checks that `count` bytes may be accessed, raising what the access would raise; touches
  /// nothing but accessed and dirty flags.
  public func probe(
    _ address: LinearAddress, count: UInt64, access: Access
  ) throws(Exception) {
    guard count > 0 else { return }
    _ = try translate(address, access: access)
    let last = address + (count &- 1)
    if last.page != address.page { _ = try translate(pageBehind(address), access: access) }
  }

  /// The page behind that of `address`; outside IA-32e mode the first follows the last.
  private func pageBehind(_ address: LinearAddress) -> LinearAddress {
    let page = address.page &+ 4096
    return LinearAddress(isIA32e ? page : page & 0xFFFF_FFFF)
  }

  /// The physical address of one linear byte, filling the TLB.
  public func translate(
    _ address: LinearAddress, access: Access
  ) throws(Exception) -> PhysicalAddress {
    let number = bankNumber(access)
    let entry = bank(number) + Self.slot(of: address.value)
    if access != .execute {
      let tag = access.isWrite ? entry.pointee.writeTag : entry.pointee.readTag
      if tag == address.page {
        return PhysicalAddress(entry.pointee.physical & ~0xFFF | address.offset)
      }
      if knows(address, access: access, bank: number) {
        refreshTags(bank: number, slot: Self.slot(of: address.value), access: access)
        return PhysicalAddress(entry.pointee.physical & ~0xFFF | address.offset)
      }
    }
    let translation = try walk(address, access: access)
    if access != .execute {
      fillTLB(address, translation, access: access, bank: number)
    }
    return PhysicalAddress(translation.physicalPage | address.offset)
  }

  @inline(__always) func bankNumber(_ access: Access) -> Int {
    if access.isImplicit { return CacheLayout.supervisorBank }
    return (state.pointee.tlb - state.pointee.caches) / CacheLayout.bankSize
  }

  /// Whether data breakpoints or alignment checks make every access look twice.
  @inline(__always) var isWatching: Bool { state.pointee.watchesAccesses }

  @inline(never)
  private func loadSlow<T: FixedWidthInteger & UnsignedInteger>(
    _ address: LinearAddress, as type: T.Type, access: Access, bank number: Int
  ) throws(Exception) -> T {
    let size = UInt64(MemoryLayout<T>.size)
    if isWatching { try watch(address, size: size, access: access) }
    let first = try translate(address, access: access)
    if state.pointee.hasWatchpoints {
      watchLinear(address, physical: first, size: size, isWrite: false)
    }
    if address.offset &+ size <= 4096 { return loadPhysical(first, as: type) }
    let split = 4096 &- address.offset
    let second = try translate(pageBehind(address), access: access)
    var value: T = 0
    for byte in 0..<size {
      let at = byte < split ? first + byte : second + (byte &- split)
      value |= T(truncatingIfNeeded: loadPhysical(at, as: UInt8.self)) &<< T(byte &* 8)
    }
    return value
  }

  @inline(never)
  private func storeSlow<T: FixedWidthInteger & UnsignedInteger>(
    _ value: T, at address: LinearAddress, access: Access, bank number: Int
  ) throws(Exception) {
    let size = UInt64(MemoryLayout<T>.size)
    if isWatching { try watch(address, size: size, access: access) }
    let first = try translate(address, access: access)
    let isSplit = address.offset &+ size > 4096
    let second = isSplit ? try translate(pageBehind(address), access: access) : first
    if state.pointee.hasWatchpoints {
      watchLinear(address, physical: first, size: size, isWrite: true)
    }
    if !isSplit { return storePhysical(value, at: first) }
    let split = 4096 &- address.offset
    for byte in 0..<size {
      let at = byte < split ? first + byte : second + (byte &- split)
      storePhysical(UInt8(truncatingIfNeeded: value &>> T(byte &* 8)), at: at)
    }
  }

  /// Loads from RAM or a device; the value must not cross a page.
  func loadPhysical<T: FixedWidthInteger & UnsignedInteger>(
    _ address: PhysicalAddress, as type: T.Type
  ) -> T {
    if let host = state.pointee.ram.host(address) { return host.loadUnaligned(as: T.self) }
    if T.bitWidth == 128 {
      let low = readDevice(address, size: .quadword)
      let high = readDevice(address + 8, size: .quadword)
      return T(truncatingIfNeeded: high) &<< 64 | T(truncatingIfNeeded: low)
    }
    return T(
      truncatingIfNeeded: readDevice(
        address, size: AccessSize(rawValue: UInt8(MemoryLayout<T>.size)) ?? .quadword))
  }

  /// Stores to RAM, dropping code decoded from there, or to a device; the value must not cross a
  /// page.
  package func storePhysical<T: FixedWidthInteger & UnsignedInteger>(
    _ value: T, at address: PhysicalAddress
  ) {
    if let host = state.pointee.ram.writableHost(address) {
      let size = UInt64(MemoryLayout<T>.size)
      if state.pointee.hasWatchpoints { watchPhysical(address, size: size) }
      host.storeBytes(of: value, as: T.self)
      state.pointee.ram.noteWrite(physicalPage: address.value & ~0xFFF)
      if state.pointee.ram.hasCode(address, count: size) {
        codeWasWritten(address, count: size)
      }
      return
    }
    if T.bitWidth == 128 {
      writeDevice(address, size: .quadword, value: UInt64(truncatingIfNeeded: value))
      writeDevice(address + 8, size: .quadword, value: UInt64(truncatingIfNeeded: value &>> 64))
      return
    }
    writeDevice(
      address, size: AccessSize(rawValue: UInt8(MemoryLayout<T>.size)) ?? .quadword,
      value: UInt64(truncatingIfNeeded: value))
  }

  /// Reads what is no RAM, at the exact time.
  @inline(never)
  private func readDevice(_ address: PhysicalAddress, size: AccessSize) -> UInt64 {
    synchronizeClock()
    requestLookup()
    let value = connections.bus.readMMIO(address, size: size)
    if state.pointee.isObserved {
      reportAccess(
        .memory, isWrite: false, address: address.value, size: size.rawValue, value: value)
    }
    return value
  }

  /// Writes what is no RAM, at the exact time.
  @inline(never)
  private func writeDevice(_ address: PhysicalAddress, size: AccessSize, value: UInt64) {
    synchronizeClock()
    requestLookup()
    if state.pointee.isObserved {
      reportAccess(
        .memory, isWrite: true, address: address.value, size: size.rawValue, value: value)
    }
    connections.bus.writeMMIO(address, size: size, value: value)
  }

  /// Lets devices see the exact time of the access that follows.
  func synchronizeClock() {
    let now = now
    state.pointee.connections._withUnsafeGuaranteedRef { $0.clock.now = now }
  }
}
