/// What the paging structures say about one page.
public struct Translation: Equatable, Sendable {
  /// Physical address of the 4-KiB page (or piece of a larger page).
  public var physicalPage: UInt64
  /// Bytes that the leaf entry maps.
  public var pageSize: UInt64
  /// Whether every level allows writes.
  public var isWritable: Bool
  /// Whether every level allows user access.
  public var isUser: Bool
  /// Whether any level forbids execution.
  public var isNoExecute: Bool
  /// Whether the leaf is global and CR4.PGE is set.
  public var isGlobal: Bool
}

/// One step of a page walk, for diagnosis and the monitor.
public struct PageWalkStep: Equatable, Sendable {
  /// 5 for the PML5 entry, 4 for the PML4 entry, down to 1 for the page-table entry.
  public var level: Int
  /// Where the entry lies.
  public var entryAddress: PhysicalAddress
  /// The entry.
  public var entry: PageTableEntry
}

/// Why a walk has no translation: mapped to one page fault in one place.
enum WalkFailure: Error {
  case notPresent
  case reservedBit
}

/// What all levels of a walk together allow.
private struct Rights {
  var isWritable = true
  var isUser = true
  var isNoExecute = false
}

/// The paging structures as one walk sees them.
private struct WalkResult {
  var leaf: PageTableEntry
  var leafLevel: Int
  var rights = Rights()
  /// Entries passed, leaf last, with their addresses; at most five.
  var count = 0
  var addresses = InlineArray<5, UInt64>(repeating: 0)
  var entries = InlineArray<5, UInt64>(repeating: 0)
}

extension CPU {
  /// Whether paging has four levels, or five.
  private var isFourLevel: Bool { efer.contains(.longModeActive) }
  private var isFiveLevel: Bool { cr4.contains(.linearAddresses57) }
  private var isPAE: Bool { cr4.contains(.physicalAddressExtension) }

  /// Translates the page of `address` for `access` with the rights of the current state.
  ///
  /// Sets accessed and dirty flags. SDM volume 3A, "Access Rights", "Accessed and Dirty Flags".
  func walk(_ address: LinearAddress, access: Access) throws(Exception) -> Translation {
    guard cr0.contains(.paging) else {
      return Translation(
        physicalPage: address.page & 0xFFFF_FFFF & state.pointee.addressLines, pageSize: 4096,
        isWritable: true, isUser: true, isNoExecute: false, isGlobal: false)
    }
    if let translation = walkQuickly(address, access: access) { return translation }
    let isUser = state.pointee.cpl == 3 && !access.isImplicit
    var code = PageFaultErrorCode()
    if access.isWrite { code.insert(.write) }
    if isUser { code.insert(.user) }
    if access == .execute
      && (cr4.contains(.smep) || (efer.contains(.noExecuteEnable) && (isPAE || isFourLevel)))
    {
      code.insert(.instructionFetch)
    }
    let result: WalkResult
    do throws(WalkFailure) {
      result = try descend(address, observe: nil)
    } catch {
      if error == .reservedBit { code.insert([.protection, .reservedBit]) }
      throw .pageFault(address: address.value, code: code)
    }
    let isLocked =
      result.rights.isUser && isKeyLocked(result.leaf.rawValue, access: access, isUser: isUser)
    guard allows(result.rights, access, isUser: isUser), !isLocked else {
      code.insert(.protection)
      if isLocked { code.insert(.protectionKey) }
      throw .pageFault(address: address.value, code: code)
    }
    markAccessed(result, isWrite: access.isWrite)
    return translation(address, result)
  }

  /// Walks four levels where nothing is refused and no flag needs setting.
  ///
  /// Fast path: nil says that `walk` must look. Equals it by returning only what it would return
  /// with nothing changed; halves the cost of a TLB miss.
  @inline(__always)
  private func walkQuickly(_ address: LinearAddress, access: Access) -> Translation? {
    guard isFourLevel, state.pointee.addressLines == .max else { return nil }
    let memory = state.pointee.ram
    var reserved = PageTableEntry.reservedAddressMask
    if !efer.contains(.noExecuteEnable) { reserved |= PageTableEntry.noExecute.rawValue }
    var table = state.pointee.cr3 & PageTableEntry.addressMask
    var all: UInt64 = .max
    var any: UInt64 = 0
    var shift: UInt64 = isFiveLevel ? 48 : 39
    var entry: UInt64 = 0
    while true {
      let at = PhysicalAddress(table | (address.value &>> shift & 511) &<< 3)
      guard let host = memory.host(at) else { return nil }
      entry = host.load(as: UInt64.self)
      all &= entry
      any |= entry
      if shift == 12 || (shift < 39 && entry & PageTableEntry.pageSize.rawValue != 0) { break }
      guard entry & 0x81 == 1 else { return nil }
      table = entry & PageTableEntry.addressMask
      shift &-= 9
    }
    let size: UInt64 = 1 &<< shift
    // In the leaf of a larger page the address bits below it are reserved, but for PAT.
    let low = (size &- 1) & ~0x1FFF
    let accessed = PageTableEntry([.present, .accessed]).rawValue
    guard all & accessed == accessed, any & reserved | entry & low == 0,
      !access.isWrite || entry & PageTableEntry.dirty.rawValue != 0
    else { return nil }
    let result = Rights(
      isWritable: all & 2 != 0, isUser: all & 4 != 0,
      isNoExecute: any & PageTableEntry.noExecute.rawValue != 0)
    let isUser = state.pointee.cpl == 3 && !access.isImplicit
    guard allows(result, access, isUser: isUser),
      !result.isUser || !isKeyLocked(entry, access: access, isUser: isUser)
    else { return nil }
    let frame = entry & PageTableEntry.addressMask & ~(size &- 1)
    return Translation(
      physicalPage: frame | (address.value & (size &- 1) & ~0xFFF), pageSize: size,
      isWritable: result.isWritable, isUser: result.isUser, isNoExecute: result.isNoExecute,
      isGlobal: cr4.contains(.pageGlobalEnable) && entry & 0x100 != 0)
  }

