/// Physical memory, handed out in blocks of frames, each with a count of those who use it.
///
/// The last frames are kept for those who cannot wait: programs get none below `minimum` free frames,
/// the kernel's threads none below half of it, who must not sleep none below a quarter. What is left then is
/// for objects that are made under a spinlock (`GFP.emergency`). See `Headroom`.
/// Lock: `lock`, for the allocator, the lists and the state of every page.
import KernelArch

enum Frames {
  private static let lock = SpinLock("frames")
  nonisolated(unsafe) private static var buddy: BuddyAllocator?
  nonisolated(unsafe) private static var lists: PageLists?
  nonisolated(unsafe) private(set) static var usable: UInt64 = 0
  /// Of the zones: the boot page tables map no more than 4 GiB.
  nonisolated(unsafe) private static var highestZone = 1
  /// Below `low` free frames reclaim begins, above `high` it ends.
  nonisolated(unsafe) private(set) static var minimum = 0
  static var low: Int { minimum * 2 }
  static var high: Int { minimum * 3 }

  static var freeCount: Int { buddy?.freeCount ?? 0 }
  /// Some pieces of eight frames, in the reserve too.
  static var hasFramesInARow: Bool {
    buddy?.canSpare(order: 3, keeping: minimum / 64, of: 4) ?? true
  }
  static var freeBytes: UInt64 { UInt64(freeCount) * pageSize }
  static var totalCount: Int { Int(usable / pageSize) }

  /// Takes over all usable memory of the map, but what `map` reserves already.
  static func start(_ map: inout MemoryMap) {
    let count = Int(map.endOfUsable / pageSize)
    let size = UInt64(count * MemoryLayout<Page>.stride)
    let bootReach: UInt64 = 4 << 30  // boot page tables map no more
    let highMemory: UInt64 = 1 << 20
    guard let place = map.findSpace(length: size, from: highMemory, below: bootReach) else {
      panic("no room for page descriptors of \(size: size)")
    }
    map.reserve(base: place, end: (place + size + pageSize - 1) & ~(pageSize - 1))
    let pages = PhysicalAddress(place).pointer.bindMemory(to: Page.self, capacity: count)
    var buddy = BuddyAllocator(pages: pages, frameCount: count)
    let end16M = Int((16 << 20) / pageSize)
    let end4G = Int((4 << 30) / pageSize)
    buddy.addZone("DMA", 0..<end16M)
    if count > end16M { buddy.addZone("DMA32", end16M..<end4G) }
    if count > end4G { buddy.addZone("Normal", end4G..<count) }
    for range in map.usableFrames { buddy.add(range) }
    self.buddy = buddy
    lists = PageLists(pages: pages)
    usable = freeBytes
    minimum = min(1024, max(64, totalCount / 128))
  }

  /// The kernel's own page tables map all memory, with the direct map that much further up from now on; see
  /// `Randomization`.
  static func follow(directMapBy offset: UInt64) {
    highestZone = .max
    buddy?.move(by: Int(offset))
    if let buddy { lists = PageLists(pages: buddy.pages) }
  }

  /// Gives back frames that were never allocated: the boot code's.
  static func reclaim(_ range: Range<UInt64>) {
    lock.withLockIRQ {
      buddy?.add(Int(range.lowerBound / pageSize)..<Int(range.upperBound / pageSize))
    }
  }

  /// A cache's slabs over all memory.
  static func makeSlab(_ layout: SlabLayout) -> Slab {
    guard let buddy else { panic("slab cache made before there are frames") }
    return Slab(layout, pages: buddy.pages, memory: PhysicalAddress(0).pointer)
  }

  /// The allocator's state, to look at.
  static func inspect<Result>(_ body: (borrowing BuddyAllocator) -> Result) -> Result? {
    lock.withLockIRQ { buddy.map { body($0) } }
  }
}

// MARK: Allocation

extension Frames {
  /// A frame filled with zeroes.
  static func allocate() -> PhysicalAddress? { allocate(order: 0, .zero) }

  /// 2^order frames at a multiple of their size, with one reference.
  ///
  /// Waits for reclaim when memory is short, unless the flags or the context forbid it.
  static func allocate(order: Int, _ flags: GFP) -> PhysicalAddress? {
    if flags.isDisjoint(with: .unrefusable), AllocationFailures.refuses(.frames) { return nil }
    var address = take(order, flags)
    if address == nil, flags.isDisjoint(with: [.atomic, .emergency, .noRetry]), Reclaim.mayWait {
      var attempts = 0
      while address == nil, attempts < 4, Reclaim.makeRoom(1 << order) {
        address = take(order, flags)
        attempts += 1
      }
    }
    guard let address else {
      MemoryStatistics.count(.allocationFailures)
      return nil
    }
    if flags.contains(.zero) {
      address.pointer.initializeMemory(as: UInt8.self, repeating: 0, count: Int(pageSize) << order)
    }
    return address
  }

  private static func take(_ order: Int, _ flags: GFP) -> PhysicalAddress? {
    let floor = floor(for: flags)
    let highest = flags.contains(.dma) ? 0 : flags.contains(.dma32) ? 1 : highestZone
    let frame: Int? = lock.withLockIRQ {
      guard freeCount - 1 << order >= floor else { return nil }
      if freeCount < low, !canSpareRow(order, flags) { return nil }
      return buddy?.allocate(order: order, highest: highest)
    }
    return frame.map { PhysicalAddress(UInt64($0) * pageSize) }
  }

