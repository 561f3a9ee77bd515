import Emulator
import TestImages
import Testing

/// Mutated and random files: each is loaded or refused in one sentence, and nothing else happens.
@Suite struct LoaderFuzzTests {
  private static let interesting: [UInt64] = [
    0, 1, 0x7F, 0xFF, 0x1000, 0x10_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, 1 << 40,
    1 << 63, .max, .max - 0xFFF,
  ]

  private static func originals() -> [[UInt8]] {
    var bare = ELFBuilder(code: TestCode.print("x", at: 0x10_0000) + TestCode.powerOff)
    bare.symbols = [("start", 0x10_0000, 20), ("$s6Kernel4mainyyF", 0x10_0014, 8)]
    var higher = ELFBuilder(code: TestCode.loop, at: 0xFFFF_FFFF_8000_0000)
    higher.segments[0].physicalAddress = 0x20_0000
    var narrow = ELFBuilder(code: TestCode.loop, pvh: true)
    narrow.is64Bit = false
    narrow.machine = 3
    narrow.pvhSize = 4
    let elves = [bare, higher, ELFBuilder(code: TestCode.loop, pvh: true), narrow]
    return elves.map { $0.build() } + [LinuxImageBuilder().build()] + protocolOriginals()
  }

  /// An image for every header that a kernel may carry.
  private static func protocolOriginals() -> [[UInt8]] {
    let flat = ProtocolImages.multiboot1Header(
      flags: 0x1_0003, fields: [0x20_0000, 0x20_0000, 0, 0, 0x20_0020])
    let tags: [(type: UInt16, flags: UInt16, words: [UInt32])] = [
      (1, 0, [1, 6, 9]), (4, 1, [2]), (5, 1, [0, 0, 0]), (6, 0, []),
      (10, 0, [0, .max, 0x20_0000, 2]),
    ]
    let flatTags: [(type: UInt16, flags: UInt16, words: [UInt32])] = [
      (2, 0, [0x20_0000, 0x20_0000, 0, 0]), (3, 0, [0x20_0038]),
    ]
    var named = ProtocolImages.elf(
      header: ProtocolImages.multiboot1Header(), code: ProtocolImages.multiboot1Code)
    named.symbols = [("start", 0x10_0000, 20)]
    let elves = [
      ProtocolImages.elf(
        header: ProtocolImages.multiboot1Header(), code: ProtocolImages.multiboot1Code,
        is64Bit: false),
      ProtocolImages.elf(
        header: ProtocolImages.multiboot2Header(tags), code: ProtocolImages.multiboot2Code),
      named, ProtocolImages.limineKernel(), ProtocolImages.relocatableLimineKernel(),
    ]
    return elves.map { $0.build() } + [
      flat + ProtocolImages.multiboot1Code,
      ProtocolImages.multiboot2Header(flatTags) + ProtocolImages.multiboot2Code,
    ]
  }

  private static func mutate(
    _ original: [UInt8], _ generator: inout SeededGenerator
  ) -> [UInt8] {
    var bytes = original
    if UInt8.random(in: 0..<8, using: &generator) == 0 {
      bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
    }
    for _ in 0..<Int.random(in: 1...6, using: &generator) where !bytes.isEmpty {
      // Most of what matters stands in the headers.
      let range = Bool.random(using: &generator) ? min(bytes.count, 768) : bytes.count
      let at = Int.random(in: 0..<range, using: &generator)
      if Bool.random(using: &generator) {
        bytes[at] = UInt8.random(in: 0...255, using: &generator)
        continue
      }
      let value = interesting.randomElement(using: &generator) ?? 0
      for index in 0..<8 where at + index < bytes.count {
        bytes[at + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
      }
    }
    return bytes
  }

  @Test func anyFileIsLoadedOrRefused() {
    let budget = FuzzBudget()
    var generator = SeededGenerator(seed: budget.seed)
    let originals = Self.originals()
    var loaded = 0
    var refused = 0
    while !budget.isSpent {
      var bytes = (0..<Int.random(in: 0..<512, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      if UInt8.random(in: 0..<16, using: &generator) != 0,
        let original = originals.randomElement(using: &generator)
      {
        bytes = Self.mutate(original, &generator)
      }
      do {
        let image = try KernelImage(bytes, name: "file")
        _ = SymbolTable(image).describe(0x10_0000)
        _ = try ImageDescription(bytes, name: "file").text
        let machine = try Machine(image: image, configuration: .init(memory: 4 << 20))
        _ = machine.run(limit: 100)
        loaded += 1
      } catch {
        refused += 1
        let sentence = "\(error)"
        #expect(!sentence.contains("\n") && sentence.hasPrefix("file: "), "\(sentence)")
      }
    }
    print("loader fuzzing: \(loaded) files loaded, \(refused) refused")
    #expect(loaded > 0 && refused > 0)
  }
}