  /// The steps of the walk for `address`, without touching anything; stops at the first entry
  /// that ends it.
  public func walkSteps(_ address: LinearAddress) -> [PageWalkStep] {
    guard cr0.contains(.paging) else { return [] }
    var steps: [PageWalkStep] = []
    _ = try? descend(address) { steps.append($0) }
    return steps
  }

  /// The translation of `address` whatever the rights, touching nothing; for debuggers.
  public func peekTranslation(_ address: LinearAddress) -> Translation? {
    guard cr0.contains(.paging) else {
      return Translation(
        physicalPage: address.page & 0xFFFF_FFFF & state.pointee.addressLines, pageSize: 4096,
        isWritable: true, isUser: true, isNoExecute: false, isGlobal: false)
    }
    guard !isFourLevel || isCanonical(address), let result = try? descend(address, observe: nil)
    else { return nil }
    return translation(address, result)
  }

  private func translation(_ address: LinearAddress, _ result: WalkResult) -> Translation {
    let size = leafSize(result.leafLevel)
    var frame = result.leaf.rawValue & PageTableEntry.addressMask & ~(size &- 1)
    if result.leafLevel == 2 && !isPAE && !isFourLevel {
      // PSE-36: bits 20:13 of the entry are address bits 39:32.
      frame = (result.leaf.rawValue & 0xFFC0_0000) | (result.leaf.rawValue & 0x1F_E000) << 19
    }
    let page = frame | (address.value & (size &- 1) & ~0xFFF)
    return Translation(
      physicalPage: page & state.pointee.addressLines, pageSize: size,
      isWritable: result.rights.isWritable, isUser: result.rights.isUser,
      isNoExecute: result.rights.isNoExecute,
      isGlobal: cr4.contains(.pageGlobalEnable) && result.leaf.contains(.global))
  }

  private func leafSize(_ level: Int) -> UInt64 {
    switch level {
    case 1: 1 << 12
    case 2: isPAE || isFourLevel ? 1 << 21 : 1 << 22
    default: 1 << 30
    }
  }

  @inline(__always)
  private func allows(_ result: Rights, _ access: Access, isUser: Bool) -> Bool {
    if isUser {
      guard result.isUser else { return false }
      if access.isWrite { return result.isWritable }
      return access != .execute || !result.isNoExecute
    }
    if access == .execute {
      if result.isUser && cr4.contains(.smep) { return false }
      return !result.isNoExecute
    }
    if result.isUser && cr4.contains(.smap) {
      let acOverrides =
        !access.isImplicit
        && state.pointee.rflags & RFLAGS.alignmentCheck.rawValue != 0
      if !acOverrides { return false }
    }
    return !access.isWrite || result.isWritable || !cr0.contains(.writeProtect)
  }

  private func markAccessed(_ result: WalkResult, isWrite: Bool) {
    let wide = isPAE || isFourLevel
    // PAE page-directory-pointer-table entries have no accessed flag and were never passed.
    for index in 0..<result.count {
      var entry = PageTableEntry(rawValue: result.entries[index])
      entry.insert(.accessed)
      if isWrite && index == result.count - 1 { entry.insert(.dirty) }
      if entry.rawValue != result.entries[index] {
        writeEntry(PhysicalAddress(result.addresses[index]), entry, wide: wide)
      }
    }
  }

