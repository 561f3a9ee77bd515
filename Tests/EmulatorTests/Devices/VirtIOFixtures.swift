import Emulator

/// RAM and a clock for devices that use DMA.
final class GuestMemory {
  let memory: PhysicalMemory
  let clock = VirtualClock()

  init?(size: UInt64 = 1 << 20) {
    guard let memory = PhysicalMemory(size: size) else { return nil }
    self.memory = memory
  }

  func read(_ address: UInt64, _ count: Int) -> [UInt8] {
    memory.read(PhysicalAddress(address), count: count) ?? []
  }

  func number(_ address: UInt64, _ count: Int) -> UInt64 {
    read(address, count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  func write(_ address: UInt64, _ bytes: [UInt8]) {
    _ = bytes.withUnsafeBytes { memory.write(PhysicalAddress(address), $0) }
  }

  func write(_ address: UInt64, _ number: UInt64, _ count: Int) {
    write(address, (0..<count).map { UInt8(truncatingIfNeeded: number >> UInt64($0 * 8)) })
  }
}

/// A disk in memory.
final class MemoryDisk: BlockBackend, @unchecked Sendable {
  var bytes: [UInt8]
  let isReadOnly: Bool
  var flushes = 0

  init(sectors: Int, isReadOnly: Bool = false) {
    bytes = (0..<sectors * 512).map { UInt8(truncatingIfNeeded: $0 / 512 &+ $0) }
    self.isReadOnly = isReadOnly
  }

  var size: UInt64 { UInt64(bytes.count) }

  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    guard contains(offset, count: UInt64(buffer.count)) else { return false }
    buffer.copyBytes(from: bytes[Int(offset)..<Int(offset) + buffer.count])
    return true
  }

  func write(at offset: UInt64, _ source: UnsafeRawBufferPointer) -> Bool {
    guard !isReadOnly, contains(offset, count: UInt64(source.count)) else { return false }
    bytes.replaceSubrange(Int(offset)..<Int(offset) + source.count, with: source)
    return true
  }

  func flush() -> Bool {
    flushes += 1
    return true
  }
}

/// A driver of one virtio device: it negotiates, sets queues up and makes buffers available.
final class VirtIODriver {
  /// A buffer of a chain.
  struct Piece {
    var address: UInt64
    var count: UInt64
    var isWritable = false
  }

  static let queueSize: UInt64 = 8
  /// What the transport looks like to a driver.
  let transport: any BusDevice
  let isPCI: Bool
  let guest: GuestMemory
  private(set) var lastUsed: [Int: UInt64] = [:]
  private var nextDescriptor: UInt64 = 0

  init(_ transport: any BusDevice, isPCI: Bool, guest: GuestMemory) {
    self.transport = transport
    self.isPCI = isPCI
    self.guest = guest
  }

  // MARK: Registers

  private func write(_ offset: UInt64, _ size: AccessSize, _ value: UInt64) {
    transport.write(offset: offset, size: size, value: value)
  }

  var status: UInt64 {
    get {
      isPCI
        ? transport.read(offset: 0x14, size: .byte)
        : transport.read(offset: 0x70, size: .doubleword)
    }
    set { isPCI ? write(0x14, .byte, newValue) : write(0x70, .doubleword, newValue) }
  }

  var offered: UInt64 {
    (0..<2 as Range<UInt64>).reduce(0) { features, half in
      write(isPCI ? 0 : 0x14, .doubleword, half)
      let bits = transport.read(offset: isPCI ? 4 : 0x10, size: .doubleword)
      return features | bits << (half * 32)
    }
  }

  func accept(_ features: UInt64) {
    for half in 0..<2 as Range<UInt64> {
      write(isPCI ? 8 : 0x24, .doubleword, half)
      write(isPCI ? 0xC : 0x20, .doubleword, features >> (half * 32) & 0xFFFF_FFFF)
    }
  }

  func configuration(_ offset: UInt64, _ size: AccessSize) -> UInt64 {
    transport.read(offset: (isPCI ? 0x2000 : 0x100) + offset, size: size)
  }

  func notify(_ queue: UInt64) {
    isPCI ? write(0x3000 + queue * 4, .word, queue) : write(0x50, .doubleword, queue)
    guest.clock.runDueEvents()
  }

  // MARK: Set-up

  /// Where a queue's three areas are.
  func areas(_ queue: UInt64) -> (descriptors: UInt64, available: UInt64, used: UInt64) {
    let base = 0x1000 + queue * 0x1000
    return (base, base + 0x400, base + 0x800)
  }

  /// Negotiates and enables `queues` queues; answers whether the device agreed.
  @discardableResult
  func start(features: UInt64, queues: UInt64) -> Bool {
    status = 0
    status = 3
    accept(features)
    status = 0xB
    guard status & 8 != 0 else { return false }
    for queue in 0..<queues { enable(queue) }
    status = 0xF
    return true
  }

  func enable(_ queue: UInt64, size: UInt64 = queueSize) {
    let areas = areas(queue)
    lastUsed[Int(queue)] = 0
    if isPCI {
      write(0x16, .word, queue)
      write(0x18, .word, size)
      write(0x1A, .word, queue)
      write(0x20, .quadword, areas.descriptors)
      write(0x28, .doubleword, areas.available)
      write(0x30, .doubleword, areas.used)
      write(0x1C, .word, 1)
    } else {
      write(0x30, .doubleword, queue)
      write(0x38, .doubleword, size)
      write(0x80, .doubleword, areas.descriptors)
      write(0x90, .doubleword, areas.available)
      write(0xA0, .doubleword, areas.used)
      write(0x44, .doubleword, 1)
    }
  }

  // MARK: Rings

  /// Writes a descriptor.
  func describe(
    _ table: UInt64, _ index: UInt64, _ piece: Piece, flags: UInt64, next: UInt64 = 0
  ) {
    let place = table + index * 16
    guest.write(place, piece.address, 8)
    guest.write(place + 8, piece.count, 4)
    guest.write(place + 12, flags | (piece.isWritable ? 2 : 0), 2)
    guest.write(place + 14, next, 2)
  }

  /// Makes a chain available whose descriptors follow each other.
  func add(_ pieces: [Piece], to queue: UInt64) {
    let areas = areas(queue)
    let head = nextDescriptor
    for (index, piece) in pieces.enumerated() {
      let own = nextDescriptor
      nextDescriptor = (nextDescriptor + 1) % Self.queueSize
      let isLast = index == pieces.count - 1
      describe(areas.descriptors, own, piece, flags: isLast ? 0 : 1, next: nextDescriptor)
    }
    offer(head, to: queue)
  }

  /// Puts a head into the available ring.
  func offer(_ head: UInt64, to queue: UInt64) {
    let areas = areas(queue)
    let index = guest.number(areas.available + 2, 2)
    guest.write(areas.available + 4 + index % Self.queueSize * 2, head, 2)
    guest.write(areas.available + 2, index + 1 & 0xFFFF, 2)
  }

  /// The length of the next used chain, nil if there is none.
  func takeUsed(_ queue: UInt64) -> UInt64? {
    let used = areas(queue).used
    let last = lastUsed[Int(queue), default: 0]
    guard guest.number(used + 2, 2) != last else { return nil }
    lastUsed[Int(queue)] = (last + 1) & 0xFFFF
    return guest.number(used + 4 + last % Self.queueSize * 8 + 4, 4)
  }
}
