/// Physical memory, handed out by the frame.
///
/// Lock: `lock`.
import KernelArch

enum Frames {
  private static let lock = SpinLock("frames")
  nonisolated(unsafe) private static var bitmap: FrameBitmap?
  nonisolated(unsafe) private(set) static var usable: UInt64 = 0

  /// What user programs leave to the kernel.
  private static let reserve = 64

  static var freeBytes: UInt64 { UInt64(bitmap?.freeCount ?? 0) * pageSize }

  /// Takes over all usable memory of the map, but what `map` reserves already.
  static func start(_ map: inout MemoryMap) {
    let count = Int(map.endOfUsable / pageSize)
    let size = UInt64(FrameBitmap.storageSize(frameCount: count))
    let bootReach: UInt64 = 4 << 30  // boot page tables map no more
    let highMemory: UInt64 = 1 << 20
    guard let place = map.findSpace(length: size, from: highMemory, below: bootReach) else {
      panic("no room for the frame bitmap of \(size: size)")
    }
    map.reserve(base: place, end: (place + size + pageSize - 1) & ~(pageSize - 1))
    var bitmap = FrameBitmap(storage: PhysicalAddress(place).pointer, frameCount: count)
    for range in map.usableFrames { bitmap.release(range) }
    bitmap.reserve(0..<1)  // so that no frame has the address 0
    self.bitmap = bitmap
    usable = freeBytes
  }

  /// A frame filled with zeroes.
  static func allocate() -> PhysicalAddress? {
    lock.withLockIRQ {
      guard let frame = bitmap?.allocate() else { return nil }
      let address = PhysicalAddress(UInt64(frame) * pageSize)
      address.pointer.initializeMemory(as: UInt8.self, repeating: 0, count: Int(pageSize))
      return address
    }
  }

  /// A frame for a program: nil while there is still a reserve for the kernel itself.
  static func allocateForUser() -> PhysicalAddress? {
    (bitmap?.freeCount ?? 0) > reserve ? allocate() : nil
  }

  static func release(_ address: PhysicalAddress) {
    let isTaken = lock.withLockIRQ { bitmap?.release(Int(address.value / pageSize)) ?? false }
    if !isTaken { panic("frame \(hex: address.value) released twice") }
  }

  /// Gives back frames that were never allocated: the boot code's.
  static func reclaim(_ range: Range<UInt64>) {
    lock.withLockIRQ {
      bitmap?.release(Int(range.lowerBound / pageSize)..<Int(range.upperBound / pageSize))
    }
  }
}
