import Emulator
import Testing

@Suite struct LegacyMappingTests {
  private static let size: UInt64 = 2 << 20

  private func memory() throws -> PhysicalMemory {
    let rom = (0..<0x4_0000).map { UInt8(truncatingIfNeeded: $0 >> 12) }
    return try #require(PhysicalMemory(size: Self.size, rom: rom))
  }

  private func read(_ memory: PhysicalMemory, _ address: UInt64) -> UInt8? {
    memory.read(PhysicalAddress(address), count: 1)?.first
  }

  @Test func theROMEndsAtFourGiBAndCannotBeWritten() throws {
    let memory = try memory()
    #expect(read(memory, 0xFFFF_FFFF) == 0x3F)
    #expect(read(memory, 0xFFFC_0000) == 0)
    #expect(read(memory, 0xFFFB_FFFF) == nil)
    #expect(memory.write(PhysicalAddress(0xFFFF_FFFF), [7]))
    #expect(read(memory, 0xFFFF_FFFF) == 0x3F)
    #expect(memory.read(PhysicalAddress(0xFFFF_FFFE), count: 3) == nil)
    #expect(memory.read(PhysicalAddress(0xFFFC_0000), count: 0x4_0000)?.last == 0x3F)
  }

  @Test func pagesBelowOneMiBAreWhatTheyAreMappedAs() throws {
    let memory = try memory()
    #expect(memory.write(PhysicalAddress(0x9_FFFF), [1, 2]))
    #expect(memory.read(PhysicalAddress(0x9_FFFF), count: 2) == [1, 2])
    memory.map(0xA_0000..<0xC_0000, as: .bus)
    #expect(memory.read(PhysicalAddress(0x9_FFFF), count: 2) == nil)
    #expect(!memory.write(PhysicalAddress(0x9_FFFF), [3, 4]))
    #expect(read(memory, 0x9_FFFF) == 1)
    memory.map(0xE_0000..<0x10_0000, as: .rom)
    #expect(read(memory, 0xE_0000) == 0x20)
    #expect(read(memory, 0xF_FFFF) == 0x3F)
    // Shadowing: what is written is the RAM behind the ROM.
    memory.map(0xF_0000..<0x10_0000, as: LegacyMapping(reads: .rom, writes: .ram))
    #expect(memory.write(PhysicalAddress(0xF_0000), [9]))
    #expect(read(memory, 0xF_0000) == 0x30)
    memory.map(0xF_0000..<0x10_0000, as: .readOnly)
    #expect(read(memory, 0xF_0000) == 9)
    #expect(memory.write(PhysicalAddress(0xF_0000), [8]))
    #expect(read(memory, 0xF_0000) == 9)
    memory.map(0xF_0000..<0x10_0000, as: .ram)
    #expect(memory.write(PhysicalAddress(0xF_0000), [8]))
    #expect(read(memory, 0xF_0000) == 8)
  }

  @Test func mapsTellTheirObserversOnlyOfChanges() throws {
    let memory = try memory()
    var count = 0
    memory.mapObservers.append { count += 1 }
    memory.map(0xC_0000..<0x10_0000, as: .ram)
    #expect(count == 0)
    memory.map(0xC_0000..<0x10_0000, as: .bus)
    memory.map(0xC_0000..<0xD_0000, as: .bus)
    #expect(count == 1)
    // Nothing outside the pages it is about is touched.
    memory.map(0..<0x20_0000, as: .rom)
    #expect(read(memory, 0) == 0 && read(memory, 0x10_0000) == 0)
    #expect(read(memory, 0xD_0000) == nil)
  }

  /// Code that was decoded from the ROM's alias is not executed after RAM took its place.
  @Test func decodedCodeGoesWithItsPages() throws {
    var rom = [UInt8](repeating: 0xF4, count: 0x2_0000)
    rom.replaceSubrange(0..<7, with: [0xB8, 1, 0, 0, 0, 0xEB, 0xFE])  // MOV EAX, 1; JMP $
    let memory = try #require(PhysicalMemory(size: Self.size, rom: rom))
    memory.map(0xE_0000..<0x10_0000, as: LegacyMapping(reads: .rom, writes: .ram))
    let processor = Processor(bare: memory)
    processor.enterFlatMode(at: 0xE_0000)
    _ = processor.run(until: 100)
    #expect(processor.cpu[.rax] == 1)
    #expect(memory.write(PhysicalAddress(0xE_0000), [0xB8, 2, 0, 0, 0, 0xEB, 0xFE]))
    processor.enterFlatMode(at: 0xE_0000)
    _ = processor.run(until: 200)
    #expect(processor.cpu[.rax] == 1)
    memory.map(0xE_0000..<0x10_0000, as: .ram)
    processor.enterFlatMode(at: 0xE_0000)
    _ = processor.run(until: 300)
    #expect(processor.cpu[.rax] == 2)
    // And a store by the processor to code in RAM is seen as everywhere.
    processor.cpu.storePhysical(3 as UInt8, at: PhysicalAddress(0xE_0001))
    processor.enterFlatMode(at: 0xE_0000)
    _ = processor.run(until: 400)
    #expect(processor.cpu[.rax] == 3)
  }

  /// A page that is read from ROM and written to RAM, reached through the TLB.
  @Test func theTLBNeverLetsAWriteIntoTheROM() throws {
    let memory = try memory()
    memory.map(0xE_0000..<0x10_0000, as: LegacyMapping(reads: .rom, writes: .ram))
    let processor = Processor(bare: memory)
    processor.enterFlatMode(at: 0)
    let address = LinearAddress(0xE_1000)
    for _ in 0..<3 {
      #expect(try processor.cpu.load(address, as: UInt8.self) == 0x21)
      try processor.cpu.store(0x55 as UInt8, at: address)
    }
    memory.map(0xE_0000..<0x10_0000, as: .readOnly)
    _ = processor.run(until: 1)
    #expect(try processor.cpu.load(address, as: UInt8.self) == 0x55)
    try processor.cpu.store(0x66 as UInt8, at: address)
    #expect(try processor.cpu.load(address, as: UInt8.self) == 0x55)
    #expect(try processor.cpu.load(LinearAddress(0xFFFF_F000), as: UInt8.self) == 0x3F)
  }
}

extension Processor {
  /// 32-bit protected mode with flat segments.
  fileprivate func enterFlatMode(at address: UInt64) {
    let cpu = cpu
    cpu.state.pointee.cr0 = CR0([.protectionEnable, .extensionType]).rawValue
    cpu[.cs] = SegmentRegister(selector: 8, attributes: 0xC09B, limit: .max, base: 0)
    for name in [SegmentName.ds, .es, .ss] {
      cpu[name] = SegmentRegister(selector: 16, attributes: 0xC093, limit: .max, base: 0)
    }
    cpu.state.pointee.rip = address
    cpu.state.pointee.nextRIP = address
    cpu.updateMode()
  }
}

extension PhysicalMemory {
  fileprivate func write(_ address: PhysicalAddress, _ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { write(address, $0) }
  }
}
