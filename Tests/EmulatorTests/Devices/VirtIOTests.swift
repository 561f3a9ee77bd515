import Emulator
import Testing

private let version1: UInt64 = 1 << 32

/// A device behind one of the transports, with a driver.
private final class Rig {
  let guest: GuestMemory
  let device: VirtIODevice
  let driver: VirtIODriver
  let sink = RecordingSink()
  let messages = Recorder<[UInt64]>()
  let function: PCIFunction?
  private let keeper: [AnyObject]

  init(_ model: some VirtIOModel, isPCI: Bool) throws {
    let guest = try #require(GuestMemory())
    device = VirtIODevice(model, dma: DMA(guest.memory), clock: guest.clock)
    self.guest = guest
    let sink = sink
    guard isPCI else {
      let registers = VirtIOMMIO(device, line: InterruptLine(to: sink, pin: 0))
      function = nil
      keeper = [registers]
      driver = VirtIODriver(registers, isPCI: false, guest: guest)
      return
    }
    let messages = messages
    let bus = PCIBus(
      wires: (0..<4).map { InterruptLine(to: sink, pin: ($0 + 3) % 4) },
      send: { messages.add([$0, UInt64($1)]) })
    let transport = VirtIOPCI(device)
    // INTA of slot 1 is the second wire, which is pin 0 here.
    bus.attach(transport.function, slot: 1)
    transport.function.write(4, size: .word, value: 6)
    function = transport.function
    keeper = [transport, bus]
    driver = VirtIODriver(transport, isPCI: true, guest: guest)
  }

  /// Switches MSI-X on with a message for each vector.
  func enableMessages() throws {
    let function = try #require(function)
    let table = try #require(function.messages)
    for index in 0..<UInt64(table.count) {
      table.setDoubleword(index * 16, 0xFEE0_0000)
      table.setDoubleword(index * 16 + 8, UInt32(0x40 + index))
      table.setDoubleword(index * 16 + 12, 0)
    }
    var offset = Int(function.read(0x34, size: .byte))
    while function.read(offset, size: .byte) != 0x11 {
      offset = Int(function.read(offset + 1, size: .byte))
    }
    function.write(offset + 2, size: .word, value: 0x8000)
  }
}

@Suite struct VirtIOTests {
  private typealias Piece = VirtIODriver.Piece

  private func request(_ guest: GuestMemory, type: UInt64, sector: UInt64) -> Piece {
    guest.write(0x8000, type, 8)
    guest.write(0x8008, sector, 8)
    return Piece(address: 0x8000, count: 16)
  }

  private let status = Piece(address: 0x8100, count: 1, isWritable: true)

  @Test(arguments: [true, false])
  func negotiationRefusesWhatIsNotOffered(isPCI: Bool) throws {
    let rig = try Rig(VirtIOEntropy(seed: 1), isPCI: isPCI)
    #expect(rig.driver.offered & version1 != 0)
    #expect(!rig.driver.start(features: version1 | 1 << 40, queues: 0))
    #expect(!rig.driver.start(features: 0, queues: 0))
    #expect(rig.driver.start(features: version1, queues: 1))
    #expect(rig.driver.status == 0xF)
    // What was agreed on stays until a reset.
    rig.driver.accept(0)
    #expect(rig.device.features == version1)
    rig.driver.status = 0
    #expect(rig.driver.status == 0 && rig.device.features == 0)
  }

  @Test(arguments: [true, false])
  func blockReadsWritesFlushesAndSaysItsName(isPCI: Bool) throws {
    let disk = MemoryDisk(sectors: 64)
    let rig = try Rig(VirtIOBlock(disk, isReadOnly: false, name: "disk0"), isPCI: isPCI)
    let (driver, guest) = (rig.driver, rig.guest)
    #expect(driver.start(features: version1 | 1 << 9 | 1 << 14, queues: 1))
    #expect(driver.configuration(0, .quadword) == 64)
    #expect(driver.configuration(20, .doubleword) == 512)
    // A read in two pieces that do not end with a sector.
    let pieces = [
      request(guest, type: 0, sector: 3), Piece(address: 0x9000, count: 700, isWritable: true),
      Piece(address: 0xA000, count: 324, isWritable: true), status,
    ]
    guest.write(status.address, [0xFF])
    driver.add(pieces, to: 0)
    driver.notify(0)
    #expect(driver.takeUsed(0) == 1025)
    #expect(guest.read(status.address, 1) == [0])
    #expect(guest.read(0x9000, 700) + guest.read(0xA000, 324) == Array(disk.bytes[1536..<2560]))
    #expect(rig.sink.isHigh())
    // A write, with the header in one piece with the data.
    _ = request(guest, type: 1, sector: 5)
    guest.write(0x8010, [UInt8](repeating: 0x77, count: 512))
    driver.add(
      [Piece(address: 0x8000, count: 528), Piece(address: 0x8300, count: 1, isWritable: true)],
      to: 0)
    driver.notify(0)
    #expect(driver.takeUsed(0) == 1)
    #expect(disk.bytes[2560..<3072].allSatisfy { $0 == 0x77 } && disk.bytes[2559] != 0x77)
    // Flush, and an identity of twenty bytes.
    driver.add([request(guest, type: 4, sector: 0), status], to: 0)
    driver.notify(0)
    #expect(driver.takeUsed(0) == 1 && disk.flushes == 1)
    driver.add(
      [
        request(guest, type: 8, sector: 0), Piece(address: 0x9000, count: 20, isWritable: true),
        status,
      ], to: 0)
    driver.notify(0)
    #expect(driver.takeUsed(0) == 21)
    #expect(guest.read(0x9000, 6) == Array("disk0\0".utf8))
  }

