import Emulator
import TestImages
import Testing

/// Loads `builder`'s file into a machine; the error's sentence, or nil if it could be loaded.
private func refusal(
  _ bytes: [UInt8], configuration: MachineConfiguration = MachineConfiguration(memory: 16 << 20)
) -> String? {
  do {
    _ = try Machine(image: KernelImage(bytes, name: "k"), configuration: configuration)
    return nil
  } catch {
    return "\(error)"
  }
}

private func changed(_ change: (inout ELFBuilder) -> Void) -> [UInt8] {
  var builder = ELFBuilder(code: TestCode.loop)
  change(&builder)
  return builder.build()
}

@Suite struct LoaderTests {
  private func entry(_ bytes: [UInt8]) throws -> ELFKernel.BootProtocol? {
    guard case .elf(let kernel) = try KernelImage(bytes, name: "k").kind else { return nil }
    return kernel.bootProtocol
  }

  @Test func recognisesBothProtocols() throws {
    #expect(try entry(ELFBuilder(code: TestCode.loop).build()) == .long(entry: 0x10_0000))
    let pvh = ELFBuilder(code: TestCode.loop, pvh: true)
    #expect(try entry(pvh.build()) == .pvh(entry: 0x10_0000))
    var narrow = pvh
    narrow.is64Bit = false
    narrow.machine = 3
    narrow.pvhSize = 4
    #expect(try entry(narrow.build()) == .pvh(entry: 0x10_0000))
    #expect(refusal(narrow.build()) == nil)
  }

  /// Every row is a file that cannot be booted, and a part of the sentence that says why.
  @Test(
    arguments: [
      ([], "empty"),
      (Array("hello\n".utf8), "this is text, not an ELF file"),
      ([0x1F, 0x8B, 8, 0], "gzip"),
      ([0x4D, 0x5A] + [UInt8](repeating: 0, count: 100), "PE or DOS"),
      ([UInt8](repeating: 0, count: 100), "nothing but zeroes"),
      ([0x7F, 0x45, 0x4C, 0x46], "cut off or damaged"),
      (Array(ELFBuilder(code: TestCode.loop).build().prefix(80)), "no segment to load"),
      (Array(ELFBuilder(code: [UInt8](repeating: 0x90, count: 64)).build().prefix(130)), "cut off"),
      (changed { $0.machine = 183 }, "for AArch64"),
      (changed { $0.type = 1 }, "relocatable object"),
      (changed { $0.type = 4 }, "core dump"),
      (changed { $0.type = 3 }, "position-independent"),
      (changed { $0.segments[0].type = 2 }, "no segment to load"),
      (changed { $0.entry = 0 }, "entry point 0x0 lies in none"),
      (changed { $0.segments[0].memorySize = 1 }, "2 bytes in the file for 1"),
      (changed { $0.segments[0].memorySize = 1 << 62 }, "no free RAM"),
      (changed { $0.segments[0].memorySize = .max }, "beyond the end of the address space"),
      (changed { $0.segments[0].claimedOffset = .max }, "cut off"),
      (changed { $0.segments[0].claimedFileSize = 1 << 40 }, "cut off"),
      (changed { $0.segments[0].physicalAddress = 0xFFFF_FFFF_8010_0000 }, "no free RAM"),
      (changed { $0.segments[0].physicalAddress = 0xB_0000 }, "no free RAM"),
      (changed { $0.segments[0].physicalAddress = 0x2000 }, "overlaps the boot structures"),
      (changed { $0.segments.append($0.segments[0]) }, "overlap at physical address"),
      (
        changed {
          $0.segments[0].virtualAddress = 0x1234_5678_9ABC_D000
          $0.entry = 0x1234_5678_9ABC_D000
        }, "not canonical"
      ),
      (
        changed {
          $0.segments[0].virtualAddress = 0xFFFF_FFFF_8000_0123
          $0.entry = 0xFFFF_FFFF_8000_0123
        }, "differ in the offset"
      ),
      (changed { $0.pvhEntry = 0x100_0000 }, "lies in none"),
      (
        changed {
          $0.pvhEntry = 0x10_0000
          $0.pvhSize = 2
        }, "its PVH note holds 2 bytes"
      ),
      (
        changed {
          $0.is64Bit = false
          $0.machine = 3
        }, "32-bit ELF file without a PVH note"
      ),
    ] as [([UInt8], String)])
  func refuses(_ bytes: [UInt8], _ reason: String) {
    let sentence = refusal(bytes) ?? "it was loaded"
    #expect(sentence.contains(reason), "\(sentence)")
    #expect(sentence.hasPrefix("k: "))
    #expect(!sentence.contains("\n"))
  }

