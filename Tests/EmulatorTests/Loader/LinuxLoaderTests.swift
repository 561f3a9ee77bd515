import Emulator
import TestImages
import Testing

/// MOV EAX, [ESI + 202h]; CMP EAX, "HdrS"; JNE; debug exit `status`; the same bytes in both modes.
private func checkZeroPage(exit status: UInt8) -> [UInt8] {
  let bad = TestCode.debugExit(1)
  return [0x8B, 0x86, 0x02, 0x02, 0, 0, 0x3D] + Array("HdrS".utf8) + [0x74, UInt8(bad.count)]
    + bad + TestCode.debugExit(status)
}

private func changed(_ change: (inout LinuxImageBuilder) -> Void) -> [UInt8] {
  var builder = LinuxImageBuilder()
  change(&builder)
  return builder.build()
}

@Suite struct LinuxLoaderTests {
  private let memory: UInt64 = 16 << 20

  private func machine(
    _ builder: LinuxImageBuilder, _ change: (inout MachineConfiguration) -> Void = { _ in }
  ) throws -> Machine {
    var configuration = MachineConfiguration(memory: memory)
    change(&configuration)
    return try Machine(
      image: KernelImage(builder.build(), name: "k"), configuration: configuration)
  }

  private func number(_ machine: Machine, _ address: UInt64, _ size: Int) -> UInt64 {
    let bytes = machine.memory.read(PhysicalAddress(address), count: size) ?? []
    return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  @Test func bothEntriesFindTheZeroPage() throws {
    var builder = LinuxImageBuilder(
      code32: checkZeroPage(exit: 3), code64: checkZeroPage(exit: 6))
    for entry in [nil, .long, .protected] as [LinuxKernel.Entry?] {
      let machine = try machine(builder) { $0.linuxEntry = entry }
      #expect(machine.run(limit: 1000) == .debugExit(entry == .protected ? 3 : 6))
    }
    // Without a 64-bit entry, the other one is taken.
    builder.fields[0x236] = (0, 2)
    #expect(try machine(builder).run(limit: 1000) == .debugExit(3))
    builder.fields[0x206] = (0x205, 2)
    #expect(try machine(builder).run(limit: 1000) == .debugExit(3))
  }

  @Test func theZeroPageSaysWhereEverythingIs() throws {
    let modules = [
      BootModule(name: "a", bytes: [1, 2, 3, 4, 5]), BootModule(name: "b", bytes: [6, 7]),
    ]
    let machine = try machine(LinuxImageBuilder()) {
      $0.commandLine = "quiet a=b"
      $0.modules = modules
    }
    let page = machine.processor.cpu[.rsi]
    let commandLine = number(machine, page + 0x228, 4)
    #expect(
      machine.memory.read(PhysicalAddress(commandLine), count: 10)
        == Array("quiet a=b".utf8) + [0])
    let disk = number(machine, page + 0x218, 4)
    #expect(disk % 4096 == 0 && disk >= memory - 4096)
    #expect(number(machine, page + 0x21C, 4) == 10)
    #expect(
      machine.memory.read(PhysicalAddress(disk), count: 10) == [1, 2, 3, 4, 5, 0, 0, 0, 6, 7])
    let rsdp = number(machine, page + 0x70, 8)
    #expect(machine.memory.read(PhysicalAddress(rsdp), count: 8) == Array("RSD PTR ".utf8))
    let count = number(machine, page + 0x1E8, 1)
    #expect(count >= 6)
    let ranges = (0..<count).map { index in
      let at = page + 0x2D0 + index * 20
      return MemoryRange(
        start: number(machine, at, 8), size: number(machine, at + 8, 8),
        kind: .init(rawValue: UInt32(number(machine, at + 16, 4))) ?? .reserved)
    }
    #expect(ranges.contains { $0.start == 0x10_0000 && $0.end == memory && $0.kind == .usable })
    // SETUP_RNG_SEED.
    let data = number(machine, page + 0x250, 8)
    #expect(number(machine, data + 8, 4) == 9 && number(machine, data + 12, 4) == 32)
  }

  @Test func aRelocatableKernelMovesToWhereThereIsRoom() throws {
    var builder = LinuxImageBuilder(code64: checkZeroPage(exit: 6))
    builder.fields[0x258] = (0x1000, 8)
    let machine = try machine(builder)
    #expect(machine.processor.cpu.state.pointee.rip == 0x20_0200)
    #expect(machine.run(limit: 1000) == .debugExit(6))
  }

  /// Every row is a bzImage that cannot be booted, and a part of the sentence that says why.
  @Test(
    arguments: [
      (changed { $0.fields[0x1FE] = (0, 2) }, "lacks the signature 0xaa55"),
      (changed { $0.fields[0x206] = (0x1FF, 2) }, "version 1.255"),
      (changed { $0.fields[0x211] = (0, 1) }, "zImage"),
      (changed { $0.cut = 300 }, "the file is cut off: 528 bytes should follow 1024"),
      (changed { $0.fields[0x1F1] = (64, 1) }, "setup code alone has 33280 bytes"),
      (changed { $0.fields[0x230] = (0x30_0000, 4) }, "no power of two"),
      (changed { $0.fields[0x230] = (0, 4) }, "no power of two"),
      (changed { $0.fields[0x260] = (0x7FFF_FFFF, 4) }, "has no free RAM there"),
      (changed { $0.fields[0x258] = (.max - 100, 8) }, "has no free RAM there"),
      (
        changed {
          $0.fields[0x234] = (0, 1)
          $0.fields[0x258] = (0x9_0000, 8)
        }, "needs 1048576 bytes from 0x90000"
      ),
      (changed { $0.fields[0x238] = (3, 4) }, "the command line has 4 bytes"),
      (changed { $0.fields[0x22C] = (0x30_0FFF, 4) }, "does not fit between"),
    ] as [([UInt8], String)])
  func refuses(_ bytes: [UInt8], _ reason: String) {
    let module = BootModule(name: "k", bytes: [UInt8](repeating: 0, count: 8192))
    let configuration = MachineConfiguration(
      memory: memory, commandLine: "long", modules: [module])
    var sentence = "it was loaded"
    do {
      _ = try Machine(image: KernelImage(bytes, name: "k"), configuration: configuration)
    } catch {
      sentence = "\(error)"
    }
    #expect(sentence.contains(reason), "\(sentence)")
    #expect(sentence.hasPrefix("k: ") && !sentence.contains("\n"))
  }

  @Test func refusesEntriesThatAreNotThere() throws {
    var builder = LinuxImageBuilder()
    builder.fields[0x236] = (0, 2)
    for (entry, reason) in [(.long, "no 64-bit entry"), (.real, "add --bios")]
      as [(LinuxKernel.Entry, String)]
    {
      let error = #expect(throws: ImageError.self) {
        _ = try machine(builder) { $0.linuxEntry = entry }
      }
      #expect(error?.description.contains(reason) == true)
    }
  }

  // MARK: Behind firmware

  /// Something that passes for firmware.
  private func firmware() throws -> FirmwareImage {
    try FirmwareImage([UInt8](repeating: 0, count: 0xFFF0) + Array(0..<16), name: "rom")
  }

  @Test func theOptionROMIsWellFormed() throws {
    let rom = LinuxROM.bytes
    _ = try OptionROM(rom, name: "rom")
    #expect(rom.count == Int(rom[2]) * 512 && rom.reduce(0, &+) == 0)
    let header = Int(rom[0x1A])
    #expect(Array(rom[header..<header + 4]) == Array("$PnP".utf8))
    #expect(rom[header..<header + 32].reduce(0, &+) == 0)
    // The bootstrap entry vector.
    let entry = Int(rom[header + 26]) | Int(rom[header + 27]) << 8
    #expect(entry > header + 32 && entry < rom.count)
  }

  /// Every row is a kernel that firmware cannot start, and a part of the sentence that says why.
  @Test(
    arguments: [
      (changed { $0.fields[0x206] = (0x201, 2) }, nil, "2.02 is the oldest"),
      (changed { $0.fields[0x238] = (3, 4) }, nil, "the command line has 4 bytes"),
      (changed { $0.fields[0x260] = (0xE0_0000, 4) }, nil, "leaves it what lies below 0xf00000"),
      (changed { $0.fields[0x258] = (.max - 100, 8) }, nil, "leaves it what lies below 0xf00000"),
      (changed { $0.fields[0x22C] = (0x30_0FFF, 4) }, nil, "does not fit between"),
      (changed { _ in }, .long, "use --entry 16"), (changed { _ in }, .protected, "use --entry 16"),
      (ELFBuilder(code: TestCode.loop, pvh: true).build(), nil, "only a Linux bzImage"),
    ] as [([UInt8], LinuxKernel.Entry?, String)])
  func refusesBehindFirmware(
    _ bytes: [UInt8], _ entry: LinuxKernel.Entry?, _ reason: String
  ) throws {
    let module = BootModule(name: "k", bytes: [UInt8](repeating: 0, count: 8192))
    var configuration = MachineConfiguration(
      memory: memory, commandLine: "long", modules: [module])
    configuration.firmware = try firmware()
    configuration.linuxEntry = entry
    let image = try KernelImage(bytes, name: "k")
    let error = #expect(throws: ImageError.self) {
      _ = try Machine(image: image, configuration: configuration)
    }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    #expect(error?.description.hasPrefix("k: ") == true)
  }

  @Test func inspectionNamesTheProtocol() throws {
    let text = try ImageDescription(LinuxImageBuilder().build(), name: "k").text
    #expect(text.contains("Linux boot protocol 2.15, 64-bit, 32-bit and 16-bit entry"))
    #expect(text.contains("release 6.0-test (somebody)"))
  }
}
