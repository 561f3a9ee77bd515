/// A program's half of the linear address space: a list of areas, which says what may be touched, and
/// page tables, which say what has been. The kernel's half is shared by all.
///
/// Pages come at their first touch (`AddressSpace+Fault`), so that mapping costs nothing but an entry in
/// the list, and after `fork` both sides go on with the same frames until one of them writes.
/// Lock: interrupts off.
import KernelArch

final class AddressSpace {
  let tables: PageTables
  var areas = AreaList<MemoryObject>()
  /// The heap that `brk` moves the end of.
  var heapStart: UInt64 = 0
  var heapEnd: UInt64 = 0
  /// Frames in the page tables, whoever else has them too.
  var pageCount: UInt64 = 0
  /// Pages charged against the commit limit.
  var committed: UInt64 = 0
  /// Faults that only needed a frame, and those that needed contents from elsewhere.
  var minorFaults: UInt64 = 0
  var majorFaults: UInt64 = 0
  /// Faults that copied a shared frame because of a write.
  var copies: UInt64 = 0

  init?() {
    guard let tables = PageTables() else { return nil }
    self.tables = tables
    for slot in Layout.kernelSlots {
      PageTables.entry(tables.root, slot).pointee =
        PageTables.entry(KernelSpace.tables.root, slot).pointee
    }
  }

  /// Gives every page and table back.
  ///
  /// No processor may use the space any more.
  func release() {
    unmap(0..<Layout.userSpace.upperBound)
    tables.releaseTables(0..<Layout.kernelSlots.lowerBound)
    tables.releaseRoot()
  }
}

// MARK: Mapping

extension AddressSpace {
  /// Where mappings go that name no address: below the stack and what it may grow to.
  static let mappingWindow: Range<UInt64> =
    0x1000_0000_0000..<Layout.userStackTop - (64 << 20)

  /// Maps `size` bytes and returns where; `at` nil asks for any place.
  ///
  /// What lay in the range goes, unless `replacing` is false.
  func map(
    at wanted: UInt64?, size: UInt64, _ protection: Protection, _ kind: AreaKind = [],
    object: MemoryObject? = nil, offset: UInt64 = 0, replacing: Bool = true
  ) -> Result<UInt64, SystemFailure> {
    guard size > 0, size <= Layout.userSpace.upperBound else {
      return .failure(SystemFailure(.invalidArgument))
    }
    let size = (size + pageSize - 1) & ~(pageSize - 1)
    let place = wanted ?? areas.gap(size, in: AddressSpace.mappingWindow, guardGap: Stack.guardGap)
    guard let start = place else { return .failure(SystemFailure(.outOfMemory)) }
    guard start % pageSize == 0, start >= Layout.userSpace.lowerBound,
      start <= Layout.userSpace.upperBound - size
    else { return .failure(SystemFailure(.invalidArgument)) }
    let range = start..<start + size
    if areas.overlaps(range) {
      guard replacing else { return .failure(SystemFailure(.exists)) }
      unmap(range)
    }
    var kind = kind
    if protection.contains(.write), !kind.contains(.shared) { kind.insert(.charged) }
    if kind.contains(.charged), !charge(size / pageSize) {
      return .failure(SystemFailure(.outOfMemory))
    }
    _ = areas.insert(Area(range, protection, kind, object: object, offset: offset))
    return .success(start)
  }

  /// Cuts `range` out of the areas and gives its pages back.
  func unmap(_ range: Range<UInt64>) {
    let removed = areas.remove(range)
    guard !removed.isEmpty else { return }
    for area in removed {
      dropPages(area.range)
      if area.kind.contains(.charged) { uncharge(area.size / pageSize) }
    }
    TLB.flushAll(root: tables.root)
  }

