/// A program's half of the linear address space: a list of areas, which says what may be touched, and
/// page tables, which say what has been. The kernel's half is shared by all.
///
/// Pages come at their first touch (`AddressSpace+Fault`), so that mapping costs nothing but an entry in
/// the list, and after `fork` both sides go on with the same frames until one of them writes.
/// Locks: `lock` for the areas and against other faults; `tableLock` inside it for page table entries,
/// which reclaim changes too; `registry` before both for the list of all spaces.
import KernelArch

final class AddressSpace {
  let lock = Mutex("address space")
  let tableLock = SpinLock("page tables")
  let tables: PageTables
  var areas = AreaList<MemoryObject>()
  /// The heap that `brk` moves the end of.
  var heapStart: UInt64 = 0
  var heapEnd: UInt64 = 0
  /// Frames in the page tables, whoever else has them too, and pages that are in swap.
  ///
  /// Changed by atomic operations: reclaim does it too.
  private(set) var pageCount: UInt64 = 0
  private(set) var swappedCount: UInt64 = 0
  /// Pages charged against the commit limit.
  var committed: UInt64 = 0
  /// Faults that only needed a frame, and those that had to wait for contents.
  var minorFaults: UInt64 = 0
  var majorFaults: UInt64 = 0
  /// Faults that copied a shared frame because of a write.
  var copies: UInt64 = 0
  /// Where this space's stack ends and its mappings begin, going down; see `Randomization`.
  var stackTop = Layout.userStackTop
  var mappingTop = AddressSpace.highestMapping
  /// RLIMIT_AS, RLIMIT_STACK and RLIMIT_MEMLOCK of its process; one word each.
  private(set) var sizeLimit = ResourceLimit.infinity
  private(set) var stackLimit = Stack.limit
  private(set) var lockedLimit = ResourceLimit.infinity
  /// What is mapped from now on is locked: `mlockall(MCL_FUTURE)`.
  var locksNewAreas = false
  /// The file that is being run here, set before the space is used.
  var program: ProgramFile?
  /// Ring 3 has a root of its own; see `Isolation`.
  var isIsolated = Isolation.isOn
  private var isReleased = false

  /// All spaces, for reclaim.
  nonisolated(unsafe) private(set) static var all: [Unmanaged<AddressSpace>] = []
  static let registry = Mutex("address spaces")

  init?() {
    guard let tables = PageTables() else { return nil }
    self.tables = tables
    tables.shareKernel()
    randomize()
    let me = Unmanaged.passUnretained(self)
    AddressSpace.registry.withLock { AddressSpace.all.append(me) }
  }

  /// Gives every page and table back.
  ///
  /// No processor may use the space any more.
  func release() {
    guard !isReleased else { return }
    isReleased = true
    lock.withLock { cutOut(0..<Layout.userSpace.upperBound) }
    program = nil
    let me = Unmanaged.passUnretained(self).toOpaque()
    AddressSpace.registry.withLock { AddressSpace.all.removeAll { $0.toOpaque() == me } }
    tables.releaseTables()
    tables.releaseRoot()
  }

  /// Gives all pages and files back and keeps the tables: nobody will go to ring 3 with it again.
  func clear() {
    lock.withLock { cutOut(0..<Layout.userSpace.upperBound) }
    program = nil
  }

  deinit { release() }

  func take(_ limits: ResourceLimits) {
    sizeLimit = limits[.addressSpace].soft
    stackLimit = min(limits[.stack].soft, Stack.mostEver)
    lockedLimit = limits[.lockedMemory].soft
  }

  /// Whether areas may become larger by so many bytes; `lock` is held.
  func hasRoom(for more: UInt64) -> Bool {
    guard sizeLimit != ResourceLimit.infinity else { return true }
    var size = more
    for area in areas { size += area.size }
    return size <= sizeLimit
  }

  func count(pages: Int = 0, swapped: Int = 0) {
    if pages != 0 { _ = atomic_add64(&pageCount, UInt64(bitPattern: Int64(pages))) }
    if swapped != 0 { _ = atomic_add64(&swappedCount, UInt64(bitPattern: Int64(swapped))) }
  }
}

// MARK: Mapping

extension AddressSpace {
  /// Mappings that name no address lie below this, leaving the stack what it may grow to.
  static let highestMapping: UInt64 = Layout.userStackTop - (64 << 20)
  static let lowestMapping: UInt64 = 0x1000_0000_0000
  /// The most areas that a space may have, as vm.max_map_count.
  static let mostAreas = 65530

  /// Maps `size` bytes and returns where; `at` nil asks for any place.
  ///
  /// What lay in the range goes, unless `replacing` is false.
  func map(
    at wanted: UInt64?, size: UInt64, _ protection: Protection, _ kind: AreaKind = [],
    object: MemoryObject? = nil, offset: UInt64 = 0, replacing: Bool = true
  ) -> Result<UInt64, SystemFailure> {
    lock.withLock {
      place(
        at: wanted, size: size, protection, kind, object: object, offset: offset,
        replacing: replacing)
    }
  }

