/// What the Swift runtime allocates from: a first arena in the image until there are page descriptors,
/// `Kmalloc` from then on. What began in the arena goes back there.
///
/// The runtime stops the kernel when it gets nothing. So who may sleep waits for memory, and who must not
/// has frames that nobody else can take; `AtomicAllocations` finds the latter.
///
/// Lock: `lock`, for the arena.
import KernelArch

enum KernelHeap {
  private static let lock = SpinLock("early heap")
  nonisolated(unsafe) private static var arena = Heap()

  static func start() {
    let base = UInt(bitPattern: address_of_early_heap())
    arena.add(base: base, length: UInt(bitPattern: address_of_early_heap_end()) - base)
  }

  static func allocate(_ size: UInt, alignment: UInt) -> UnsafeMutableRawPointer? {
    if Kmalloc.isStarted {
      guard size < UInt(1) << 40 else { return nil }
      let (size, alignment) = (Int(size), Int(alignment))
      return Kmalloc.allocate(size, alignment: alignment, .atomic)
        ?? Headroom.lastResort { Kmalloc.allocate(size, alignment: alignment, .atomic) }
        ?? Kmalloc.allocate(size, alignment: alignment, .emergency)
    }
    return lock.withLockIRQ { arena.allocate(size, alignment: alignment) }
  }

  static func release(_ pointer: UnsafeMutableRawPointer) {
    let address = UInt(bitPattern: pointer)
    guard address >= UInt(bitPattern: address_of_early_heap()),
      address < UInt(bitPattern: address_of_early_heap_end())
    else { return Kmalloc.release(pointer) }
    let isTaken = lock.withLockIRQ { arena.release(pointer) }
    if !isTaken { panic("heap block \(hex: address) released twice, or never allocated") }
  }

  static var bytesTotal: UInt64 { Kmalloc.figures.bytesTotal + UInt64(arena.bytesTotal) }
  static var bytesInUse: UInt64 { Kmalloc.figures.bytesInUse + UInt64(arena.bytesInUse) }
  static var liveBlocks: UInt64 { Kmalloc.figures.objects + UInt64(arena.liveBlocks) }
}
