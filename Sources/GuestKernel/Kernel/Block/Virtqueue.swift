/// A virtqueue: the ring buffer in memory by which a driver and a virtio device talk.
///
/// The driver describes buffers in a table of descriptors, chains of which it makes available in one
/// ring; the device puts the chains it has used into the other. Both only ever add at an index that
/// counts on.
///
/// Virtual I/O Device (VIRTIO) Version 1.2, "Split Virtqueues".
import KernelArch

struct Virtqueue {
  struct Segment {
    let address: PhysicalAddress
    let length: UInt32
    /// The device writes into it.
    let isForDevice: Bool
  }

  static let maximumSize = 128
  private static let availableOffset: UInt64 = 2048
  private static let usedOffset: UInt64 = 2560
  private enum Flag {
    static let next: UInt16 = 1
    static let write: UInt16 = 2
  }

  let size: Int
  let frame: PhysicalAddress
  private var base: UInt64 { frame.value &+ Layout.directMap }
  private var free: [UInt16] = []
  private var availableIndex: UInt16 = 0
  private var usedIndex: UInt16 = 0

  /// Descriptors, ring of available and ring of used ones fit into the frame's one page.
  init(size: Int, frame: PhysicalAddress) {
    self.size = min(size, Virtqueue.maximumSize)
    self.frame = frame
    for index in (0..<UInt16(self.size)).reversed() { free.append(index) }
  }

  var descriptors: PhysicalAddress { frame }
  var available: PhysicalAddress { frame + Virtqueue.availableOffset }
  var used: PhysicalAddress { frame + Virtqueue.usedOffset }

  /// Makes a chain available; returns its first descriptor, by which it comes back.
  mutating func add(_ segments: [Segment]) -> UInt16? {
    guard segments.count <= free.count else { return nil }
    var chain: [UInt16] = []
    for _ in segments { chain.append(free.removeLast()) }
    for (index, segment) in segments.enumerated() {
      let place = base + UInt64(chain[index]) * 16
      mmio_write64(place, segment.address.value)
      mmio_write32(place + 8, segment.length)
      var flags: UInt16 = segment.isForDevice ? Flag.write : 0
      if index + 1 < chain.count {
        flags |= Flag.next
        mmio_write16(place + 14, chain[index + 1])
      }
      mmio_write16(place + 12, flags)
    }
    let ring = base + Virtqueue.availableOffset
    mmio_write16(ring + 4 + UInt64(Int(availableIndex) % size) * 2, chain[0])
    availableIndex &+= 1
    // The device must see the chain before the index; x86 keeps stores in order.
    mmio_write16(ring + 2, availableIndex)
    memory_barrier()
    return chain[0]
  }

  /// The next chain that the device is done with.
  mutating func take() -> UInt16? {
    let ring = base + Virtqueue.usedOffset
    guard mmio_read16(ring + 2) != usedIndex else { return nil }
    let element = ring + 4 + UInt64(Int(usedIndex) % size) * 8
    let head = UInt16(truncatingIfNeeded: mmio_read32(element))
    usedIndex &+= 1
    var at = head
    while Int(at) < size {
      free.append(at)
      let place = base + UInt64(at) * 16
      guard mmio_read16(place + 12) & Flag.next != 0 else { break }
      at = mmio_read16(place + 14)
    }
    return head
  }
}