  private func descend(
    _ address: LinearAddress, observe: ((PageWalkStep) -> Void)?
  ) throws(WalkFailure) -> WalkResult {
    if isFourLevel {
      return try descendWide(
        address, from: state.pointee.cr3 & PageTableEntry.addressMask,
        level: isFiveLevel ? 5 : 4, observe)
    }
    if isPAE {
      let pointer = state.pointee.pdpte[Int(truncatingIfNeeded: address.value >> 30) & 3]
      guard pointer & 1 != 0 else { throw .notPresent }
      return try descendWide(
        address, from: pointer & PageTableEntry.addressMask, level: 2, observe)
    }
    return try descendNarrow(address, observe)
  }

  private func descendWide(
    _ address: LinearAddress, from root: UInt64, level top: Int,
    _ observe: ((PageWalkStep) -> Void)?
  ) throws(WalkFailure) -> WalkResult {
    var result = WalkResult(leaf: [], leafLevel: 1)
    var table = root
    var level = top
    while true {
      let shift = UInt64(truncatingIfNeeded: 12 &+ 9 &* (level &- 1))
      let at = table | (address.value >> shift & 511) << 3
      let entry = readEntry(PhysicalAddress(at), wide: true)
      observe?(PageWalkStep(level: level, entryAddress: PhysicalAddress(at), entry: entry))
      guard entry.contains(.present) else { throw .notPresent }
      guard !hasReservedBits(entry, level: level) else { throw .reservedBit }
      result.addresses[result.count] = at
      result.entries[result.count] = entry.rawValue
      result.count += 1
      result.rights.isWritable = result.rights.isWritable && entry.contains(.writable)
      result.rights.isUser = result.rights.isUser && entry.contains(.user)
      result.rights.isNoExecute = result.rights.isNoExecute || entry.contains(.noExecute)
      if level == 1 || (level <= 3 && entry.contains(.pageSize)) {
        result.leaf = entry
        result.leafLevel = level
        return result
      }
      table = entry.rawValue & PageTableEntry.addressMask
      level -= 1
    }
  }

  private func descendNarrow(
    _ address: LinearAddress, _ observe: ((PageWalkStep) -> Void)?
  ) throws(WalkFailure) -> WalkResult {
    var result = WalkResult(leaf: [], leafLevel: 1)
    var table = state.pointee.cr3 & 0xFFFF_F000
    for level in [2, 1] {
      let at = table | (address.value >> (level == 2 ? 22 : 12) & 1023) << 2
      let entry = readEntry(PhysicalAddress(at), wide: false)
      observe?(PageWalkStep(level: level, entryAddress: PhysicalAddress(at), entry: entry))
      guard entry.contains(.present) else { throw .notPresent }
      result.addresses[result.count] = at
      result.entries[result.count] = entry.rawValue
      result.count += 1
      result.rights.isWritable = result.rights.isWritable && entry.contains(.writable)
      result.rights.isUser = result.rights.isUser && entry.contains(.user)
      let isLarge =
        level == 2 && entry.contains(.pageSize) && cr4.contains(.pageSizeExtensions)
      // PSE-36 with 40 address bits: bit 21 of a 4-MiB entry is reserved.
      if isLarge && entry.rawValue & 0x20_0000 != 0 { throw .reservedBit }
      if level == 1 || isLarge {
        result.leaf = entry
        result.leafLevel = level
        return result
      }
      table = entry.rawValue & 0xFFFF_F000
    }
    return result
  }

  private func hasReservedBits(_ entry: PageTableEntry, level: Int) -> Bool {
    var reserved = PageTableEntry.reservedAddressMask
    if !efer.contains(.noExecuteEnable) { reserved |= PageTableEntry.noExecute.rawValue }
    // Legacy PAE has no ignored bits above the address.
    if !isFourLevel { reserved |= 0x7FF0_0000_0000_0000 }
    if level >= 4 { reserved |= PageTableEntry.pageSize.rawValue }
    if entry.contains(.pageSize) {
      if level == 3 { reserved |= 0x3FFF_E000 }
      if level == 2 { reserved |= 0x1F_E000 }
    }
    return entry.rawValue & reserved != 0
  }

  /// Reads a paging-structure entry; where there is no RAM it reads as the bus does.
  private func readEntry(_ address: PhysicalAddress, wide: Bool) -> PageTableEntry {
    let address = PhysicalAddress(address.value & state.pointee.addressLines)
    guard let host = state.pointee.ram.host(address) else {
      let size: AccessSize = wide ? .quadword : .doubleword
      return PageTableEntry(rawValue: connections.bus.readMMIO(address, size: size))
    }
    return PageTableEntry(
      rawValue: wide
        ? host.load(as: UInt64.self) : UInt64(host.load(as: UInt32.self)))
  }

  private func writeEntry(_ address: PhysicalAddress, _ entry: PageTableEntry, wide: Bool) {
    let address = PhysicalAddress(address.value & state.pointee.addressLines)
    guard state.pointee.ram.writableHost(address) != nil else { return }
    if wide {
      storePhysical(entry.rawValue, at: address)
    } else {
      storePhysical(UInt32(truncatingIfNeeded: entry.rawValue), at: address)
    }
  }
}