  @Test func modulesFollowTheKernelPageAligned() throws {
    let modules = [
      BootModule(name: "first", bytes: Array("one".utf8)),
      BootModule(name: "second", bytes: [UInt8](repeating: 7, count: 5000)),
      BootModule(name: "none", bytes: []),
    ]
    let machine = try Machine(
      image: KernelImage(ELFBuilder(code: TestCode.loop, pvh: true).build(), name: "k"),
      configuration: MachineConfiguration(
        memory: 16 << 20, commandLine: "a=b", modules: modules))
    let record = machine.processor.cpu[.rbx]
    func number(_ address: UInt64, _ size: Int) -> UInt64 {
      let bytes = machine.memory.read(PhysicalAddress(address), count: size) ?? []
      return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    func string(_ address: UInt64) -> String {
      let bytes = machine.memory.read(PhysicalAddress(address), count: 64) ?? []
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    #expect(number(record, 4) == 0x336E_C578)
    #expect(number(record + 4, 4) == 1)
    #expect(number(record + 12, 4) == 3)
    #expect(string(number(record + 24, 8)) == "a=b")
    let list = number(record + 16, 8)
    for (index, module) in modules.enumerated() {
      let entry = list + UInt64(index) * 32
      let address = number(entry, 8)
      #expect(address % 4096 == 0 && address > 0x10_0000)
      #expect(number(entry + 8, 8) == UInt64(module.bytes.count))
      #expect(string(number(entry + 16, 8)) == module.name)
      #expect(
        machine.memory.read(PhysicalAddress(address), count: module.bytes.count) == module.bytes)
    }
    let rsdp = number(record + 32, 8)
    #expect(machine.memory.read(PhysicalAddress(rsdp), count: 8) == Array("RSD PTR ".utf8))
    #expect(number(record + 48, 4) >= 6)
  }

  @Test func whatDoesNotFitIsRefused() {
    let big = BootModule(name: "big", bytes: [UInt8](repeating: 0, count: 15 << 20))
    let kernel = ELFBuilder(code: TestCode.loop, pvh: true).build()
    #expect(
      refusal(kernel, configuration: MachineConfiguration(memory: 8 << 20, modules: [big]))?
        .contains("does not fit") == true)
    let long = String(repeating: "x", count: 30_000)
    #expect(
      refusal(kernel, configuration: MachineConfiguration(memory: 8 << 20, commandLine: long))?
        .contains("command line") == true)
    let many = (0..<65).map { BootModule(name: "\($0)", bytes: []) }
    #expect(
      refusal(kernel, configuration: MachineConfiguration(memory: 8 << 20, modules: many))?
        .contains("65 modules") == true)
    for size in [0, 1, 4096, (2 << 20) + 1, 1 << 45] as [UInt64] {
      #expect(refusal(kernel, configuration: MachineConfiguration(memory: size)) != nil)
    }
  }

  @Test func higherHalfKernelsAreMapped() throws {
    let base: UInt64 = 0xFFFF_FFFF_8000_0000
    var builder = ELFBuilder(code: TestCode.debugExit(3), at: base)
    builder.segments[0].physicalAddress = 0x20_0000
    builder.segments[0].memorySize = 5 << 20
    let machine = try Machine(image: KernelImage(builder.build(), name: "k"))
    #expect(machine.read(linear: base, count: 2) == [0xB0, 3])
    #expect(machine.read(linear: base + (5 << 20) - 8, count: 8) != nil)
    #expect(machine.read(linear: base + (5 << 20), count: 8) == nil)
    #expect(machine.read(linear: 0x20_0000, count: 2) == [0xB0, 3])
    #expect(machine.run(limit: 100) == .debugExit(3))
  }

  @Test func symbolsNameAddresses() throws {
    var builder = ELFBuilder(code: [UInt8](repeating: 0x90, count: 64))
    builder.symbols = [
      ("start", 0x10_0000, 16), ("$s6Kernel4mainyyF", 0x10_0010, 16), ("label", 0x10_0030, 0),
    ]
    let table = SymbolTable(try ELFImage(builder.build(), name: "k"))
    #expect(table.count == 3)
    #expect(table.describe(0x10_0000) == "start")
    #expect(table.describe(0x10_0004) == "start+0x4")
    #expect(table.describe(0x10_0011) == "Kernel.main() -> ()+0x1")
    #expect(table.describe(0x10_0020) == nil)
    #expect(table.describe(0x10_0035) == "label+0x5")
    #expect(table.describe(0xF_FFFF) == nil)
    // Returning to where one function ends and the next begins is returning to the first.
    #expect(table.describe(returnAddress: 0x10_0010) == "start+0x10")
    #expect(table.describe(returnAddress: 0x10_0020) == "Kernel.main() -> ()+0x10")
  }
}