  /// Cuts `range` out of the areas and gives its pages back; false when that would make one area too many.
  @discardableResult
  func unmap(_ range: Range<UInt64>) -> Bool {
    lock.withLock {
      let isHole = areas.find(range.lowerBound).map { $0.end > range.upperBound } ?? false
      guard !isHole || areas.count < AddressSpace.mostAreas else { return false }
      cutOut(range)
      releaseEmptyTables(range)
      return true
    }
  }

  /// `map`, with the lock held.
  func place(
    at wanted: UInt64?, size: UInt64, _ protection: Protection, _ kind: AreaKind,
    object: MemoryObject?, offset: UInt64, replacing: Bool
  ) -> Result<UInt64, SystemFailure> {
    guard size > 0, size <= Layout.userSpace.upperBound, !protection.isWritableCode,
      Configuration.HUGE_PAGES || !kind.contains(.onlyHugePages)
    else {
      return .failure(SystemFailure(.invalidArgument))
    }
    // Cutting out may make two areas of one.
    guard areas.count + 2 <= AddressSpace.mostAreas, !AllocationFailures.refuses(.areas) else {
      return .failure(SystemFailure(.outOfMemory))
    }
    let unit = kind.contains(.onlyHugePages) ? HugePages.size : pageSize
    let size = (size + unit - 1) & ~(unit - 1)
    let place =
      wanted
      ?? areas.gap(
        size, in: AddressSpace.lowestMapping..<mappingTop, alignment: unit,
        guardGap: Stack.guardGap)
    guard let start = place else { return .failure(SystemFailure(.outOfMemory)) }
    guard start % unit == 0, start >= Layout.userSpace.lowerBound,
      start <= Layout.userSpace.upperBound - size
    else { return .failure(SystemFailure(.invalidArgument)) }
    let range = start..<start + size
    guard hasRoom(for: size) else { return .failure(SystemFailure(.outOfMemory)) }
    var kind = kind
    if locksNewAreas { kind.insert(.locked) }
    guard !kind.contains(.locked) || mayLock(size) else {
      return .failure(SystemFailure(.tryAgain))
    }
    if areas.overlaps(range) {
      guard replacing else { return .failure(SystemFailure(.exists)) }
      cutOut(range)
    }
    if protection.contains(.write), !kind.contains(.shared), !kind.contains(.noReserve) {
      kind.insert(.charged)
    }
    if kind.contains(.charged), !charge(size / pageSize) {
      return .failure(SystemFailure(.outOfMemory))
    }
    _ = areas.insert(Area(range, protection, kind, object: object, offset: offset))
    object?.mappingChanged(by: Int(size / pageSize))
    return .success(start)
  }

  private func cutOut(_ range: Range<UInt64>) {
    splitLarge(at: range.lowerBound)
    splitLarge(at: range.upperBound)
    while true {
      let removed = areas.removeSome(range)
      if removed.isEmpty { return }
      for area in removed {
        dropPages(area.range)
        if area.kind.contains(.charged) { uncharge(area.size / pageSize) }
        area.object?.mappingChanged(by: -Int(area.size / pageSize))
      }
    }
  }

  /// Changes what may be done in `range`; it must be mapped throughout.
  func protect(_ range: Range<UInt64>, _ protection: Protection) -> Result<UInt64, SystemFailure> {
    guard !protection.isWritableCode else { return .failure(SystemFailure(.invalidArgument)) }
    return lock.withLock {
      guard areas.covers(range) else { return .failure(SystemFailure(.outOfMemory)) }
      var toCharge: UInt64 = 0
      var at = range.lowerBound
      while protection.contains(.write), at < range.upperBound, let area = areas.find(at) {
        guard !area.kind.contains(.readOnly) else { return .failure(SystemFailure(.accessDenied)) }
        let part = area.part(range)
        at = part.end
        if !part.isShared, part.kind.isDisjoint(with: [.charged, .noReserve]) {
          toCharge += part.size / pageSize
        }
      }
      guard areas.count + 2 <= AddressSpace.mostAreas, !AllocationFailures.refuses(.areas),
        charge(toCharge)
      else {
        return .failure(SystemFailure(.outOfMemory))
      }
      splitLarge(at: range.lowerBound)
      splitLarge(at: range.upperBound)
      areas.update(range) { area in
        area.protection = protection
        if protection.contains(.write), !area.isShared, !area.kind.contains(.noReserve) {
          area.kind.insert(.charged)
        }
      }
      changeEntries(range, protection)
      return .success(0)
    }
  }

