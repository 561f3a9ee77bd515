import Glibc

/// One entry of the data TLB: 32 bytes that handlers address by offset.
///
/// What the TLB knows, which a guest can tell, is the linear page beside the entry
/// (`CPU.knownPage`) and `physical`. The tags only say which accesses need no look: they are
/// withdrawn from pages with decoded code, with watched bytes, or unwritten since a snapshot, and
/// come back without a page walk. So a run is the same whatever is decoded, watched or saved.
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
  /// Physical address of the page, and `global` and `written`.
  var physical: UInt64

  /// The page is global.
  static let global: UInt64 = 1
  /// The page may be written without a walk: the dirty flag is set.
  static let written: UInt64 = 2
}

/// Which entries of a bank hold anything, so that a flush costs what was filled.
struct TLBOccupancy {
  /// A bit for each entry.
  var filled = InlineArray<16, UInt64>(repeating: 0)
}

/// One entry of the fetch TLB, which forgets nothing before all of it goes: else it would depend on
/// what is decoded when a page walk sets accessed flags again.
struct FetchEntry {
  /// Linear page.
  var page: UInt64
  /// `CPU.fetchKey` when it was filled.
  var key: UInt64
  /// Physical page.
  var physical: UInt64
  var reserved: UInt64
}

/// Layout of the block of rebuildable caches behind `CPUState.caches`.
enum CacheLayout {
  static let tlbEntries = 1024
  static let bankSize = tlbEntries * MemoryLayout<TLBEntry>.stride
  /// Supervisor, user, and supervisor with RFLAGS.AC under SMAP; then the same for code outside
  /// 64-bit mode, whose operations may leave a carry out of the 32 bits of an address: no tag there
  /// matches such a one.
  static let banks = 6
  static let supervisorBank = 0
  static let userBank = 1
  static let accessBank = 2
  static let narrowBanks = 3
  static let fetchOffset = banks * bankSize
  static let fetchEntries = 4096
  /// Pages at which the fetch TLB is full.
  static let fetchCapacity: UInt64 = 3072
  static let jumpOffset = fetchOffset + fetchEntries * MemoryLayout<FetchEntry>.stride
  static let jumpEntries = 4096
  static let occupancyOffset = jumpOffset + jumpEntries * MemoryLayout<JumpEntry>.stride
  /// A bit for each hash of a page that code was fetched from since the last epoch.
  static let fetchedOffset = occupancyOffset + banks * MemoryLayout<TLBOccupancy>.stride
  static let fetchedBits = 4096
  /// The code segments that have a number, in its place.
  static let codeSegmentOffset = fetchedOffset + fetchedBits / 8
  static let codeSegments = 256
  /// The linear page of each TLB entry.
  static let knownPagesOffset = codeSegmentOffset + codeSegments * MemoryLayout<CodeSegment>.stride
  static let size = knownPagesOffset + banks * tlbEntries * MemoryLayout<UInt64>.stride
}

/// A code segment as far as cached jumps depend on it.
struct CodeSegment: Equatable {
  var base: UInt64
  var limit: UInt64
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

  /// The linear pages that the entries of a bank translate, or `invalidTag`.
  @inline(__always) func knownPages(_ number: Int) -> UnsafeMutablePointer<UInt64> {
    (state.pointee.caches + CacheLayout.knownPagesOffset).assumingMemoryBound(to: UInt64.self)
      + number &* CacheLayout.tlbEntries
  }

  @inline(__always) var fetchTLB: UnsafeMutablePointer<FetchEntry> {
    (state.pointee.caches + CacheLayout.fetchOffset).assumingMemoryBound(to: FetchEntry.self)
  }

  @inline(__always) var jumpCache: UnsafeMutablePointer<JumpEntry> {
    (state.pointee.caches + CacheLayout.jumpOffset).assumingMemoryBound(to: JumpEntry.self)
  }

  /// What a fetch translation must carry to be valid now: it depends on no code segment.
  @inline(__always) var fetchKey: UInt64 { state.pointee.jumpKey & ~JumpKey.segment }

