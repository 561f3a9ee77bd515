import Emulator
import Testing

/// Counts rising edges.
private final class Edges: InterruptSink {
  var count = 0
  func setLine(_ pin: Int, level: Bool) { if level { count += 1 } }
}

/// A controller with a disk and a CD on its first channel.
private final class Fixture {
  let clock = VirtualClock()
  let memory: PhysicalMemory
  let disk = MemoryDisk(sectors: 1000)
  let optical = MemoryDisk(sectors: 400)
  let edges = Edges()
  let controller: IDEController
  let command: any BusDevice
  let control: any BusDevice

  init() throws {
    memory = try #require(PhysicalMemory(size: 1 << 20))
    controller = IDEController(
      drives: [
        IDEController.Drive(disk, isOptical: false, isReadOnly: false),
        IDEController.Drive(optical, isOptical: true, isReadOnly: true),
      ],
      lines: [InterruptLine(to: edges, pin: 0), InterruptLine()], dma: DMA(memory), clock: clock)
    controller.function.dma?.isEnabled = true
    command = controller.commandBlock(0)
    control = controller.controlBlock(0)
  }

  var channel: IDEChannel { controller.channels[0] }

  func read(_ register: UInt64) -> UInt8 { UInt8(command.read(offset: register, size: .byte)) }
  func write(_ register: UInt64, _ value: UInt8) {
    command.write(offset: register, size: .byte, value: UInt64(value))
  }

  func words(_ count: Int) -> [UInt8] {
    (0..<count).flatMap { _ in
      let word = command.read(offset: 0, size: .word)
      return [UInt8(word & 0xFF), UInt8(word >> 8)]
    }
  }

  func send(_ bytes: [UInt8]) {
    for index in stride(from: 0, to: bytes.count, by: 2) {
      command.write(
        offset: 0, size: .word, value: UInt64(bytes[index]) | UInt64(bytes[index + 1]) << 8)
    }
  }

  /// Selects a sector by its 28-bit number.
  func select(_ sector: UInt32, count: UInt8) {
    write(2, count)
    write(3, UInt8(sector & 0xFF))
    write(4, UInt8(sector >> 8 & 0xFF))
    write(5, UInt8(sector >> 16 & 0xFF))
    write(6, 0xE0 | UInt8(sector >> 24 & 0xF))
  }

  func packet(_ bytes: [UInt8], usesDMA: Bool = false, limit: UInt16 = 0xFFFE) {
    write(6, 0xB0)
    write(1, usesDMA ? 1 : 0)
    write(4, UInt8(limit & 0xFF))
    write(5, UInt8(limit >> 8))
    write(7, 0xA0)
    #expect(read(2) & 3 == 1)
    send(bytes + [UInt8](repeating: 0, count: 12 - bytes.count))
  }

  func startDMA(toMemory: Bool, _ regions: [(address: UInt32, size: UInt16)]) {
    var table: [UInt8] = []
    for (index, region) in regions.enumerated() {
      table += UInt64(region.address).littleEndianBytes(4)
      table += UInt64(region.size).littleEndianBytes(2)
      table += [0, index == regions.count - 1 ? 0x80 : 0]
    }
    table.withUnsafeBytes { _ = memory.write(PhysicalAddress(0x1000), $0) }
    for (index, byte) in UInt64(0x1000).littleEndianBytes(4).enumerated() {
      channel.writeMaster(byte, UInt64(4 + index))
    }
    channel.writeMaster(6, 2)
    channel.writeMaster(toMemory ? 8 : 0, 0)
    channel.writeMaster(toMemory ? 9 : 1, 0)
  }

  func bytes(_ address: UInt64, _ count: Int) -> [UInt8]? {
    memory.read(PhysicalAddress(address), count: count)
  }
}