  @Test func blockRefusesWhatIsNotThere() throws {
    let rig = try Rig(
      VirtIOBlock(MemoryDisk(sectors: 4), isReadOnly: true, name: "r"), isPCI: true)
    #expect(rig.driver.offered & 1 << 5 != 0)
    #expect(rig.driver.start(features: version1, queues: 1))
    let data = Piece(address: 0x9000, count: 512, isWritable: true)
    let source = Piece(address: 0x9000, count: 512)
    let cases: [(type: UInt64, sector: UInt64, data: [Piece], status: UInt8)] = [
      (0, 3, [data], 0), (0, 4, [data], 1), (0, .max, [data], 1),
      (0, 0, [Piece(address: 0x9000, count: 511, isWritable: true)], 1),
      (1, 0, [source], 1), (13, 0, [source], 2), (99, 0, [], 2),
    ]
    for (type, sector, data, expected) in cases {
      rig.driver.add([request(rig.guest, type: type, sector: sector)] + data + [status], to: 0)
      rig.driver.notify(0)
      #expect(rig.driver.takeUsed(0) != nil)
      #expect(rig.guest.read(status.address, 1) == [expected], "\(type) \(sector)")
    }
    #expect(rig.driver.status == 0xF)
  }

  @Test func zeroesAreWritten() throws {
    let disk = MemoryDisk(sectors: 16)
    let rig = try Rig(VirtIOBlock(disk, isReadOnly: false, name: "z"), isPCI: false)
    #expect(rig.driver.start(features: version1 | 1 << 14, queues: 1))
    rig.guest.write(0x9000, 2, 8)
    rig.guest.write(0x9008, 3, 8)
    rig.driver.add(
      [request(rig.guest, type: 13, sector: 0), Piece(address: 0x9000, count: 16), status], to: 0)
    rig.driver.notify(0)
    #expect(rig.guest.read(status.address, 1) == [0])
    #expect(disk.bytes[1024..<2560].allSatisfy { $0 == 0 } && disk.bytes[2560] != 0)
  }

  @Test func indirectDescriptorsAndEventIndex() throws {
    let rig = try Rig(VirtIOEntropy(seed: 7), isPCI: true)
    try rig.enableMessages()
    #expect(rig.driver.start(features: version1 | 1 << 28 | 1 << 29, queues: 1))
    let areas = rig.driver.areas(0)
    for index in 0..<3 as Range<UInt64> {
      rig.driver.describe(
        0xC000, index, Piece(address: 0x9000 + index * 8, count: 8, isWritable: true),
        flags: index < 2 ? 1 : 0, next: index + 1)
    }
    rig.driver.describe(areas.descriptors, 5, Piece(address: 0xC000, count: 48), flags: 4)
    rig.driver.offer(5, to: 0)
    rig.driver.notify(0)
    #expect(rig.driver.takeUsed(0) == 24)
    #expect(rig.messages.values == [[0xFEE0_0000, 0x40]] && !rig.sink.isHigh())
    // The device asks for a notification of the next chain.
    #expect(rig.guest.number(areas.used + 4 + 64, 2) == 1)
    // The driver wants to hear of the third used chain only.
    rig.guest.write(areas.available + 4 + 16, 2, 2)
    for expected in [1, 2] {
      rig.driver.offer(5, to: 0)
      rig.driver.notify(0)
      #expect(rig.messages.values.count == expected)
    }
  }

