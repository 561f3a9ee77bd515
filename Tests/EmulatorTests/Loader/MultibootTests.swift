import Emulator
import TestImages
import Testing

private func machine(
  _ bytes: [UInt8], memory: UInt64 = 16 << 20, commandLine: String = "", modules: [BootModule] = [],
  bootProtocol: BootProtocol? = nil
) throws -> Machine {
  try Machine(
    image: KernelImage(bytes, name: "k", bootProtocol: bootProtocol),
    configuration: MachineConfiguration(memory: memory, commandLine: commandLine, modules: modules))
}

private func refusal(
  _ bytes: [UInt8], memory: UInt64 = 16 << 20, bootProtocol: BootProtocol? = nil
) -> String {
  do {
    _ = try machine(bytes, memory: memory, bootProtocol: bootProtocol)
    return "it was loaded"
  } catch {
    return "\(error)"
  }
}

extension Machine {
  /// A number in physical memory.
  fileprivate func number(_ address: UInt64, _ size: Int = 4) -> UInt64 {
    (memory.read(PhysicalAddress(address), count: size) ?? []).reversed().reduce(0) {
      $0 << 8 | UInt64($1)
    }
  }

  /// A zero-terminated string in physical memory.
  fileprivate func string(_ address: UInt64) -> String {
    let bytes = memory.read(PhysicalAddress(address), count: 256) ?? []
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}

private let modules = [
  BootModule(name: "first a=1", bytes: Array("one".utf8)),
  BootModule(name: "second", bytes: Array("two!".utf8)),
]

private typealias Images = ProtocolImages

@Suite struct Multiboot1Tests {
  private static func kernel(
    flags: UInt32 = 3, fields: [UInt32] = [], is64Bit: Bool = false
  ) -> ELFBuilder {
    Images.elf(
      header: Images.multiboot1Header(flags: flags, fields: fields), code: Images.multiboot1Code,
      is64Bit: is64Bit)
  }

  @Test(arguments: [false, true])
  func theKernelFindsEverything(is64Bit: Bool) throws {
    let machine = try machine(
      Self.kernel(is64Bit: is64Bit).build(), commandLine: "quiet a=b", modules: modules)
    #expect(machine.run(limit: 10_000) == .debugExit(0x10))
    #expect(machine.console.text == "quiet a=b\nemu\nfirst a=1\none\nsecond\ntwo!\n")
  }

  @Test func everyFieldOfTheInformationIsRight() throws {
    var builder = Self.kernel(is64Bit: true)
    builder.symbols = [("start", 0x10_000C, 4)]
    let machine = try machine(builder.build(), modules: modules)
    let cpu = machine.processor.cpu
    #expect(cpu[.rax] == 0x2BAD_B002)
    #expect(cpu.cr0 == [.protectionEnable, .extensionType])
    #expect(!cpu[.cs].isLong && cpu[.cs].limit == .max && cpu[.ss].limit == .max)
    let record = cpu[.rbx]
    // Memory, command line, modules, ELF sections, memory map, loader name; nothing else.
    #expect(machine.number(record) == 0b10_0110_1101)
    #expect(machine.number(record + 4) == 639)
    #expect(machine.number(record + 8) == 15 << 10)
    #expect(machine.number(record + 20) == 2)
    for (index, module) in modules.enumerated() {
      let entry = machine.number(record + 24) + UInt64(index) * 16
      #expect(machine.number(entry) % 4096 == 0)
      #expect(machine.number(entry + 4) - machine.number(entry) == UInt64(module.bytes.count))
      #expect(machine.string(machine.number(entry + 8)) == module.name)
      #expect(machine.number(entry + 12) == 0)
    }
    let ranges = stride(from: 0, to: machine.number(record + 44), by: 24).map { offset in
      let entry = machine.number(record + 48) + offset
      #expect(machine.number(entry) == 20)
      return (
        machine.number(entry + 4, 8), machine.number(entry + 12, 8), machine.number(entry + 20)
      )
    }
    #expect(ranges.contains { $0 == (0x10_0000, 15 << 20, 1) })
    #expect(ranges.contains { $0.0 == 0xE_0000 && $0.2 == 3 })
    #expect(ranges.contains { $0.0 == 0xFEE0_0000 && $0.2 == 2 })
    checkSections(machine, record)
    // The BIOS data area: COM1, the extended area's segment, KiB of low memory.
    #expect(machine.number(0x400, 2) == 0x3F8)
    #expect(machine.number(0x40E, 2) == 0x9FC0)
    #expect(machine.number(0x413, 2) == 639)
  }