  /// Changes what may be done in `range`; it must be mapped throughout.
  func protect(_ range: Range<UInt64>, _ protection: Protection) -> Result<UInt64, SystemFailure> {
    guard areas.covers(range) else { return .failure(SystemFailure(.outOfMemory)) }
    var toCharge: UInt64 = 0
    for part in areas.parts(in: range) where protection.contains(.write) && !part.isShared {
      if !part.kind.contains(.charged) { toCharge += part.size / pageSize }
    }
    guard charge(toCharge) else { return .failure(SystemFailure(.outOfMemory)) }
    areas.update(range) { area in
      area.protection = protection
      if protection.contains(.write), !area.isShared { area.kind.insert(.charged) }
    }
    let reachable = !protection.isEmpty
    tables.visit(range) { entry, _, _ in
      guard entry.pointee & 1 != 0 || entry.pointee & PageFlags.hidden.rawValue != 0 else { return }
      var flags = PageFlags(rawValue: entry.pointee)
      // Write permission comes back by a fault, which knows whose the page is.
      flags.remove([.writable, .noExecute, .present, .hidden])
      flags.insert(reachable ? .present : .hidden)
      if !protection.contains(.execute) { flags.insert(.noExecute) }
      entry.pointee = flags.rawValue
    }
    TLB.flushAll(root: tables.root)
    return .success(0)
  }

  /// Forgets the pages of a range; what is mapped there comes anew at the next touch.
  func dropPages(_ range: Range<UInt64>) {
    tables.visit(range) { entry, _, level in drop(entry, level: level) }
  }

  private func drop(_ entry: PageTables.Entry, level: Int) {
    let value = entry.pointee
    entry.pointee = 0
    let frame = PhysicalAddress(value & PageTables.addressMask)
    guard frame != ZeroPage.frame else { return }
    pageCount -= 1
    if value & PageFlags.dirty.rawValue != 0 { Frames.markDirty(frame) }
    Frames.release(frame)
  }
}

// MARK: The heap, and commitment

extension AddressSpace {
  /// Moves the end of the heap; returns the new one, or the old one when that cannot be.
  func brk(_ end: UInt64) -> UInt64 {
    let oldTop = (heapEnd + pageSize - 1) & ~(pageSize - 1)
    guard end >= heapStart, end < Layout.userSpace.upperBound - pageSize else { return heapEnd }
    let top = (end + pageSize - 1) & ~(pageSize - 1)
    if top > oldTop {
      if areas.overlaps(oldTop..<top + Stack.guardGap) { return heapEnd }
      let result = map(
        at: oldTop, size: top - oldTop, [.read, .write], .heap, replacing: false)
      guard case .success = result else { return heapEnd }
    } else if top < oldTop {
      unmap(top..<oldTop)
    }
    heapEnd = end
    return end
  }

  private func charge(_ pages: UInt64) -> Bool {
    guard Commitment.charge(pages) else { return false }
    committed += pages
    return true
  }

  private func uncharge(_ pages: UInt64) {
    Commitment.uncharge(pages)
    committed -= pages
  }
}

// MARK: Fork

extension AddressSpace {
  /// A space with the same contents, or nil when memory has run out.
  ///
  /// Private pages are shared until one side writes, shared ones for good.
  func fork() -> AddressSpace? {
    guard let child = AddressSpace() else { return nil }
    guard child.charge(committed) else {
      child.release()
      return nil
    }
    child.heapStart = heapStart
    child.heapEnd = heapEnd
    child.areas = areas
    var isComplete = true
    for area in areas.areas where !area.isShared && isComplete {
      isComplete = child.share(area.range, of: self)
    }
    TLB.flushAll(root: tables.root)
    guard isComplete else {
      child.release()
      return nil
    }
    return child
  }

  /// Takes over the pages of a range, read-only on both sides.
  private func share(_ range: Range<UInt64>, of parent: AddressSpace) -> Bool {
    var isComplete = true
    parent.tables.visit(range) { entry, address, _ in
      guard isComplete, let own = tables.makeEntry(LinearAddress(address)) else {
        isComplete = false
        return
      }
      entry.pointee &= ~PageFlags.writable.rawValue
      own.pointee = entry.pointee
      let frame = PhysicalAddress(entry.pointee & PageTables.addressMask)
      guard frame != ZeroPage.frame else { return }
      Frames.retain(frame)
      pageCount += 1
    }
    return isComplete
  }
}
