import Emulator
import Testing

@Suite struct FirmwareConfigurationTests {
  private let clock = VirtualClock()
  private let memory: PhysicalMemory
  private let device: FirmwareConfiguration

  init() throws {
    memory = try #require(PhysicalMemory(size: 1 << 20))
    device = FirmwareConfiguration(items: [5: [3, 0]], dma: DMA(memory), clock: clock)
    device.add([("etc/one", [1, 2, 3]), ("etc/two", Array(10..<20))])
  }

  private func select(_ item: UInt64) { device.write(offset: 0, size: .word, value: item) }
  private func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(device.read(offset: 1, size: .byte)) }
  }

  private func transfer(control: UInt32, length: UInt32, address: UInt64) -> UInt32? {
    var descriptor: [UInt8] = []
    for value in [control.bigEndian, length.bigEndian] {
      withUnsafeBytes(of: value) { descriptor += $0 }
    }
    withUnsafeBytes(of: address.bigEndian) { descriptor += $0 }
    descriptor.withUnsafeBytes { _ = memory.write(PhysicalAddress(0x500), $0) }
    device.write(offset: 4, size: .doubleword, value: 0)
    device.write(offset: 8, size: .doubleword, value: UInt64(UInt32(0x500).byteSwapped))
    clock.runDueEvents()
    return memory.read(PhysicalAddress(0x500), count: 4)?.reduce(0) { $0 << 8 | UInt32($1) }
  }

  @Test func itemsAreReadByteByByte() {
    select(0)
    #expect(bytes(6) == Array("QEMU".utf8) + [0, 0])
    select(1)
    #expect(bytes(4) == [3, 0, 0, 0])
    select(5)
    #expect(bytes(3) == [3, 0, 0])
    select(0x7777)
    #expect(bytes(2) == [0, 0])
  }

  @Test func filesAreInTheDirectory() {
    select(0x19)
    #expect(bytes(4) == [0, 0, 0, 2])
    let first = bytes(64)
    #expect(Array(first[0..<8]) == [0, 0, 0, 3, 0, 0x20, 0, 0])
    #expect(Array(first[8..<16]) == Array("etc/one".utf8) + [0])
    #expect(Array(bytes(64)[0..<6]) == [0, 0, 0, 10, 0, 0x21])
    select(0x21)
    #expect(bytes(3) == [10, 11, 12])
  }

  @Test func transfersMoveWholePieces() {
    #expect(device.read(offset: 4, size: .doubleword) == 0x554D_4551)
    #expect(transfer(control: 0x21 << 16 | 0xA, length: 4, address: 0x900) == 0)
    #expect(memory.read(PhysicalAddress(0x900), count: 5) == [10, 11, 12, 13, 0])
    // Skips two; the rest behind the end is zeroes.
    #expect(transfer(control: 4, length: 2, address: 0) == 0)
    #expect(transfer(control: 2, length: 6, address: 0x900) == 0)
    #expect(memory.read(PhysicalAddress(0x900), count: 6) == [16, 17, 18, 19, 0, 0])
    // Nowhere, too much, and writing, which nothing allows.
    #expect(transfer(control: 0x21 << 16 | 0xA, length: 4, address: 1 << 40) == 1)
    #expect(transfer(control: 2, length: .max, address: 0) == 1)
    #expect(transfer(control: 0x10, length: 1, address: 0x900) == 1)
  }

  @Test func tablesComeWithTheirLoader() throws {
    var configuration = ACPITables.Configuration(processorIDs: [0])
    configuration.serialPorts = []
    let built = ACPITables(configuration, at: 0)
    let loader = ACPITableLoader(built)
    #expect(loader.commands.count % 128 == 0)
    // What the commands make of the files is what is built for that address.
    let base: UInt64 = 0x7F_0000
    var files = [
      ACPITableLoader.rsdpName: loader.rsdp, ACPITableLoader.tablesName: loader.tables,
    ]
    for start in stride(from: 0, to: loader.commands.count, by: 128) {
      let command = Array(loader.commands[start..<start + 128])
      func name(_ at: Int) -> String {
        String(decoding: command[at..<at + 56].prefix { $0 != 0 }, as: UTF8.self)
      }
      func number(_ at: Int) -> Int {
        command[at..<at + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
      }
      switch number(0) {
      case 2:
        var file = try #require(files[name(4)])
        let (at, size) = (number(116), Int(command[120]))
        let old = file[at..<at + size].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        file.replaceSubrange(at..<at + size, with: (old + base).littleEndianBytes(size))
        files[name(4)] = file
      case 3:
        var file = try #require(files[name(4)])
        let (at, first, length) = (number(60), number(64), number(68))
        file[at] = file[at] &- file[first..<first + length].reduce(0, &+)
        files[name(4)] = file
      default: break
      }
    }
    let wanted = ACPITables(configuration, at: base)
    #expect(files[ACPITableLoader.rsdpName] == Array(wanted.bytes.prefix(36)))
    let tables = try #require(files[ACPITableLoader.tablesName])
    #expect(Array(tables.dropFirst(36)) == Array(wanted.bytes.dropFirst(36)))
  }
}
