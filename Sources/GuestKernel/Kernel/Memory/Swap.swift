/// Where pages go that have no other home. A page table entry, or a memory object, names the slot.
///
/// While a page is on its way out it is in the swap cache: who touches it meanwhile gets the frame back
/// from there, and sharing it with the other users of the slot makes it read-only, as after fork.
/// Lock: `lock` for the map and the cache; contents are read and written without it.
import KernelArch

/// A place for pages: a compressed store in memory, a file, a disk.
class SwapArea {
  let name: [UInt8]
  let slots: Int

  init(name: [UInt8], slots: Int) {
    self.name = name
    self.slots = slots
  }

  /// Both may sleep; false when the page could not be moved.
  func write(_ slot: Int, from frame: PhysicalAddress) -> Bool { false }
  func read(_ slot: Int, into frame: PhysicalAddress) -> Bool { false }
  /// Nobody needs the slot's contents any more.
  func discard(_ slot: Int) {}
}

enum Swap {
  private static let lock = SpinLock("swap", usesReserve: true)
  nonisolated(unsafe) private static var map = SwapMap(slots: 0)
  nonisolated(unsafe) private(set) static var area: SwapArea?
  /// The frames of slots whose page is still in memory, with a reference.
  nonisolated(unsafe) private static var cache = PageTree()
  /// The area is to be left: nothing goes out any more.
  nonisolated(unsafe) private static var isClosing = false

  static var slots: Int { map.count }
  static var usedSlots: Int { map.used }
  static var freeSlots: Int { map.count - map.used }

  /// Takes an area into use; false when there is one already.
  static func start(_ area: SwapArea) -> Bool {
    let fresh = SwapMap(slots: area.slots)
    return lock.withLockIRQ {
      guard Swap.area == nil else { return false }
      map = fresh
      Swap.area = area
      return true
    }
  }

  /// Stops using the area, after everything has come back into memory; false when that has no room.
  static func close() -> Bool {
    lock.withLockIRQ { isClosing = true }
    defer { lock.withLockIRQ { isClosing = false } }
    for _ in 0..<100 {
      guard bringEverythingIn() else { return false }
      if stop() { return true }
      // The page that reclaim had in hand has just gone out.
      Thread.sleep(nanoseconds: 10_000_000)
    }
    return false
  }

  private static func stop() -> Bool {
    var old: SwapArea?
    var empty = SwapMap(slots: 0)
    let isStopped: Bool = lock.withLockIRQ {
      guard map.used == 0 else { return false }
      old = area
      area = nil
      swap(&map, &empty)
      return true
    }
    return isStopped && old != nil
  }

  /// Makes every space and object take its pages back; false when memory does not suffice.
  static func bringEverythingIn() -> Bool {
    for _ in 0..<1000 {
      var isBusy = false
      let fits = AddressSpace.registry.withLock {
        for space in AddressSpace.all {
          switch space._withUnsafeGuaranteedRef({ $0.bringEverythingIn() }) {
          case true?: continue
          case false?: return false
          case nil: isBusy = true
          }
        }
        return true
      }
      if !fits || !isBusy { return fits }
      Thread.sleep(nanoseconds: 1_000_000)
    }
    return false
  }

  // MARK: Slots

  static func retain(_ slot: Int) { lock.withLockIRQ { map.retain(slot) } }

  /// One user less; the last one frees the slot, and the frame that the cache holds for it.
  static func release(_ slot: Int) {
    var frame: UInt64 = 0
    let isLast: Bool = lock.withLockIRQ {
      guard map.users(of: slot) == 1 else {
        _ = map.release(slot)
        return false
      }
      frame = cache.set(UInt64(slot), 0)
      return true
    }
    guard isLast else { return }
    if frame != 0 { Frames.release(PhysicalAddress(frame)) }
    // Before the slot can be given to another page.
    area?.discard(slot)
    lock.withLockIRQ { _ = map.release(slot) }
  }

  /// The page of a slot in memory, with a reference for the caller; nil when there is no memory for it.
  static func bringIn(_ slot: Int) -> (frame: PhysicalAddress, isNew: Bool)? {
    let known: UInt64 = lock.withLockIRQ {
      let frame = cache[UInt64(slot)]
      if frame != 0 { Frames.retain(PhysicalAddress(frame)) }
      return frame
    }
    if known != 0 { return (PhysicalAddress(known), false) }
    guard let area, let frame = Frames.allocate(order: 0, [.user, .noRetry]) else { return nil }
    guard area.read(slot, into: frame) else {
      Frames.release(frame)
      return nil
    }
    MemoryStatistics.count(.swappedIn)
    return (frame, true)
  }

  // MARK: Writing

  /// A slot for a page that nobody maps; nil when it could not be written.
  static func write(_ frame: PhysicalAddress) -> Int? {
    guard let area, let slot = lock.withLockIRQ({ isClosing ? nil : map.allocate() }) else {
      return nil
    }
    guard area.write(slot, from: frame) else {
      release(slot)
      return nil
    }
    MemoryStatistics.count(.swappedOut)
    return slot
  }

  /// Begins to move a page out: it is in the cache under a slot, whose one user is the caller.
  static func begin(_ frame: PhysicalAddress) -> Int? {
    guard area != nil else { return nil }
    let known = Int(Frames.page(frame).pointee.owner)
    return lock.withLockIRQ {
      guard !isClosing else { return nil }
      if known != 0, cache[UInt64(known - 1)] == frame.value {
        map.retain(known - 1)
        return known - 1
      }
      guard let slot = map.allocate() else { return nil }
      Frames.retain(frame)
      cache.set(UInt64(slot), frame.value)
      Frames.page(frame).pointee.owner = UInt(slot + 1)
      return slot
    }
  }

  /// Writes the page and frees the frame, unless somebody wanted it back meanwhile; gives up the
  /// caller's use of the slot and, if the frame is gone, the caller's reference.
  static func finish(_ slot: Int, _ frame: PhysicalAddress) -> Bool {
    let isWritten = area?.write(slot, from: frame) ?? false
    var isGone = false
    if isWritten {
      MemoryStatistics.count(.swappedOut)
      lock.withLockIRQ {
        guard cache[UInt64(slot)] == frame.value else { return }
        // The cache's and the caller's.
        if Frames.releaseAll(frame, ifReferences: 2) {
          cache.set(UInt64(slot), 0)
          isGone = true
        }
      }
    }
    release(slot)
    return isGone
  }
}