@Suite struct IDETests {
  @Test func resetTellsDisksFromPacketDevices() throws {
    let ide = try Fixture()
    ide.control.write(offset: 0, size: .byte, value: 4)
    ide.control.write(offset: 0, size: .byte, value: 0)
    ide.write(6, 0xA0)
    #expect([ide.read(2), ide.read(3), ide.read(4), ide.read(5)] == [1, 1, 0, 0])
    #expect(ide.read(7) == 0x50)
    ide.write(6, 0xB0)
    #expect([ide.read(2), ide.read(3), ide.read(4), ide.read(5)] == [1, 1, 0x14, 0xEB])
    // There is nobody on the other channel.
    let other = ide.controller.commandBlock(1)
    other.write(offset: 3, size: .byte, value: 0x55)
    #expect(other.read(offset: 3, size: .byte) == 0)
    #expect(other.read(offset: 7, size: .byte) == 0)
  }

  @Test func identifyTellsSizeAndNames() throws {
    let ide = try Fixture()
    ide.write(6, 0xE0)
    ide.write(7, 0xEC)
    #expect(ide.edges.count == 1)
    #expect(ide.read(7) == 0x58)
    let words = ide.words(256)
    #expect(Array(words[120..<124]) == [0xE8, 3, 0, 0])
    #expect(Array(words[54..<60]) == Array("ME UAHDRIDKS".utf8.prefix(6)))
    #expect(ide.read(7) == 0x50)
    // A packet device refuses, and says what it is.
    ide.write(6, 0xF0)
    ide.write(7, 0xEC)
    #expect(ide.read(7) & 1 == 1 && ide.read(1) == 4 && ide.read(4) == 0x14)
    ide.write(7, 0xA1)
    #expect(ide.words(256)[1] == 0x85)
  }

  @Test func sectorsAreReadAndWrittenThroughTheDataRegister() throws {
    let ide = try Fixture()
    ide.select(998, count: 2)
    ide.write(7, 0x20)
    for sector in 998..<1000 {
      #expect(ide.read(7) == 0x58)
      #expect(ide.words(256) == Array(ide.disk.bytes[sector * 512..<(sector + 1) * 512]))
    }
    #expect(ide.read(7) == 0x50)
    #expect(ide.edges.count == 2)
    let content = (0..<1024).map { UInt8(truncatingIfNeeded: $0 &* 3) }
    ide.select(10, count: 2)
    ide.write(7, 0x30)
    ide.send(content)
    #expect(Array(ide.disk.bytes[5120..<6144]) == content)
    // Nobody read the status between the sectors, so the line stayed up.
    #expect(ide.read(7) == 0x50)
    #expect(ide.edges.count == 3)
    ide.write(7, 0xE7)
    #expect(ide.disk.flushes == 1)
    // Two sectors for each interrupt, and by cylinder, head and sector.
    ide.write(2, 2)
    ide.write(7, 0xC6)
    ide.write(2, 4)
    ide.write(3, 11)
    ide.write(4, 0)
    ide.write(5, 0)
    ide.write(6, 0xA0)
    let before = ide.edges.count
    ide.write(7, 0xC4)
    #expect(Array(ide.words(1024).prefix(1024)) == content)
    #expect(ide.edges.count - before <= 2)
  }

  @Test func addressesBeyondTheEndAreRefused() throws {
    let ide = try Fixture()
    for command in [0x20, 0x30, 0xC8, 0xCA, 0x40] as [UInt8] {
      ide.select(999, count: 2)
      ide.write(7, command)
      #expect(ide.read(7) & 1 == 1 && ide.read(1) == 0x10)
    }
    // The 48-bit commands take two bytes a register, and zero for 65536.
    for (register, old, new) in [(2, 0, 1), (3, 0, 5), (4, 0, 0), (5, 0, 0)]
      as [(UInt64, UInt8, UInt8)]
    {
      ide.write(register, old)
      ide.write(register, new)
    }
    ide.write(6, 0xE0)
    ide.write(7, 0x24)
    #expect(ide.words(256) == Array(ide.disk.bytes[2560..<3072]))
    ide.write(2, 0)
    ide.write(2, 0)
    ide.write(7, 0x24)
    #expect(ide.read(1) == 0x10)
    ide.write(7, 0xFB)
    #expect(ide.read(1) == 4)
  }

