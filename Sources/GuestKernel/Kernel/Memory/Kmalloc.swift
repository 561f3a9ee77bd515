/// Memory of any size for the kernel: the smallest cache `kmalloc-N` whose objects are large enough,
/// blocks of pages above that. The Swift runtime allocates here too, from interrupts as well, so nothing
/// here sleeps unless it is asked to.
import KernelArch

enum Kmalloc {
  private static let sizes = 13
  nonisolated(unsafe) private static var caches: [SlabCache] = []
  /// Frames in blocks for what is larger than any cache; changed by atomic operations.
  nonisolated(unsafe) private static var largeFrames: UInt32 = 0
  nonisolated(unsafe) private static var largeBlocks: UInt32 = 0
  static let largestObject = 8192

  /// Makes the caches; until then everything comes from the first arena.
  static func start(isChecked: Bool) {
    SlabCache.checksEverything = isChecked
    var made: [SlabCache] = []
    made.append(SlabCache("kmalloc-16", size: 16, alignment: 16))
    made.append(SlabCache("kmalloc-32", size: 32, alignment: 32))
    made.append(SlabCache("kmalloc-64", size: 64, alignment: 64))
    made.append(SlabCache("kmalloc-96", size: 96, alignment: 16))
    made.append(SlabCache("kmalloc-128", size: 128, alignment: 128))
    made.append(SlabCache("kmalloc-192", size: 192, alignment: 16))
    made.append(SlabCache("kmalloc-256", size: 256, alignment: 256))
    made.append(SlabCache("kmalloc-384", size: 384, alignment: 16))
    made.append(SlabCache("kmalloc-512", size: 512, alignment: 512))
    made.append(SlabCache("kmalloc-1024", size: 1024, alignment: 512))
    made.append(SlabCache("kmalloc-2048", size: 2048, alignment: 512))
    made.append(SlabCache("kmalloc-4096", size: 4096, alignment: 512))
    made.append(SlabCache("kmalloc-8192", size: 8192, alignment: 512))
    caches = made
    isStarted = true
  }

  nonisolated(unsafe) private(set) static var isStarted = false

  static func allocate(
    _ size: Int, alignment: Int = 8, _ flags: GFP = .kernel
  ) -> UnsafeMutableRawPointer? {
    if flags.isDisjoint(with: .unrefusable), AllocationFailures.refuses(.buffers) { return nil }
    if alignment <= 512, let cache = cache(size, alignment) { return cache.allocate(flags) }
    let bytes = max(size, alignment)
    guard bytes <= Int(pageSize) << BuddyAllocator.largestOrder else { return nil }
    var order = 0
    while Int(pageSize) << order < bytes { order += 1 }
    guard let block = Frames.allocate(order: order, flags) else { return nil }
    Frames.page(block).pointee.state.insert(.large)
    _ = atomic_add32(&largeFrames, 1 << UInt32(order))
    _ = atomic_add32(&largeBlocks, 1)
    return block.pointer
  }

  static func release(_ pointer: UnsafeMutableRawPointer) {
    let physical = PhysicalAddress(UInt64(UInt(bitPattern: pointer)) &- Layout.directMap)
    let page = Frames.page(physical)
    if page.pointee.state.contains(.slab) {
      let owner = UnsafeRawPointer(bitPattern: page.pointee.owner)
      guard let owner else { panic("slab without a cache") }
      Unmanaged<SlabCache>.fromOpaque(owner)._withUnsafeGuaranteedRef { $0.release(pointer) }
      return
    }
    guard page.pointee.state.contains(.large), physical.value % pageSize == 0 else {
      panic("\(hex: UInt(bitPattern: pointer)) freed, but not allocated")
    }
    page.pointee.state.remove(.large)
    _ = atomic_add32(&largeFrames, 0 &- 1 << UInt32(page.pointee.order))
    _ = atomic_add32(&largeBlocks, UInt32.max)
    Frames.release(physical)
  }

  /// The smallest cache for `size` bytes whose objects are aligned.
  private static func cache(_ size: Int, _ alignment: Int) -> SlabCache? {
    guard size <= largestObject else { return nil }
    for cache in caches where cache.objectSize >= size && cache.alignment % alignment == 0 {
      return cache
    }
    return nil
  }

  /// Gives magazines to the processors that have been started.
  static func addMagazines() {
    for cache in caches { cache.addMagazines() }
  }
}

// MARK: Figures

extension Kmalloc {
  /// In bytes and objects, caches of others included.
  static var figures: (bytesTotal: UInt64, bytesInUse: UInt64, objects: UInt64) {
    var total = UInt64(atomic_load32(&largeFrames)) * pageSize
    var inUse = total
    var objects = UInt64(atomic_load32(&largeBlocks))
    for cache in SlabCache.all {
      let figures = cache._withUnsafeGuaranteedRef { $0.figures }
      total += UInt64(figures.bytes)
      inUse += UInt64(figures.inUse * figures.stride)
      objects += UInt64(figures.inUse)
    }
    return (total, inUse, objects)
  }
}