  /// The section headers, and the symbols that they lead to.
  private func checkSections(_ machine: Machine, _ record: UInt64) {
    #expect(machine.number(record + 28) == 4)
    #expect(machine.number(record + 32) == 64)
    #expect(machine.number(record + 40) == 3)
    let table = machine.number(record + 36)
    let symbols = table + 64
    #expect(machine.number(symbols + 4) == 2)
    let symbol = machine.number(symbols + 16, 8) + 24
    #expect(machine.number(symbol + 8, 8) == 0x10_000C)
    let names = machine.number(table + 128 + 16, 8)
    #expect(machine.string(names + machine.number(symbol)) == "start")
  }

  @Test func theAddressFieldsLoadAFlatFile() throws {
    let header = { (fields: [UInt32]) in
      Images.multiboot1Header(flags: 0x1_0003, fields: fields)
    }
    let base: UInt32 = 0x20_0000
    // 16 bytes before the header are loaded too, 16 behind the code are zeroes, the rest is not.
    let size = UInt32(16 + 32 + Images.multiboot1Code.count)
    let fields = [base + 16, base, base + size, base + size + 16, base + 48]
    let flat = [UInt8](repeating: 0xEE, count: 16) + header(fields) + Images.multiboot1Code
    let machine = try machine(flat + [1, 2, 3], commandLine: "flat")
    #expect(machine.run(limit: 10_000) == .debugExit(0x10))
    #expect(machine.console.text == "flat\nemu\n")
    #expect(machine.number(UInt64(base), 1) == 0xEE)
    #expect(machine.number(UInt64(base + size)) == 0)
    // All of the file, and nothing behind it.
    let whole = [base + 16, .max, 0, 0, base + 48]
    let other = try self.machineOf(flat: flat, header(whole))
    #expect(other.run(limit: 10_000) == .debugExit(0x10))
    for (wrong, reason) in [
      ([base, base + 16, 0, 0, base], "though it lies at offset 16"),
      ([base + 16, base, base + size + 100, 0, base + 48], "where the file is over"),
      ([base + 16, base, base + size, base + 4, base + 48], "zeroes end at"),
      ([base + 16, base, base + size, 0, base + 0x1000], "lies in none"),
      ([0xFFFF_0000, 0xFFFE_FFF0, 0, 0, 0xFFFF_0020], "has no free RAM"),
    ] as [([UInt32], String)] {
      let bytes = Array(flat[..<16]) + header(wrong) + Images.multiboot1Code
      #expect(refusal(bytes).contains(reason), "\(refusal(bytes))")
    }
  }

  private func machineOf(flat: [UInt8], _ header: [UInt8]) throws -> Machine {
    try machine(Array(flat[..<16]) + header + Images.multiboot1Code)
  }

  @Test func whatItRequiresAndNobodyKnowsIsRefused() throws {
    #expect(refusal(Self.kernel(flags: 0x13).build()).contains("flags 0x10"))
    #expect(refusal(Images.multiboot1Header()).contains("no addresses"))
    // A wish for graphics may stay unanswered; then the structure says so.
    let machine = try machine(Self.kernel(flags: 7, fields: [0, 0, 0, 0, 0, 0, 80, 25, 0]).build())
    #expect(machine.number(machine.processor.cpu[.rbx]) & (1 << 11) == 0)
  }

  @Test func longStringsAndManyModulesGoToHighMemory() throws {
    let many = (0..<300).map { BootModule(name: "module \($0)", bytes: [UInt8($0 & 0xFF)]) }
    let long = String(repeating: "x", count: 40_000)
    let machine = try machine(Self.kernel().build(), commandLine: long, modules: many)
    #expect(machine.run(limit: 10_000_000) == .debugExit(0x10))
    #expect(machine.console.text.hasPrefix(long + "\n"))
    #expect(machine.console.text.contains("\nmodule 299\n"))
  }
}

@Suite struct Multiboot2Tests {
  private typealias Tag = (type: UInt16, flags: UInt16, words: [UInt32])

  private static func kernel(
    _ tags: [(type: UInt16, flags: UInt16, words: [UInt32])] = [], at address: UInt64 = 0x10_0000
  ) -> ELFBuilder {
    Images.elf(
      header: Images.multiboot2Header(tags), code: Images.multiboot2Code, at: address)
  }