  @Test func dmaFollowsTheTable() throws {
    let ide = try Fixture()
    ide.select(3, count: 4)
    ide.write(7, 0xC8)
    ide.startDMA(toMemory: true, [(0x2001 & ~1, 600), (0x8000, 1448)])
    // It happens between instructions, not in the access that starts it.
    #expect(ide.bytes(0x2000, 4) == [0, 0, 0, 0])
    ide.clock.runDueEvents()
    let content = Array(ide.disk.bytes[1536..<1536 + 2048])
    #expect(ide.bytes(0x2000, 600) == Array(content.prefix(600)))
    #expect(ide.bytes(0x8000, 1448) == Array(content.suffix(1448)))
    #expect(ide.channel.readMaster(2) & 7 == 4 && ide.read(7) == 0x50)
    // To the disk.
    ide.select(100, count: 4)
    ide.write(7, 0xCA)
    ide.startDMA(toMemory: false, [(0x2000, 600), (0x8000, 1448)])
    ide.clock.runDueEvents()
    #expect(Array(ide.disk.bytes[51200..<53248]) == content)
    // A table that leads nowhere.
    ide.select(3, count: 4)
    ide.write(7, 0xC8)
    ide.startDMA(toMemory: true, [(0xF000_0000, 0)])
    ide.clock.runDueEvents()
    #expect(ide.channel.readMaster(2) & 2 == 2 && ide.read(7) & 1 == 1)
  }

  @Test func packetsReadTheCD() throws {
    let ide = try Fixture()
    ide.packet([0])
    // The medium is new: once.
    #expect(ide.read(7) & 1 == 1 && ide.read(1) == 0x60)
    ide.packet([3, 0, 0, 0, 18])
    #expect(ide.words(9)[2] == 6)
    ide.packet([0])
    #expect(ide.read(7) == 0x50 && ide.read(2) == 3)
    ide.packet([0x25])
    #expect(ide.words(4) == [0, 0, 0, 99, 0, 0, 8, 0])
    // Three blocks, 4000 bytes at once at the most.
    ide.packet([0x28, 0, 0, 0, 0, 7, 0, 0, 3], limit: 4000)
    var content: [UInt8] = []
    for expected in [2048 * 3 > 4000 ? 4000 : 0, 2144] {
      #expect(Int(ide.read(4)) | Int(ide.read(5)) << 8 == expected && ide.read(2) == 2)
      content += ide.words(expected / 2)
    }
    #expect(content == Array(ide.optical.bytes[14336..<14336 + 6144]))
    #expect(ide.read(7) == 0x50 && ide.read(2) == 3)
    ide.packet([0x28, 0, 0, 0, 0, 20, 0, 0, 2], usesDMA: true)
    ide.startDMA(toMemory: true, [(0x4000, 4096)])
    ide.clock.runDueEvents()
    #expect(ide.bytes(0x4000, 4096) == Array(ide.optical.bytes[40960..<45056]))
    // Beyond the end; unknown.
    ide.packet([0x28, 0, 0, 0, 0, 99, 0, 0, 2])
    #expect(ide.read(1) == 0x50)
    ide.packet([0x04])
    #expect(ide.read(1) == 0x50)
    ide.packet([0x43, 0, 0, 0, 0, 0, 0, 0, 20])
    #expect(Array(ide.words(10)[0..<8]) == [0, 18, 1, 1, 0, 0x14, 1, 0])
  }

  /// Nothing a guest writes may trap, and a restored controller goes on as the other does.
  @Test func anythingGoes() throws {
    let ide = try Fixture()
    var state: UInt64 = 99
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    for _ in 0..<100_000 {
      let value = next()
      switch next() % 8 {
      case 0...2: ide.command.write(offset: next() % 8, size: .byte, value: value & 0xFF)
      case 3: ide.command.write(offset: 0, size: .doubleword, value: value)
      case 4: _ = ide.command.read(offset: next() % 8, size: .word)
      case 5: ide.channel.writeMaster(UInt8(value & 0xFF), next() % 8)
      case 6: ide.control.write(offset: 0, size: .byte, value: value & 6)
      default: ide.clock.runDueEvents()
      }
    }
    let other = try Fixture()
    for (drive, source) in zip(other.channel.drives, ide.channel.drives) {
      if let source { drive?.state = source.state }
    }
    other.channel.state = ide.channel.state
    #expect(other.channel.state == ide.channel.state)
  }
}
