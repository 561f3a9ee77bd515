/// Physical memory, handed out in blocks of frames, each with a count of those who use it.
///
/// Lock: `lock`.
import KernelArch

enum Frames {
  private static let lock = SpinLock("frames")
  nonisolated(unsafe) private static var buddy: BuddyAllocator?
  nonisolated(unsafe) private(set) static var usable: UInt64 = 0

  /// What user programs leave to the kernel.
  private static let reserve = 64

  static var freeCount: Int { buddy?.freeCount ?? 0 }
  static var freeBytes: UInt64 { UInt64(freeCount) * pageSize }

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
    usable = freeBytes
  }

  /// A frame filled with zeroes.
  static func allocate() -> PhysicalAddress? { allocate(order: 0, .zero) }

  /// 2^order frames at a multiple of their size, with one reference.
  static func allocate(order: Int, _ flags: GFP) -> PhysicalAddress? {
    if flags.contains(.user), freeCount <= reserve { return nil }
    let highest = flags.contains(.dma) ? 0 : flags.contains(.dma32) ? 1 : Int.max
    guard
      let frame = lock.withLockIRQ({ buddy?.allocate(order: order, highest: highest) })
    else { return nil }
    let address = PhysicalAddress(UInt64(frame) * pageSize)
    if flags.contains(.zero) {
      address.pointer.initializeMemory(as: UInt8.self, repeating: 0, count: Int(pageSize) << order)
    }
    return address
  }

  /// A cache's slabs over all memory.
  static func makeSlab(_ layout: SlabLayout) -> Slab {
    guard let buddy else { panic("slab cache made before there are frames") }
    return Slab(layout, pages: buddy.pages, memory: PhysicalAddress(0).pointer)
  }

  /// The descriptor of the frame at `address`.
  static func page(_ address: PhysicalAddress) -> UnsafeMutablePointer<Page> {
    guard let buddy, Int(address.value / pageSize) < buddy.frameCount else {
      panic("\(hex: address.value) is no memory")
    }
    return buddy.pages + Int(address.value / pageSize)
  }

  /// One more user of a frame.
  static func retain(_ address: PhysicalAddress) {
    lock.withLockIRQ { page(address).pointee.references += 1 }
  }

  /// The contents are newer than what the frame's owner has on disk.
  static func markDirty(_ address: PhysicalAddress) {
    lock.withLockIRQ { _ = page(address).pointee.state.insert(.dirty) }
  }

  static func references(_ address: PhysicalAddress) -> UInt32 { page(address).pointee.references }

  /// One user less; the last one gives the block back.
  static func release(_ address: PhysicalAddress) {
    let isTaken = lock.withLockIRQ {
      let page = page(address)
      guard page.pointee.references > 0 else { return false }
      page.pointee.references -= 1
      guard page.pointee.references == 0 else { return true }
      page.pointee.references = 1
      let frame = Int(address.value / pageSize)
      return buddy?.release(frame, order: Int(page.pointee.order)) ?? false
    }
    if !isTaken { panic("frame \(hex: address.value) released twice") }
  }

  /// Gives back frames that were never allocated: the boot code's.
  static func reclaim(_ range: Range<UInt64>) {
    lock.withLockIRQ {
      buddy?.add(Int(range.lowerBound / pageSize)..<Int(range.upperBound / pageSize))
    }
  }
}
