/// Swap space in memory: a page is kept as the few bytes that its runs of equal words need. What cannot
/// be made smaller is refused, and stays where it is.
///
/// The bytes lie in the smallest pieces that hold them, which, unlike an array, can be refused.
/// Lock: `lock`, which also keeps reads and releases of a slot apart.
import KernelArch

final class CompressedSwap: SwapArea {
  private let lock = Mutex("compressed swap")
  private var pages: [UnsafeMutableRawBufferPointer?]
  private(set) var storedBytes = 0

  init(slots: Int, name: [UInt8] = [UInt8](text: "zram")) {
    pages = [UnsafeMutableRawBufferPointer?](repeating: nil, count: slots)
    super.init(name: name, slots: slots)
  }

  override func write(_ slot: Int, from frame: PhysicalAddress) -> Bool {
    // The last frames are not for this: reclaim gives up first.
    guard Frames.freeCount > 32, let bytes = PageCompression.compress(frame.pointer),
      let piece = Kmalloc.allocate(bytes.count, [.reclaimer, .noRetry])
    else { return false }
    let stored = UnsafeMutableRawBufferPointer(start: piece, count: bytes.count)
    stored.copyBytes(from: bytes)
    lock.withLock {
      clear(slot)
      storedBytes += bytes.count
      pages[slot] = stored
    }
    return true
  }

  override func read(_ slot: Int, into frame: PhysicalAddress) -> Bool {
    lock.withLock {
      guard let bytes = pages[slot] else { return false }
      return PageCompression.expand(UnsafeRawBufferPointer(bytes), into: frame.pointer)
    }
  }

  override func discard(_ slot: Int) {
    lock.withLock { clear(slot) }
  }

  private func clear(_ slot: Int) {
    guard let stored = pages[slot], let piece = stored.baseAddress else { return }
    storedBytes -= stored.count
    pages[slot] = nil
    Kmalloc.release(piece)
  }
}
