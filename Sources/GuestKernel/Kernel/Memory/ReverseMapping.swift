/// From a frame to the page table entries that map it, which reclaim needs to take a page away.
///
/// A private page lies at the same address in all spaces that have it, since they have it from a common
/// ancestor by fork; so its descriptor remembers that address, and the entry of each space is looked at.
/// A page of a memory object can lie anywhere: the areas that map the object say where. That visits
/// every space for every page: right and short, and with a hundred processes still quick.
import KernelArch

enum ReverseMapping {
  /// Calls `body` for each entry that maps the frame, with the space's `tableLock` held; false when a
  /// space was busy, so that some may have been left out.
  static func forEach(
    _ frame: PhysicalAddress, mayWait: Bool = true,
    _ body: (AddressSpace, PageTables.Entry, UInt64) -> Void
  ) -> Bool {
    let page = Frames.page(frame).pointee
    let owner = page.state.contains(.cached) ? page.owner : 0
    if mayWait {
      AddressSpace.registry.lock()
    } else if !AddressSpace.registry.tryLock() {
      return false
    }
    defer { AddressSpace.registry.unlock() }
    var isComplete = true
    for space in AddressSpace.all {
      let isSeen = space._withUnsafeGuaranteedRef { space in
        owner == 0
          ? visit(space, page.index * pageSize, frame, body)
          : visit(space, owner, page.index, frame, body)
      }
      if !isSeen { isComplete = false }
    }
    return isComplete
  }

  private static func visit(
    _ space: AddressSpace, _ address: UInt64, _ frame: PhysicalAddress,
    _ body: (AddressSpace, PageTables.Entry, UInt64) -> Void
  ) -> Bool {
    guard Layout.userSpace.contains(address) else { return true }
    space.tableLock.withLock {
      let (entry, level) = space.tables.lowestEntry(LinearAddress(address))
      let mask = PageFlags.present.rawValue | PageFlags.hidden.rawValue
      guard level == 1, entry.pointee & mask != 0,
        entry.pointee & PageTables.addressMask == frame.value
      else { return }
      body(space, entry, address)
    }
    return true
  }

  private static func visit(
    _ space: AddressSpace, _ object: UInt, _ index: UInt64, _ frame: PhysicalAddress,
    _ body: (AddressSpace, PageTables.Entry, UInt64) -> Void
  ) -> Bool {
    let isMine = space.lock.isMine
    guard isMine || space.lock.tryLock() else { return false }
    defer { if !isMine { space.lock.unlock() } }
    for area in space.areas {
      guard let mapped = area.object,
        UInt(bitPattern: Unmanaged.passUnretained(mapped).toOpaque()) == object
      else { continue }
      let first = area.offset / pageSize
      guard index >= first, index - first < area.size / pageSize else { continue }
      _ = visit(space, area.start + (index - first) * pageSize, frame, body)
    }
    return true
  }

  /// True when a processor has used the page since the last time, which it forgets, or when the page is
  /// locked: then it is as if it were always in use.
  static func takeAccessed(_ frame: PhysicalAddress) -> Bool {
    var wasUsed = false
    _ = forEach(frame) { _, entry, _ in
      let inUse = PageFlags.accessed.rawValue | PageFlags.locked.rawValue
      if entry.pointee & inUse != 0 { wasUsed = true }
      entry.pointee &= ~PageFlags.accessed.rawValue
    }
    return wasUsed
  }

  /// Makes every mapping of the frame read-only; false when one could not be looked at.
  static func makeReadOnly(_ frame: PhysicalAddress) -> Bool {
    // Called with an object locked, which comes after the registry.
    forEach(frame, mayWait: false) { space, entry, address in
      guard entry.pointee & PageFlags.writable.rawValue != 0 else { return }
      entry.pointee &= ~(PageFlags.writable.rawValue | PageFlags.dirty.rawValue)
      TLB.flush(page: address, root: space.tables.root)
    }
  }

  /// Puts `replacement` into every entry that maps the frame, but those that are locked; returns how many there were, whose
  /// references are the caller's now, and whether those are all.
  static func unmap(
    _ frame: PhysicalAddress, replacement: UInt64, onEach: () -> Void
  ) -> (count: Int, isComplete: Bool) {
    var count = 0
    var isLocked = false
    let isComplete = forEach(frame) { space, entry, address in
      if entry.pointee & PageFlags.locked.rawValue != 0 {
        isLocked = true
        return
      }
      if entry.pointee & PageFlags.dirty.rawValue != 0 { Frames.markDirty(frame) }
      onEach()
      entry.pointee = replacement
      space.count(pages: -1, swapped: replacement != 0 ? 1 : 0)
      TLB.flush(page: address, root: space.tables.root)
      count += 1
    }
    return (count, isComplete && !isLocked)
  }
}
