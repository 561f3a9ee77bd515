/// One entry of the data TLB: 32 bytes that handlers address by offset.
///
/// `off = ea ^ tag` is the offset in the page if the tag is the address's page, and larger than a
/// page otherwise; so one comparison checks the tag and that the access does not cross the page.
struct TLBEntry {
  /// Linear page whose reads may go straight to `host`.
  var readTag: UInt64
  /// Linear page whose writes may go straight to `host`.
  var writeTag: UInt64
  /// Host address of the page.
  var host: UInt64
  /// Physical address of the page; bit 0 is G.
  var physical: UInt64
}

/// One entry of the fetch TLB.
struct FetchEntry {
  /// Linear page.
  var page: UInt64
  /// `CPU.jumpKey` when it was filled.
  var key: UInt64
  /// Physical page.
  var physical: UInt64
  var reserved: UInt64
}

/// Layout of the block of rebuildable caches behind `CPUState.caches`.
enum CacheLayout {
  static let tlbEntries = 256
  static let bankSize = tlbEntries * MemoryLayout<TLBEntry>.stride
  /// Supervisor, user, and supervisor with RFLAGS.AC under SMAP.
  static let banks = 3
  static let supervisorBank = 0
  static let userBank = 1
  static let accessBank = 2
  static let fetchOffset = banks * bankSize
  static let fetchEntries = 64
  static let jumpOffset = fetchOffset + fetchEntries * MemoryLayout<FetchEntry>.stride
  static let jumpEntries = 4096
  static let size = jumpOffset + jumpEntries * MemoryLayout<JumpEntry>.stride
}

/// One entry of the jump cache: from RIP to the block that starts there.
struct JumpEntry {
  /// Linear address of the block.
  var rip: UInt64
  /// `CPU.jumpKey` when it was filled.
  var key: UInt64
  /// First operation of the block.
  var operation: UInt64
  var reserved: UInt64
}

extension CPU {
  /// A tag that no address with slot `index` can match: its own slot bits differ.
  @inline(__always) static func invalidTag(slot index: Int) -> UInt64 {
    UInt64(truncatingIfNeeded: index ^ 1) << 12
  }

  @inline(__always) static func slot(of address: UInt64) -> Int {
    Int(truncatingIfNeeded: address >> 12) & (CacheLayout.tlbEntries - 1)
  }

  @inline(__always) func bank(_ number: Int) -> UnsafeMutablePointer<TLBEntry> {
    (state.pointee.caches + number &* CacheLayout.bankSize)
      .assumingMemoryBound(to: TLBEntry.self)
  }

  @inline(__always) var fetchTLB: UnsafeMutablePointer<FetchEntry> {
    (state.pointee.caches + CacheLayout.fetchOffset).assumingMemoryBound(to: FetchEntry.self)
  }

  @inline(__always) var jumpCache: UnsafeMutablePointer<JumpEntry> {
    (state.pointee.caches + CacheLayout.jumpOffset).assumingMemoryBound(to: JumpEntry.self)
  }

  /// What a fetch translation or cached jump must carry to be valid now.
  @inline(__always) var jumpKey: UInt64 { state.pointee.jumpKey }

  /// Points `CPUState.tlb` at the bank for the current privilege.
  @inline(__always) func selectTLBBank() {
    var number = CacheLayout.supervisorBank
    if state.pointee.cpl == 3 {
      number = CacheLayout.userBank
    } else if state.pointee.cr4 & CR4.smap.rawValue != 0
      && state.pointee.rflags & RFLAGS.alignmentCheck.rawValue != 0
    {
      number = CacheLayout.accessBank
    }
    state.pointee.tlb = UnsafeMutableRawPointer(bank(number))
  }

  /// Drops every cached translation, global ones too.
  func flushTLB() {
    for number in 0..<CacheLayout.banks {
      let entries = bank(number)
      for slot in 0..<CacheLayout.tlbEntries {
        let tag = Self.invalidTag(slot: slot)
        entries[slot].readTag = tag
        entries[slot].writeTag = tag
        entries[slot].physical = 0
      }
    }
    state.pointee.jumpKey &+= 256
  }

  /// Drops every cached translation but those of global pages, as MOV to CR3 does.
  func flushNonGlobalTLB() {
    for number in 0..<CacheLayout.banks {
      let entries = bank(number)
      for slot in 0..<CacheLayout.tlbEntries where entries[slot].physical & 1 == 0 {
        let tag = Self.invalidTag(slot: slot)
        entries[slot].readTag = tag
        entries[slot].writeTag = tag
      }
    }
    state.pointee.jumpKey &+= 256
  }

  /// Drops the cached translations of the page that holds `address`, as INVLPG does.
  ///
  /// Large pages are cached by their 4-KiB pieces, and INVLPG drops all of them; so where the
  /// page is large, everything goes.
  func flushTLB(page address: LinearAddress) {
    if isLargePage(address) { return flushTLB() }
    let slot = Self.slot(of: address.value)
    for number in 0..<CacheLayout.banks {
      let tag = Self.invalidTag(slot: slot)
      bank(number)[slot].readTag = tag
      bank(number)[slot].writeTag = tag
    }
    state.pointee.jumpKey &+= 256
  }

  /// Withdraws the right to write straight to a physical page, which now holds decoded code.
  func withdrawWriteTags(physicalPage: UInt64) {
    for number in 0..<CacheLayout.banks {
      let entries = bank(number)
      for slot in 0..<CacheLayout.tlbEntries
      where entries[slot].physical & ~0xFFF == physicalPage {
        entries[slot].writeTag = Self.invalidTag(slot: slot)
      }
    }
  }

  /// Caches a translation that just succeeded.
  func fillTLB(
    _ address: LinearAddress, _ translation: Translation, access: Access,
    bank number: Int
  ) {
    guard let host = connections.memory.host(PhysicalAddress(translation.physicalPage)) else {
      return
    }
    let slot = Self.slot(of: address.value)
    let entry = bank(number) + slot
    let page = address.page
    let writable =
      access.isWrite && !connections.memory.hasCode(physicalPage: translation.physicalPage)
    let known = entry.pointee.readTag == page
    entry.pointee.readTag = page
    if writable {
      entry.pointee.writeTag = page
    } else if !known {
      entry.pointee.writeTag = Self.invalidTag(slot: slot)
    }
    entry.pointee.host = UInt64(UInt(bitPattern: host))
    entry.pointee.physical = translation.physicalPage | (translation.isGlobal ? 1 : 0)
  }
}

extension PhysicalMemory {
  /// Whether decoded code comes from this page of RAM.
  @inline(__always) func hasCode(physicalPage: UInt64) -> Bool {
    guard let offset = offset(of: PhysicalAddress(physicalPage)) else { return false }
    return pageFlags[offset >> 12] & PageFlags.code != 0
  }
}