  /// The tags of the information structure, by type.
  private static func tags(_ machine: Machine) -> [(type: UInt64, at: UInt64, size: UInt64)] {
    let record = machine.processor.cpu[.rbx]
    let end = record + machine.number(record)
    var tags: [(UInt64, UInt64, UInt64)] = []
    var at = record + 8
    while at < end {
      tags.append((machine.number(at), at, machine.number(at + 4)))
      at += (machine.number(at + 4) + 7) & ~7
    }
    #expect(at == end && record % 8 == 0)
    return tags
  }

  @Test func theKernelFindsEverything() throws {
    let request: Tag = (1, 0, [1, 2, 3, 4, 6, 9, 14, 15])
    let machine = try machine(
      Self.kernel([request, (6, 0, [])]).build(), commandLine: "quiet a=b", modules: modules)
    #expect(machine.processor.cpu[.rax] == 0x36D7_6289)
    #expect(machine.run(limit: 10_000) == .debugExit(0x10))
    #expect(
      machine.console.text == "A quiet a=b\nB emu\nC first a=1\nC second\nD\nF\nN\nO\n")
  }

  @Test func everyTagIsRight() throws {
    var builder = Self.kernel()
    builder.symbols = [("start", 0x10_0020, 4)]
    let machine = try machine(builder.build(), modules: modules)
    let tags = Self.tags(machine)
    #expect(tags.map(\.type) == [1, 2, 3, 3, 4, 6, 9, 14, 15, 0])
    for (module, tag) in zip(modules, tags[2...3]) {
      #expect(machine.number(tag.at + 8) % 4096 == 0)
      #expect(
        machine.number(tag.at + 12) - machine.number(tag.at + 8) == UInt64(module.bytes.count))
      #expect(machine.string(tag.at + 16) == module.name)
    }
    #expect(machine.number(tags[4].at + 8) == 639)
    #expect(machine.number(tags[4].at + 12) == 15 << 10)
    let map = tags[5]
    #expect(machine.number(map.at + 8) == 24 && machine.number(map.at + 12) == 0)
    let ranges = stride(from: map.at + 16, to: map.at + map.size, by: 24).map {
      (machine.number($0, 8), machine.number($0 + 8, 8), machine.number($0 + 16))
    }
    #expect(ranges.contains { $0 == (0x10_0000, 15 << 20, 1) })
    #expect(ranges.contains { $0.0 == 0xE_0000 && $0.2 == 3 })
    let sections = tags[6].at
    #expect(machine.number(sections + 8) == 4)
    #expect(machine.number(sections + 12) == 64)
    #expect(machine.number(sections + 16) == 3)
    let names = machine.number(sections + 20 + 128 + 16, 8)
    #expect(machine.string(names + 1) == "start")
    for (tag, size) in [(tags[7], 20), (tags[8], 36)] as [((UInt64, UInt64, UInt64), UInt64)] {
      #expect(machine.memory.read(PhysicalAddress(tag.1 + 8), count: 8) == Array("RSD PTR ".utf8))
      #expect(tag.2 == size + 8)
    }
  }

  @Test func aRelocatableKernelGoesWhereItMayAndWants() throws {
    let size = UInt64(Self.kernel([(10, 0, [0, 0, 0, 0])]).segments[0].bytes.count)
    func base(_ words: [UInt32], linkedAt address: UInt64 = 0x20_0000) throws -> UInt64? {
      let machine = try machine(Self.kernel([(10, 0, words)], at: address).build())
      let tag = Self.tags(machine).first { $0.type == 21 }
      let base = tag.map { machine.number($0.at + 8) }
      #expect(machine.run(limit: 10_000) == .debugExit(0x10))
      return base
    }
    #expect(try base([0, .max, 4096, 0]) == 0x20_0000)
    #expect(try base([0, .max, 0x40_0000, 1]) == 0x40_0000)
    #expect(try base([0, .max, 0x40_0000, 2]) == 0xC0_0000)
    #expect(try base([0, 0x80_0000, 4096, 2]) == (0x80_0001 - size) & ~4095)
    #expect(try base([0x30_0000, .max, 4096, 0]) == 0x30_0000)
    // Where it is linked there is no RAM.
    #expect(try base([0, .max, 4096, 0], linkedAt: 0x8000_0000) == 0x10_0000)
    let none = Self.kernel([(10, 0, [0x300_0000, .max, 4096, 1])]).build()
    #expect(refusal(none).contains("do not fit between 0x3000000"))
    let odd = Self.kernel([(10, 0, [0, .max, 3, 1])]).build()
    #expect(refusal(odd).contains("an alignment of 3"))
  }

  @Test func addressAndEntryTagsLoadAFlatFile() throws {
    let base: UInt32 = 0x30_0000
    let make = { (tags: [Tag]) in Images.multiboot2Header(tags) + Images.multiboot2Code }
    let size = UInt32(Images.multiboot2Header([(2, 0, [0, 0, 0, 0]), (3, 0, [0])]).count)
    let good = make([(2, 0, [base, base, 0, 0]), (3, 0, [base + size])])
    #expect(try machine(good).run(limit: 10_000) == .debugExit(0x10))
    #expect(refusal(make([(2, 0, [base, base, 0, 0])])).contains("no entry address tag"))
    #expect(refusal(make([])).contains("no addresses"))
    // The entry address tag alone moves an ELF file's entry.
    let undefined = Images.multiboot2Header([(3, 0, [0])])
    var moved = Images.elf(
      header: Images.multiboot2Header([(3, 0, [0x10_0000 + UInt32(undefined.count) + 2])]),
      code: TestCode.undefined + Images.multiboot2Code)
    #expect(try machine(moved.build()).run(limit: 10_000) == .debugExit(0x10))
    moved.segments[0].bytes.removeLast()
  }

  @Test func whatItRequiresAndNobodyHasIsRefused() throws {
    let rows: [(Tag, String)] = [
      ((1, 0, [1, 99]), "information tag of type 99"),
      ((77, 0, []), "required tag of type 77"),
      ((4, 0, [1]), "requires a console"),
    ]
    for (tag, reason) in rows {
      let sentence = refusal(Self.kernel([tag]).build())
      #expect(sentence.contains(reason), "\(sentence)")
      // The same is fine if it is optional; the console flags say it by themselves.
      if tag.type != 4 {
        #expect(refusal(Self.kernel([(tag.0, 1, tag.2)]).build()) == "it was loaded")
      }
    }
    #expect(
      refusal(Self.kernel([(4, 0, [1]), (5, 1, [0, 0, 0])]).build()).contains("a framebuffer"))
    // EFI tags count only where there is EFI.
    #expect(
      refusal(Self.kernel([(7, 0, []), (8, 0, [1]), (9, 0, [1])]).build()) == "it was loaded")
    let other = Images.elf(
      header: Images.multiboot2Header(architecture: 4), code: Images.multiboot2Code)
    #expect(refusal(other.build()).contains("architecture 4"))
  }

  @Test func theChoiceAmongHeadersIsTheDocumentedAndTheUsers() throws {
    let header = Images.multiboot2Header() + Images.multiboot1Header()
    var both = Images.elf(header: header, code: TestCode.loop)
    let magic = { (builder: ELFBuilder, choice: BootProtocol?) in
      let machine = try machine(builder.build(), bootProtocol: choice)
      return withExtendedLifetime(machine) { machine.processor.cpu[.rax] }
    }
    #expect(try magic(both, nil) == 0x36D7_6289)
    #expect(try magic(both, .multiboot2) == 0x36D7_6289)
    #expect(try magic(both, .multiboot1) == 0x2BAD_B002)
    let long = try machine(both.build(), bootProtocol: .elf64)
    #expect(withExtendedLifetime(long) { long.processor.cpu.isLongMode })
    #expect(refusal(both.build(), bootProtocol: .limine).contains("cannot be started by limine"))
    #expect(refusal(both.build(), bootProtocol: .pvh).contains("cannot be started by pvh"))
    #expect(refusal(both.build(), bootProtocol: .linux).contains("cannot be started by linux"))
    both.pvhEntry = both.entry
    #expect(try magic(both, nil) == 0)
    #expect(try magic(both, .multiboot1) == 0x2BAD_B002)
  }

  @Test func compressedFilesAreInflated() throws {
    // gzip --best of an ELF64 that is entered without a protocol: HLT in a loop would be as good.
    #expect(refusal([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]).contains("cut off or damaged"))
    #expect(refusal([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0xFF, 0xFF]).contains("damaged"))
    let kernel = Self.kernel().build()
    #expect(try machine(stored(kernel)).run(limit: 10_000) == .debugExit(0x10))
    var wrong = stored(kernel)
    wrong[wrong.count - 5] ^= 1
    #expect(refusal(wrong).contains("damaged"))
  }

  /// A gzip file with one stored block.
  private func stored(_ bytes: [UInt8]) -> [UInt8] {
    var crc: UInt32 = .max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 != 0 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    let size = UInt16(bytes.count)
    let number = { (value: UInt32) in
      (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1]
      + [size, ~size].flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] } + bytes + number(~crc)
      + number(UInt32(bytes.count))
  }
}