  @Test func aDriverMaySuppressInterrupts() throws {
    let rig = try Rig(VirtIOEntropy(seed: 7), isPCI: false)
    #expect(rig.driver.start(features: version1, queues: 1))
    rig.guest.write(rig.driver.areas(0).available, 1, 2)
    rig.driver.add([Piece(address: 0x9000, count: 8, isWritable: true)], to: 0)
    rig.driver.notify(0)
    #expect(rig.driver.takeUsed(0) == 8 && !rig.sink.isHigh())
    rig.guest.write(rig.driver.areas(0).available, 0, 2)
    rig.driver.add([Piece(address: 0x9000, count: 8, isWritable: true)], to: 0)
    rig.driver.notify(0)
    #expect(rig.sink.isHigh() && rig.driver.transport.doubleword(0x60) == 1)
    rig.driver.transport.setDoubleword(0x64, 1)
    #expect(!rig.sink.isHigh())
  }

  @Test func entropyFollowsFromTheSeed() throws {
    var seen: [[UInt8]] = []
    for seed in [1, 1, 2] as [UInt64] {
      let rig = try Rig(VirtIOEntropy(seed: seed), isPCI: true)
      rig.driver.start(features: version1, queues: 1)
      rig.driver.add([Piece(address: 0x9000, count: 100, isWritable: true)], to: 0)
      rig.driver.notify(0)
      #expect(rig.driver.takeUsed(0) == 100)
      seen.append(rig.guest.read(0x9000, 100))
    }
    #expect(seen[0] == seen[1] && seen[0] != seen[2])
  }

  @Test(arguments: [true, false])
  func theConsoleSendsAndReceives(isPCI: Bool) throws {
    let sent = Recorder<UInt8>()
    let console = VirtIOConsole { sent.add($0) }
    let rig = try Rig(console, isPCI: isPCI)
    #expect(rig.driver.start(features: version1, queues: 2))
    rig.guest.write(0x9000, Array("hello".utf8))
    rig.driver.add([Piece(address: 0x9000, count: 5)], to: 1)
    rig.driver.notify(1)
    #expect(sent.values == Array("hello".utf8) && rig.driver.takeUsed(1) == 0)
    // A buffer waits until something comes.
    rig.driver.add([Piece(address: 0xA000, count: 4, isWritable: true)], to: 0)
    rig.driver.notify(0)
    #expect(rig.driver.takeUsed(0) == nil)
    console.receive(Array("abcdef".utf8))
    rig.driver.notify(0)
    #expect(rig.driver.takeUsed(0) == 4 && rig.guest.read(0xA000, 4) == Array("abcd".utf8))
    rig.driver.add([Piece(address: 0xA000, count: 4, isWritable: true)], to: 0)
    rig.driver.notify(0)
    #expect(rig.driver.takeUsed(0) == 2)
  }

  @Test func theNetworkCarriesFrames() throws {
    let sent = Recorder<[UInt8]>()
    let network = VirtIONetwork(address: [2, 0, 0, 0, 0, 9]) { sent.add($0) }
    let rig = try Rig(network, isPCI: true)
    #expect(rig.driver.start(features: version1 | 1 << 5 | 1 << 16, queues: 2))
    #expect(rig.driver.configuration(5, .byte) == 9 && rig.driver.configuration(6, .word) == 1)
    let frame = (0..<60).map { UInt8($0) }
    rig.guest.write(0x9000, [UInt8](repeating: 0, count: 12) + frame)
    rig.driver.add([Piece(address: 0x9000, count: 72)], to: 1)
    rig.driver.notify(1)
    #expect(sent.values == [frame])
    network.receive(frame)
    network.receive([1, 2, 3])
    rig.driver.add([Piece(address: 0xA000, count: 1526, isWritable: true)], to: 0)
    rig.driver.notify(0)
    #expect(rig.driver.takeUsed(0) == 72)
    #expect(rig.guest.read(0xA00C, 60) == frame && rig.guest.number(0xA00A, 2) == 1)
    // Too short a buffer loses its frame.
    rig.driver.add([Piece(address: 0xA000, count: 10, isWritable: true)], to: 0)
    rig.driver.notify(0)
    #expect(rig.driver.takeUsed(0) == 0)
  }

  /// What a driver can do wrong with a ring.
  enum Malice: CaseIterable {
    case loop, badHead, badNext, badAddress, hugeLength, readableBehindWritable, nestedIndirect
    case oddIndirect, tooMuchAvailable, ringOutside
  }