  /// How many frames must stay free.
  private static func floor(for flags: GFP) -> Int {
    if flags.contains(.emergency) { return 0 }
    if flags.contains(.reclaimer) { return minimum / 8 }
    if flags.contains(.atomic) { return minimum / 4 }
    return flags.contains(.user) ? minimum : minimum / 2
  }

  /// The kernel's tables and arrays need some frames in a row: programs must not use those up, nor the
  /// kernel's threads the last ones.
  private static func canSpareRow(_ order: Int, _ flags: GFP) -> Bool {
    guard let buddy, !flags.contains(.emergency) else { return true }
    return flags.contains(.user)
      ? buddy.canSpare(order: order, keeping: minimum / 32, of: 4)
      : buddy.canSpare(order: order, keeping: max(2, minimum / 64), of: 3)
  }

  /// One more user of a frame.
  static func retain(_ address: PhysicalAddress) {
    lock.withLockIRQ { page(address).pointee.references += 1 }
  }

  /// One user less; the last one gives the block back.
  static func release(_ address: PhysicalAddress) {
    let isTaken = lock.withLockIRQ { drop(address) }
    if !isTaken { panic("frame \(hex: address.value) released twice") }
  }

  private static func drop(_ address: PhysicalAddress) -> Bool {
    let page = page(address)
    guard page.pointee.references > 0 else { return false }
    page.pointee.references -= 1
    guard page.pointee.references == 0 else { return true }
    page.pointee.references = 1
    let frame = Int(address.value / pageSize)
    lists?.remove(frame)
    return buddy?.release(frame, order: Int(page.pointee.order)) ?? false
  }

  /// Makes single frames, each with one user, of a block with one user.
  static func split(_ address: PhysicalAddress, order: Int) {
    lock.withLockIRQ {
      let head = page(address)
      for index in 0..<1 << order {
        head[index].order = 0
        head[index].state = head.pointee.state
        head[index].references = 1
      }
    }
  }
}

// MARK: Descriptors

extension Frames {
  /// The descriptor of the frame at `address`.
  static func page(_ address: PhysicalAddress) -> UnsafeMutablePointer<Page> {
    guard let buddy, Int(address.value / pageSize) < buddy.frameCount else {
      panic("\(hex: address.value) is no memory")
    }
    return buddy.pages + Int(address.value / pageSize)
  }

  static func isMemory(_ address: PhysicalAddress) -> Bool {
    guard let buddy else { return false }
    return Int(address.value / pageSize) < buddy.frameCount
  }

  static func references(_ address: PhysicalAddress) -> UInt32 { page(address).pointee.references }

  static func has(_ address: PhysicalAddress, _ state: PageState) -> Bool {
    page(address).pointee.state.contains(state)
  }

  static func change(
    _ address: PhysicalAddress, adding: PageState = [], removing: PageState = []
  ) {
    lock.withLockIRQ {
      let page = page(address)
      page.pointee.state.subtract(removing)
      page.pointee.state.formUnion(adding)
    }
  }

  /// The contents are newer than what the frame's owner has on disk.
  static func markDirty(_ address: PhysicalAddress) { change(address, adding: .dirty) }

  /// A frame now holds a page that reclaim may take away again.
  static func adopt(
    _ address: PhysicalAddress, _ state: PageState, index: UInt64, owner: UInt, active: Bool
  ) {
    lock.withLockIRQ {
      let page = page(address)
      page.pointee.state.formUnion(state)
      page.pointee.index = index
      page.pointee.owner = owner
      lists?.add(Int(address.value / pageSize), active: active)
    }
  }
}

// MARK: The lists of reclaim

extension Frames {
  static var activeCount: Int { lists?.activeCount ?? 0 }
  static var inactiveCount: Int { lists?.inactiveCount ?? 0 }

  /// Takes the oldest page off its list; the caller has a reference until it puts the page back.
  static func isolateOldest(active: Bool) -> PhysicalAddress? {
    lock.withLockIRQ {
      guard let frame = lists?.oldest(active: active) else { return nil }
      lists?.remove(frame)
      let address = PhysicalAddress(UInt64(frame) * pageSize)
      page(address).pointee.references += 1
      return address
    }
  }

  /// Takes this page off its list, as `isolateOldest` does; false when it is on none.
  static func isolate(_ address: PhysicalAddress) -> Bool {
    lock.withLockIRQ {
      guard page(address).pointee.state.contains(.listed) else { return false }
      lists?.remove(Int(address.value / pageSize))
      page(address).pointee.references += 1
      return true
    }
  }

  /// Gives up the reference from `isolateOldest`; the page is listed again if anybody else has one.
  static func putBack(_ address: PhysicalAddress, active: Bool) {
    lock.withLockIRQ {
      if page(address).pointee.references > 1 {
        lists?.add(Int(address.value / pageSize), active: active)
      }
      _ = drop(address)
    }
  }

  /// Frees a frame if it has no more than `references` users, which are all the caller's.
  static func releaseAll(_ address: PhysicalAddress, ifReferences references: UInt32) -> Bool {
    lock.withLockIRQ {
      guard page(address).pointee.references == references else { return false }
      page(address).pointee.references = 1
      return drop(address)
    }
  }
}