  /// The number that stands for base and limit of CS in `jumpKey`; zero is a flat segment.
  ///
  /// A number that changes its meaning ends the validity of every cached jump.
  var codeSegmentNumber: UInt64 {
    let code = CodeSegment(base: self[.cs].base, limit: UInt64(self[.cs].limit))
    if isLongMode || code.base == 0 && code.limit == UInt64(UInt32.max) { return 0 }
    let hash = code.base >> 4 ^ code.base >> 12 ^ code.limit >> 12
    let number = 1 + hash % UInt64(CacheLayout.codeSegments - 1)
    let entry =
      (state.pointee.caches + CacheLayout.codeSegmentOffset).assumingMemoryBound(
        to: CodeSegment.self) + Int(truncatingIfNeeded: number)
    if entry.pointee != code {
      entry.pointee = code
      forgetJumps()
    }
    return number
  }

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
    if !isLongMode { number += CacheLayout.narrowBanks }
    state.pointee.tlb = UnsafeMutableRawPointer(bank(number))
  }

  @inline(__always)
  func occupancy(_ number: Int) -> UnsafeMutablePointer<TLBOccupancy> {
    (state.pointee.caches + CacheLayout.occupancyOffset).assumingMemoryBound(
      to: TLBOccupancy.self) + number
  }

  /// The word and bit that stand for a page that code was fetched from.
  @inline(__always)
  private func fetchedWord(_ address: LinearAddress) -> (UnsafeMutablePointer<UInt64>, UInt64) {
    let page = address.value >> 12
    let hash = (page ^ page >> 12 ^ page >> 24) & UInt64(CacheLayout.fetchedBits - 1)
    let words = (state.pointee.caches + CacheLayout.fetchedOffset).assumingMemoryBound(
      to: UInt64.self)
    return (words + Int(truncatingIfNeeded: hash >> 6), 1 &<< (hash & 63))
  }

  /// Remembers that code was fetched from a page, so that jumps into it may be cached.
  private func noteFetch(_ address: LinearAddress) {
    let (word, bit) = fetchedWord(address)
    word.pointee |= bit
  }

  /// The entry of the fetch TLB for the page of an address, if it is there.
  @inline(__always)
  func fetchEntry(_ address: LinearAddress) -> UnsafeMutablePointer<FetchEntry>? {
    var index = Self.fetchSlot(address)
    while true {
      let entry = fetchTLB + index
      guard (entry.pointee.key ^ state.pointee.jumpKey) / JumpKey.epoch == 0 else { return nil }
      if entry.pointee.page == address.page && entry.pointee.key == fetchKey { return entry }
      index = (index &+ 1) & (CacheLayout.fetchEntries - 1)
    }
  }

  @inline(__always) private static func fetchSlot(_ address: LinearAddress) -> Int {
    let page = address.value >> 12
    return Int(truncatingIfNeeded: page ^ page >> 12) & (CacheLayout.fetchEntries - 1)
  }

  /// Remembers the translation of a page that code is fetched from.
  func addFetch(_ address: LinearAddress, physicalPage: UInt64) {
    if state.pointee.fetchCount >= CacheLayout.fetchCapacity { forgetJumps() }
    state.pointee.fetchCount &+= 1
    noteFetch(address)
    insertFetch(
      FetchEntry(page: address.page, key: fetchKey, physical: physicalPage, reserved: 0))
  }

  /// Puts an entry of this epoch into the fetch TLB, which has room.
  func insertFetch(_ entry: FetchEntry) {
    var index = Self.fetchSlot(LinearAddress(entry.page))
    // Entries of older epochs are as good as free.
    while (fetchTLB[index].key ^ state.pointee.jumpKey) / JumpKey.epoch == 0 {
      index = (index &+ 1) & (CacheLayout.fetchEntries - 1)
    }
    fetchTLB[index] = entry
  }

  /// Makes every cached jump and fetch translation invalid.
  func forgetJumps() {
    state.pointee.jumpKey &+= JumpKey.epoch
    state.pointee.fetchCount = 0
    memset(
      state.pointee.caches + CacheLayout.fetchedOffset, 0, CacheLayout.fetchedBits / 8)
  }

  @inline(__always)
  private func invalidate(bank number: Int, _ slot: Int) {
    let tag = Self.invalidTag(slot: slot)
    let entries = bank(number)
    entries[slot].readTag = tag
    entries[slot].writeTag = tag
    knownPages(number)[slot] = tag
  }

  /// Makes every entry of the data TLB unable to match, whatever the memory held.
  func emptyTLB() {
    for number in 0..<CacheLayout.banks {
      for slot in 0..<CacheLayout.tlbEntries { invalidate(bank: number, slot) }
      occupancy(number).pointee = TLBOccupancy()
    }
  }

  /// Forgets everything; at reset.
  func clearTLB() {
    emptyTLB()
    forgetLargePages()
    forgetJumps()
  }

  private func forgetLargePages() {
    state.pointee.largePagesStart = .max
    state.pointee.largePagesLast = 0
  }

  /// Drops every cached translation, global ones too.
  func flushTLB() {
    flushEntries(keepingGlobal: false)
    forgetLargePages()
    forgetJumps()
  }

  /// Opens or closes the A20 gate: closed, bit 20 of every physical address is zero.
  public func setAddressLine20(_ isOpen: Bool) {
    let lines: UInt64 = isOpen ? .max : ~(1 << 20)
    guard lines != state.pointee.addressLines else { return }
    state.pointee.addressLines = lines
    flushTLB()
  }

  /// Drops every cached translation but those of global pages, as MOV to CR3 does.
  func flushNonGlobalTLB() {
    flushEntries(keepingGlobal: true)
    forgetJumps()
  }

  private func flushEntries(keepingGlobal: Bool) {
    for number in 0..<CacheLayout.banks {
      let entries = bank(number)
      let occupancy = occupancy(number)
      for word in 0..<(CacheLayout.tlbEntries / 64) {
        var pending = occupancy.pointee.filled[word]
        while pending != 0 {
          let bit = pending.trailingZeroBitCount
          pending &= pending &- 1
          let slot = word &* 64 &+ bit
          if keepingGlobal && entries[slot].physical & TLBEntry.global != 0 { continue }
          invalidate(bank: number, slot)
          occupancy.pointee.filled[word] &= ~(1 &<< UInt64(truncatingIfNeeded: bit))
        }
      }
    }
  }

  /// Drops the cached translations of the page that holds `address`, as INVLPG does.
  ///
  /// Large pages are cached by their 4-KiB pieces, and INVLPG drops all of them; so where large
  /// pages have been cached around the address, everything goes.
  func flushTLB(page address: LinearAddress) {
    let value = address.value
    if value >= state.pointee.largePagesStart && value <= state.pointee.largePagesLast {
      return flushTLB()
    }
    let slot = Self.slot(of: value)
    for number in 0..<CacheLayout.banks { invalidate(bank: number, slot) }
    let (word, bit) = fetchedWord(address)
    if word.pointee & bit != 0 { forgetJumps() }
  }

  func noteLargePage(_ address: LinearAddress, size: UInt64) {
    let start = address.value & ~(size &- 1)
    if start < state.pointee.largePagesStart { state.pointee.largePagesStart = start }
    let last = start &+ size &- 1
    if last > state.pointee.largePagesLast { state.pointee.largePagesLast = last }
  }

  /// Caches a translation that just succeeded.
  func fillTLB(
    _ address: LinearAddress, _ translation: Translation, access: Access,
    bank number: Int
  ) {
    guard let host = state.pointee.ram.host(PhysicalAddress(translation.physicalPage)) else {
      return
    }
    let slot = Self.slot(of: address.value)
    let entry = bank(number) + slot
    knownPages(number)[slot] = address.page
    let mark: UInt64 = 1 &<< UInt64(truncatingIfNeeded: slot & 63)
    occupancy(number).pointee.filled[slot >> 6] |= mark
    if translation.pageSize > 4096 { noteLargePage(address, size: translation.pageSize) }
    entry.pointee.host = UInt64(UInt(bitPattern: host))
    entry.pointee.physical =
      translation.physicalPage | (translation.isGlobal ? TLBEntry.global : 0)
      | (access.isWrite ? TLBEntry.written : 0)
    refreshTags(bank: number, slot: slot, access: access)
  }

  /// Whether the TLB knows the page of `address` well enough for an access.
  @inline(__always) func knows(_ address: LinearAddress, access: Access, bank number: Int) -> Bool {
    let slot = Self.slot(of: address.value)
    return knownPages(number)[slot] == address.page
      && (!access.isWrite || bank(number)[slot].physical & TLBEntry.written != 0)
  }

  /// Sets the tags of a known page as far as nobody has to look at its accesses; `access` is being
  /// made.
  func refreshTags(bank number: Int, slot: Int, access: Access) {
    let entry = bank(number) + slot
    let page = knownPages(number)[slot]
    let physical = entry.pointee.physical & ~0xFFF
    let ram = state.pointee.ram
    if access.isWrite { ram.noteWrite(physicalPage: physical) }
    let watched = state.pointee.hasWatchpoints ? watchedAccesses(page, physical: physical) : []
    let isWritable =
      entry.pointee.physical & TLBEntry.written != 0 && !watched.contains(.write)
      && ram.isPlainlyWritable(physicalPage: physical)
    let invalid = Self.invalidTag(slot: slot)
    entry.pointee.readTag = watched.contains(.read) ? invalid : page
    entry.pointee.writeTag = isWritable ? page : invalid
  }
}