  @Test(arguments: Malice.allCases, [true, false])
  func aMaliciousQueueStopsTheDevice(malice: Malice, isPCI: Bool) throws {
    let rig = try Rig(VirtIOEntropy(seed: 1), isPCI: isPCI)
    let (driver, guest) = (rig.driver, rig.guest)
    #expect(driver.start(features: version1 | 1 << 28, queues: 1))
    let table = driver.areas(0).descriptors
    let fine = Piece(address: 0x9000, count: 8, isWritable: true)
    switch malice {
    case .loop:
      driver.describe(table, 0, fine, flags: 1, next: 1)
      driver.describe(table, 1, fine, flags: 1, next: 0)
    case .badHead: break
    case .badNext: driver.describe(table, 0, fine, flags: 1, next: 900)
    case .badAddress:
      driver.describe(table, 0, Piece(address: .max - 3, count: 8, isWritable: true), flags: 0)
    case .hugeLength:
      driver.describe(
        table, 0, Piece(address: 0x9000, count: 0xFFFF_FFFF, isWritable: true), flags: 0)
    case .readableBehindWritable:
      driver.describe(table, 0, fine, flags: 1, next: 1)
      driver.describe(table, 1, Piece(address: 0x9000, count: 8), flags: 0)
    case .nestedIndirect:
      driver.describe(table, 0, Piece(address: 0xC000, count: 16), flags: 4)
      driver.describe(0xC000, 0, Piece(address: 0xC000, count: 16), flags: 4)
    case .oddIndirect: driver.describe(table, 0, Piece(address: 0xC000, count: 17), flags: 4)
    case .tooMuchAvailable: guest.write(driver.areas(0).available + 2, 0x4000, 2)
    case .ringOutside:
      // The areas can be set only before the queue is enabled.
      driver.status = 0
      driver.status = 3
      driver.accept(version1)
      driver.status = 0xB
      guest.write(0xF_FFFC, [0, 0, 1, 0])
      let registers: [(UInt64, UInt64)] =
        isPCI ? [(0x16, 0), (0x18, 8)] : [(0x30, 0), (0x38, 8)]
      for (offset, value) in registers {
        driver.transport.write(offset: offset, size: isPCI ? .word : .doubleword, value: value)
      }
      driver.transport.setDoubleword(isPCI ? 0x28 : 0x90, 0xF_FFFC)
      driver.transport.write(
        offset: isPCI ? 0x1C : 0x44, size: isPCI ? .word : .doubleword, value: 1)
      driver.status = 0xF
    }
    if malice != .tooMuchAvailable { driver.offer(malice == .badHead ? 500 : 0, to: 0) }
    driver.notify(0)
    #expect(driver.status & 64 != 0)
    #expect(driver.takeUsed(0) == nil)
    // A reset mends it.
    guest.write(driver.areas(0).available, 0, 8)
    #expect(driver.start(features: version1, queues: 1))
    driver.add([fine], to: 0)
    driver.notify(0)
    #expect(driver.status == 0xF)
  }

  @Test func withoutBusMasteringNothingMoves() throws {
    let rig = try Rig(VirtIOEntropy(seed: 1), isPCI: true)
    rig.driver.start(features: version1, queues: 1)
    rig.function?.write(4, size: .word, value: 2)
    rig.driver.add([Piece(address: 0x9000, count: 8, isWritable: true)], to: 0)
    rig.driver.notify(0)
    #expect(rig.driver.takeUsed(0) == nil && rig.driver.status == 0xF)
    rig.function?.write(4, size: .word, value: 6)
    rig.driver.notify(0)
    #expect(rig.driver.takeUsed(0) == 8)
  }

  @Test func theWindowInConfigurationSpaceReachesTheRegisters() throws {
    let rig = try Rig(VirtIOEntropy(seed: 1), isPCI: true)
    let function = try #require(rig.function)
    var offset = Int(function.read(0x34, size: .byte))
    while function.read(offset + 3, size: .byte) != 5 {
      offset = Int(function.read(offset + 1, size: .byte))
      try #require(offset != 0)
    }
    function.write(offset + 4, size: .byte, value: 4)
    function.write(offset + 8, size: .doubleword, value: 0x14)
    function.write(offset + 12, size: .doubleword, value: 1)
    function.write(offset + 16, size: .byte, value: 3)
    #expect(rig.driver.status == 3)
    rig.driver.status = 0
    #expect(function.read(offset + 16, size: .byte) == 0)
    function.write(offset + 12, size: .doubleword, value: 77)
    function.write(offset + 16, size: .doubleword, value: 3)
    #expect(rig.driver.status == 0)
  }

  @Test func anOverlayKeepsWritesAndLeavesTheDiskAlone() throws {
    let disk = MemoryDisk(sectors: 20)
    let before = disk.bytes
    let overlay = DiskOverlay(over: disk)
    let data = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    #expect(overlay.write(at: 100, data))
    #expect(overlay.read(at: 100, count: 5000) == data)
    #expect(overlay.read(at: 0, count: 100) == Array(before[..<100]))
    #expect(overlay.read(at: 5100, count: 5140) == Array(before[5100...]))
    #expect(disk.bytes == before)
    #expect(!overlay.write(at: 10240 - 4, data) && overlay.read(at: 10240, count: 1) == nil)
    let copy = DiskOverlay(over: disk)
    #expect(copy.state != overlay.state)
    copy.state = overlay.state
    #expect(copy.read(at: 0, count: 10240) == overlay.read(at: 0, count: 10240))
  }
}