  private func changeEntries(_ range: Range<UInt64>, _ protection: Protection) {
    tableLock.withLock {
      tables.visit(range) { entry, _, _ in
        guard entry.pointee & (PageFlags.present.rawValue | PageFlags.hidden.rawValue) != 0 else {
          return
        }
        var flags = PageFlags(rawValue: entry.pointee)
        // Write permission comes back by a fault, which knows whose the page is.
        flags.subtract([.writable, .noExecute, .present, .hidden])
        flags.insert(protection.isEmpty ? .hidden : .present)
        if !protection.contains(.execute) { flags.insert(.noExecute) }
        entry.pointee = flags.rawValue
      }
    }
    TLB.flush(range, root: tables.root)
  }
}

// MARK: Giving pages back

extension AddressSpace {
  /// Entries taken out of the tables, whose frames are free as soon as no processor remembers them.
  private struct Batch {
    var values = InlineArray<32, UInt64>(repeating: 0)
    var count = 0
    var isFull: Bool { count == 32 }
  }

  /// Forgets the pages of a range; what is mapped there comes anew at the next touch.
  ///
  /// `lock` is held.
  func dropPages(_ range: Range<UInt64>) {
    var at = range.lowerBound
    while at < range.upperBound {
      var batch = Batch()
      let from = at
      tableLock.withLock { at = takeOut(at..<range.upperBound, &batch) }
      guard batch.count > 0 else { continue }
      TLB.flush(from..<at, root: tables.root)
      for index in 0..<batch.count { drop(batch.values[index]) }
    }
  }

  private func takeOut(_ range: Range<UInt64>, _ batch: inout Batch) -> UInt64 {
    var address = range.lowerBound
    while address < range.upperBound, !batch.isFull {
      let (entry, level) = tables.lowestEntry(LinearAddress(address))
      let size: UInt64 = 1 << UInt64(3 + 9 * level)
      if entry.pointee != 0 {
        batch.values[batch.count] = entry.pointee
        batch.count += 1
        entry.pointee = 0
      }
      address = min((address & ~(size - 1)) &+ size, range.upperBound)
    }
    return address
  }

  private func drop(_ value: UInt64) {
    if let slot = PageEntry.slot(value) {
      count(swapped: -1)
      Swap.release(slot)
      return
    }
    let frame = PhysicalAddress(value & PageTables.addressMask)
    guard frame != ZeroPage.frame else { return }
    count(pages: value & PageFlags.large.rawValue != 0 ? -HugePages.frames : -1)
    if value & PageFlags.dirty.rawValue != 0 { Frames.markDirty(frame) }
    Frames.release(frame)
  }
}

/// Page table entries that are not present and yet say something.
enum PageEntry {
  private static let swapped: UInt64 = 1 << 10

  static func swapped(_ slot: Int) -> UInt64 { UInt64(slot) << 12 | swapped }

  /// The swap slot that an entry names.
  static func slot(_ value: UInt64) -> Int? {
    value & 1 == 0 && value & swapped != 0 ? Int(value >> 12) : nil
  }

  /// The entry without what the processor notes in it.
  static func withoutNotes(_ value: UInt64) -> UInt64 {
    value & ~(PageFlags.accessed.rawValue | PageFlags.dirty.rawValue)
  }
}

extension PageFlags {
  /// Not present although there is a page: PROT_NONE.
  ///
  /// One of the bits the processor ignores then.
  static let hidden = PageFlags(rawValue: 1 << 9)
}

// MARK: The heap, and commitment

extension AddressSpace {
  /// Moves the end of the heap; returns the new one, or the old one when that cannot be.
  func brk(_ end: UInt64) -> UInt64 {
    var new: Range<UInt64> = 0..<0
    defer { if !new.isEmpty { populate(new) } }
    return lock.withLock {
      let oldTop = (heapEnd + pageSize - 1) & ~(pageSize - 1)
      guard end >= heapStart, end < Layout.userSpace.upperBound - pageSize else { return heapEnd }
      let top = (end + pageSize - 1) & ~(pageSize - 1)
      if top > oldTop {
        if areas.overlaps(oldTop..<top + Stack.guardGap) { return heapEnd }
        let result = place(
          at: oldTop, size: top - oldTop, [.read, .write], .heap, object: nil, offset: 0,
          replacing: false)
        guard case .success = result else { return heapEnd }
        if locksNewAreas { new = oldTop..<top }
      } else if top < oldTop {
        cutOut(top..<oldTop)
        releaseEmptyTables(top..<oldTop)
      }
      heapEnd = end
      return end
    }
  }

  func charge(_ pages: UInt64) -> Bool {
    guard Commitment.charge(pages) else { return false }
    committed += pages
    return true
  }

  func uncharge(_ pages: UInt64) {
    Commitment.uncharge(pages)
    committed -= pages
  }
}
