/// A split virtqueue: descriptors, what the driver made available, what the device has used.
///
/// VIRTIO 1.2, "Split Virtqueues". Everything in guest memory is the driver's to get wrong: what is
/// read there is checked each time.
struct VirtIOQueue: Codable, Equatable, Sendable {
  /// Bits of a descriptor.
  private enum Flag {
    static let next: UInt16 = 1
    static let write: UInt16 = 2
    static let indirect: UInt16 = 4
  }

  /// The most that one chain may move, so that a short ring cannot ask for hours of work.
  static let largestChain: UInt64 = 64 << 20
  /// The most descriptors of a chain, also of an indirect table.
  private static let longestChain = 1024
  static let noVector: UInt16 = 0xFFFF

  /// The number of descriptors, a power of two.
  var size: UInt16
  var isEnabled = false
  /// The table of descriptors.
  var descriptors: UInt64 = 0
  /// The driver area: the available ring.
  var available: UInt64 = 0
  /// The device area: the used ring.
  var used: UInt64 = 0
  /// The MSI-X vector.
  var vector = noVector

  private var nextAvailable: UInt16 = 0
  private var nextUsed: UInt16 = 0
  /// What the used index was when the driver was last told, nil before that.
  private var announced: UInt16 = 0
  private var hasAnnounced = false

  init(size: UInt16) { self.size = size }

  /// Whether it can be used at all.
  var isValid: Bool { size > 0 && size & (size &- 1) == 0 && size <= 32768 }

  // MARK: Available

  /// The next chain, nil when the driver has made no more available.
  mutating func next(_ dma: DMA, usesEventIndex: Bool) throws(VirtIOFault) -> VirtIOChain? {
    guard isValid else { throw VirtIOFault.badRing }
    let index = try Self.read(dma, available &+ 2) as UInt16
    let waiting = index &- nextAvailable
    guard waiting <= size else { throw VirtIOFault.badRing }
    guard waiting > 0 else {
      // The driver is to notify of the very next one.
      if usesEventIndex {
        try Self.write(dma, used &+ 4 &+ 8 &* UInt64(size), nextAvailable)
      }
      return nil
    }
    let slot = UInt64(nextAvailable & (size &- 1))
    let head = try Self.read(dma, available &+ 4 &+ 2 &* slot) as UInt16
    guard head < size else { throw VirtIOFault.badRing }
    nextAvailable &+= 1
    return try chain(head, dma)
  }

  private func chain(_ head: UInt16, _ dma: DMA) throws(VirtIOFault) -> VirtIOChain {
    var chain = VirtIOChain(head: head)
    var table = descriptors
    var tableSize = size
    var index = head
    var isIndirect = false
    for _ in 0..<Self.longestChain {
      let place = table &+ 16 &* UInt64(index)
      guard let descriptor = dma.read(place, count: 16) else { throw VirtIOFault.badAddress }
      let address = Self.number(descriptor[0..<8])
      let count = Self.number(descriptor[8..<12])
      let flags = UInt16(truncatingIfNeeded: Self.number(descriptor[12..<14]))
      if flags & Flag.indirect != 0 {
        guard !isIndirect, flags & Flag.next == 0, count >= 16, count % 16 == 0,
          count / 16 <= UInt64(Self.longestChain)
        else { throw VirtIOFault.badRing }
        (table, tableSize, index) = (address, UInt16(count / 16), 0)
        isIndirect = true
        continue
      }
      try add(VirtIOBuffer.Segment(address: address, count: count), flags, to: &chain, dma)
      guard flags & Flag.next != 0 else { return chain }
      index = UInt16(truncatingIfNeeded: Self.number(descriptor[14..<16]))
      guard index < tableSize else { throw VirtIOFault.badRing }
    }
    throw VirtIOFault.badRing
  }

  private func add(
    _ segment: VirtIOBuffer.Segment, _ flags: UInt16, to chain: inout VirtIOChain, _ dma: DMA
  ) throws(VirtIOFault) {
    guard dma.reaches(segment.address, count: segment.count) else { throw VirtIOFault.badAddress }
    if flags & Flag.write != 0 {
      chain.writable.append(segment)
    } else {
      guard chain.writable.count == 0 else { throw VirtIOFault.badRing }
      chain.readable.append(segment)
    }
    guard chain.readable.count + chain.writable.count <= Self.largestChain else {
      throw VirtIOFault.badRing
    }
  }

  // MARK: Used

  /// Gives a chain back, with the number of bytes that were written to it.
  mutating func complete(
    _ chain: VirtIOChain, written: UInt32, _ dma: DMA
  ) throws(VirtIOFault) {
    let slot = used &+ 4 &+ 8 &* UInt64(nextUsed & (size &- 1))
    try Self.write(dma, slot, UInt32(chain.head))
    try Self.write(dma, slot &+ 4, written)
    nextUsed &+= 1
    try Self.write(dma, used &+ 2, nextUsed)
  }

  /// Whether the driver wants to be told of what was used since this was last asked.
  mutating func takeAnnouncement(
    _ dma: DMA, usesEventIndex: Bool
  ) throws(VirtIOFault) -> Bool {
    let old = announced
    guard nextUsed != old else { return false }
    announced = nextUsed
    defer { hasAnnounced = true }
    guard usesEventIndex else {
      let flags = try Self.read(dma, available) as UInt16
      return flags & 1 == 0
    }
    let event = try Self.read(dma, available &+ 4 &+ 2 &* UInt64(size)) as UInt16
    return !hasAnnounced || nextUsed &- event &- 1 < nextUsed &- old
  }

  // MARK: Guest memory

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func read(_ dma: DMA, _ address: UInt64) throws(VirtIOFault) -> UInt16 {
    guard let number = dma.read(address, as: UInt16.self) else { throw VirtIOFault.badAddress }
    return number
  }

  private static func write(
    _ dma: DMA, _ address: UInt64, _ number: some FixedWidthInteger & UnsignedInteger
  ) throws(VirtIOFault) {
    guard dma.write(address, number) else { throw VirtIOFault.badAddress }
  }
}
