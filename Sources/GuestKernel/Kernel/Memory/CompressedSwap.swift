/// Swap space in memory: a page is kept as the few bytes that its runs of equal words need. What cannot
/// be made smaller is refused, and stays where it is.
///
/// Lock: `lock`, which also keeps reads and releases of a slot apart.
import KernelArch

final class CompressedSwap: SwapArea {
  private let lock = Mutex("compressed swap")
  private var pages: [[UInt8]?]
  private(set) var storedBytes = 0

  init(slots: Int, name: [UInt8] = [UInt8](text: "zram")) {
    pages = [[UInt8]?](repeating: nil, count: slots)
    super.init(name: name, slots: slots)
  }

  override func write(_ slot: Int, from frame: PhysicalAddress) -> Bool {
    // The last frames are not for this: reclaim gives up first.
    guard Frames.freeCount > 32, let bytes = PageCompression.compress(frame.pointer) else {
      return false
    }
    lock.withLock {
      storedBytes += bytes.count - (pages[slot]?.count ?? 0)
      pages[slot] = Array(bytes[0...])  // without the room it was built in
    }
    return true
  }

  override func read(_ slot: Int, into frame: PhysicalAddress) -> Bool {
    lock.withLock {
      guard let bytes = pages[slot] else { return false }
      return PageCompression.expand(bytes, into: frame.pointer)
    }
  }

  override func discard(_ slot: Int) {
    lock.withLock {
      storedBytes -= pages[slot]?.count ?? 0
      pages[slot] = nil
    }
  }
}
