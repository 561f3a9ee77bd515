import Emulator
import TestImages
import Testing

private typealias Images = ProtocolImages

private func machine(
  _ builder: ELFBuilder, memory: UInt64 = 16 << 20, commandLine: String = "",
  modules: [BootModule] = []
) throws -> Machine {
  try Machine(
    image: KernelImage(builder.build(), name: "/boot/k", bootProtocol: .limine),
    configuration: MachineConfiguration(memory: memory, commandLine: commandLine, modules: modules))
}

private func refusal(_ builder: ELFBuilder) -> String {
  do {
    _ = try machine(builder)
    return "it was loaded"
  } catch {
    return "\(error)"
  }
}

extension Machine {
  fileprivate func string(linear address: UInt64) -> String {
    var bytes: [UInt8] = []
    while let byte = read(linear: address + UInt64(bytes.count), count: 1)?.first, byte != 0 {
      bytes.append(byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The words at an address, 0 where nothing is mapped.
  fileprivate func words(_ address: UInt64, _ count: Int) -> [UInt64] {
    (0..<count).map { read(linear: address + UInt64($0) * 8) ?? 0 }
  }
}

/// The IDs that tests ask for.
private enum ID {
  static let info: (UInt64, UInt64) = (0xF550_38D8_E2A1_202F, 0x2794_26FC_F5F5_9740)
  static let firmware: (UInt64, UInt64) = (0x8C2F_75D9_0BEF_28A8, 0x7045_A468_8EAC_00C3)
  static let stack: (UInt64, UInt64) = (0x224E_F046_0A8E_8926, 0xE1CB_0FC2_5F46_EA3D)
  static let directMap: (UInt64, UInt64) = (0x48DC_F1CB_8AD2_B852, 0x6398_4E95_9A98_244B)
  static let framebuffer: (UInt64, UInt64) = (0x9D58_27DC_D881_DD75, 0xA314_8604_F6FA_B11B)
  static let paging: (UInt64, UInt64) = (0x95C1_A0ED_AB09_44CB, 0xA4E5_CB38_42F7_488A)
  static let processors: (UInt64, UInt64) = (0x95A6_7B81_9A1B_857E, 0xA0B6_1B72_3B6A_73E0)
  static let memoryMap: (UInt64, UInt64) = (0x67CF_3D9D_378A_806F, 0xE304_ACDF_C50C_3C62)
  static let entry: (UInt64, UInt64) = (0x13D8_6C03_5A1C_D3E1, 0x2B0C_AA89_D8F3_026A)
  static let file: (UInt64, UInt64) = (0xAD97_E90E_83F1_ED67, 0x31EB_5D1C_5FF2_3B69)
  static let modules: (UInt64, UInt64) = (0x3E7E_2797_02BE_32AF, 0xCA1C_4F3B_D128_0CEE)
  static let rsdp: (UInt64, UInt64) = (0xC5E7_7B6B_397E_7B43, 0x2763_7845_ACCD_CF3C)
  static let time: (UInt64, UInt64) = (0x5027_46E1_84C0_88AA, 0xFBC5_EC83_E632_7893)
}

private let directMap: UInt64 = 0xFFFF_8000_0000_0000

@Suite struct LimineTests {
  /// A kernel whose only request is this one, which stands behind the base revision tag.
  private static func kernel(
    _ id: (UInt64, UInt64), revision: UInt64 = 0, _ more: [UInt64] = [], base: UInt64 = 3
  ) -> ELFBuilder {
    Images.limineKernel(
      code: TestCode.debugExit(7),
      requests: Images.limineRevision(base) + [0]
        + Images.limineRequest(id.0, id.1, revision: revision, more))
  }

  /// The words of the answer to that request; nil if there was none.
  private static func answer(_ machine: Machine, count: Int) -> [UInt64]? {
    guard let pointer = machine.read(linear: Images.limineRequests + 32 + 40), pointer != 0 else {
      return nil
    }
    return machine.words(pointer, count)
  }

  @Test func theKernelFindsEverything() throws {
    let machine = try machine(
      Images.limineKernel(), commandLine: "quiet a=b",
      modules: [
        BootModule(name: "first", bytes: Array("one".utf8)),
        BootModule(name: "dir/second a b", bytes: Array("two!".utf8)),
      ])
    #expect(machine.run(limit: 100_000) == .debugExit(0x10))
    #expect(machine.console.text == "quiet a=b\n/first\none\n/dir/second\ntwo!\n")
  }

  @Test func theEntryStateIsTheDocumented() throws {
    let machine = try machine(Self.kernel(ID.stack, [0x2_0000]))
    let cpu = machine.processor.cpu
    #expect(cpu.isLongMode && cpu[.cs].isLong && cpu[.cs].selector == 0x28)
    #expect(cpu[.ss].selector == 0x30 && cpu[.ds].selector == 0x30)
    #expect(cpu.cr0.contains([.paging, .protectionEnable, .writeProtect]))
    #expect(cpu.efer.contains([.longModeEnable, .noExecuteEnable]))
    #expect(cpu.rflags == .alwaysOne)
    #expect(cpu.state.pointee.pat & 0xFFFF_FFFF_FFFF == 0x0105_0007_0406)
    for register in Register.allCases where register != .rsp { #expect(cpu[register] == 0) }
    let table = machine.words(cpu.state.pointee.gdtr.base, 7)
    #expect(table[0] == 0 && table[1] & 0xFFFF == 0xFFFF && table[3] >> 48 == 0xCF)
    #expect(table[5] >> 53 & 1 == 1 && table[4] >> 40 & 0xFF == 0x93)
    // A stack of 128 KiB in the direct map, with a return address of 0 on it.
    #expect(cpu[.rsp] > directMap && cpu[.rsp] % 16 == 8)
    #expect(machine.read(linear: cpu[.rsp]) == 0)
    #expect(machine.read(linear: cpu[.rsp] - 0x1_FFF8, count: 8) != nil)
    #expect(Self.answer(machine, count: 1) == [0])
    #expect(machine.run(limit: 100) == .debugExit(7))
  }

  @Test func segmentsHaveTheirRights() throws {
    let base = Images.limineBase
    // MOV BYTE PTR [code], 0: a fault, and no IDT.
    let writes: [UInt8] = [0xC6, 0x05, 0xF9, 0xFF, 0xFF, 0xFF, 0]
    let code = Images.limineKernel(code: writes + TestCode.debugExit(7))
    #expect(try machine(code).run(limit: 100) == .shutdown)
    // MOV EAX, requests; sign-extended by MOV RAX, imm32; JMP RAX: no execution there.
    let jumps: [UInt8] = [0x48, 0xC7, 0xC0] + [0x00, 0x20, 0x00, 0x80] + [0xFF, 0xE0]
    #expect(try machine(Images.limineKernel(code: jumps)).run(limit: 100) == .shutdown)
    let machine = try machine(Self.kernel(ID.info))
    #expect(machine.read(linear: base, count: 8) != nil)
    #expect(machine.read(linear: base + 0x1000, count: 8) == nil)
  }

  @Test(arguments: 0...4 as ClosedRange<UInt64>)
  func mapsAndTagFollowTheBaseRevision(revision: UInt64) throws {
    let machine = try machine(Self.kernel(ID.rsdp, base: revision), memory: 32 << 20)
    let tag = machine.words(Images.limineRequests, 3)
    #expect(tag[2] == (revision <= 3 ? 0 : 4))
    #expect(tag[1] == (revision >= 3 ? 3 : 0x6A7B_3849_4453_6BDC))
    let isMapped = { (address: UInt64) in machine.read(linear: address, count: 8) != nil }
    #expect(isMapped(0x10_0000) == (revision == 0))
    #expect(!isMapped(0))
    #expect(isMapped(directMap + 0x10_0000))
    let cpu = machine.processor.cpu
    let device = cpu.peekTranslation(LinearAddress(directMap + 0xFEE0_0000))
    #expect((device?.physicalPage == 0xFEE0_0000) == (revision <= 2))
    let rsdp = Self.answer(machine, count: 2)?[1] ?? 0
    #expect(rsdp == (revision >= 3 ? 0xE_0000 : directMap + 0xE_0000))
    withExtendedLifetime(machine) {}
  }

  @Test func theMemoryMapTellsWhatIsUsed() throws {
    let machine = try machine(
      Self.kernel(ID.memoryMap), modules: [BootModule(name: "m", bytes: [1, 2, 3])])
    let answer = try #require(Self.answer(machine, count: 3))
    let entries = machine.words(answer[2], Int(answer[1])).map { machine.words($0, 3) }
    #expect(entries.map { $0[0] } == entries.map { $0[0] }.sorted())
    for entry in entries where entry[2] == 0 || entry[2] == 5 {
      #expect(entry[0] % 4096 == 0 && entry[1] % 4096 == 0 && entry[0] >= 0x1000)
      for other in entries where other != entry {
        #expect(other[0] + other[1] <= entry[0] || entry[0] + entry[1] <= other[0])
      }
    }
    func kind(_ address: UInt64) -> UInt64? {
      entries.first { $0[0] <= address && address < $0[0] + $0[1] }?[2]
    }
    let cpu = machine.processor.cpu
    let physical = { (address: UInt64) in
      cpu.peekTranslation(LinearAddress(address))?.physicalPage ?? 0
    }
    #expect(kind(physical(Images.limineBase)) == 6)
    #expect(kind(physical(cpu[.rsp])) == 5)
    #expect(kind(physical(cpu.state.pointee.gdtr.base)) == 5)
    #expect(kind(cpu.state.pointee.cr3) == 5)
    #expect(kind(0xE_0000) == 2)
    #expect(kind(0xF0_0000) == 0)
    withExtendedLifetime(machine) {}
  }

  @Test func theOtherAnswersAreRight() throws {
    var machine = try machine(Self.kernel(ID.info))
    var answer = try #require(Self.answer(machine, count: 3))
    #expect(machine.string(linear: answer[1]) == "emu")
    #expect(!machine.string(linear: answer[2]).isEmpty)
    #expect(try Self.answer(Self.asking(ID.firmware), count: 2) == [0, 0])
    #expect(try Self.answer(Self.asking(ID.framebuffer), count: 1) == nil)
    #expect(
      try Self.answer(Self.asking(ID.time), count: 2)
        == [0, MachineConfiguration.defaultStartTime])
    machine = try Self.asking(ID.processors, [0])
    answer = try #require(Self.answer(machine, count: 4))
    #expect(answer[2] == 1)
    #expect(machine.words(machine.words(answer[3], 1)[0], 4) == [0, 0, 0, 0])
    machine = try Self.asking(ID.file)
    answer = try #require(Self.answer(machine, count: 2))
    let file = machine.words(answer[1], 5)
    #expect(file[1] % 4096 == 0)
    #expect(machine.read(linear: file[1], count: 4) == [0x7F, 0x45, 0x4C, 0x46])
    #expect(machine.string(linear: file[3]) == "/k")
  }

  @Test func everyProcessorWaitsToBeSent() throws {
    // MOV RAX, [list]; MOV RBX, [RAX+8*3]; LEA RCX, [there]; MOV [RBX+16], RCX; JMP $
    // there: MOV EAX, [RDI+4]; OUT F4h, AL
    let request = Images.limineRequests + 32 + 40
    let code: [UInt8] =
      [0x48, 0xA1] + (0..<8).map { UInt8(truncatingIfNeeded: request >> ($0 * 8)) }
      + [0x48, 0x8B, 0x40, 0x18, 0x48, 0x8B, 0x58, 0x18]
      + [0x48, 0x8D, 0x0D, 0x06, 0, 0, 0, 0x48, 0x89, 0x4B, 0x10, 0xEB, 0xFE]
      + [0x8B, 0x47, 0x04, 0xE6, 0xF4]
    var kernel = Self.kernel(ID.processors, [0])
    kernel.segments[0].bytes = code
    var configuration = MachineConfiguration(memory: 16 << 20)
    configuration.processors = 4
    let machine = try Machine(
      image: KernelImage(kernel.build(), name: "k"), configuration: configuration)
    #expect(Self.answer(machine, count: 3)?[2] == 4)
    #expect(machine.run(limit: 1_000_000) == .debugExit(3))
    // Nobody else is started without the request.
    let alone = try Machine(
      image: KernelImage(Self.kernel(ID.info).build(), name: "k"), configuration: configuration)
    #expect(alone.run(limit: 100) == .debugExit(7))
  }

  private static func asking(_ id: (UInt64, UInt64), _ more: [UInt64] = []) throws -> Machine {
    try Machine(
      image: KernelImage(kernel(id, more).build(), name: "/boot/k"),
      configuration: MachineConfiguration(memory: 16 << 20))
  }

  @Test func theEntryPointRequestDecides() throws {
    let code = TestCode.undefined + TestCode.debugExit(9)
    var kernel = Self.kernel(ID.entry, [Images.limineBase + 2])
    kernel.segments[0].bytes = code
    let machine = try machine(kernel)
    #expect(machine.run(limit: 100) == .debugExit(9))
    let wrong = Self.kernel(ID.entry, [0x1000])
    #expect(refusal(wrong).contains("entry point 0x1000"))
  }

  @Test func pagingModesThatAreNotThereAreRefused() throws {
    let machine = try machine(Self.kernel(ID.paging, revision: 1, [0, 1, 0]))
    #expect(Self.answer(machine, count: 2) == [0, 0])
    #expect(
      refusal(Self.kernel(ID.paging, revision: 1, [1, 0, 1])).contains("paging modes 1 to 0"))
  }

  @Test func fiveLevelsAreGivenToWhomAsksForThem() throws {
    let machine = try machine(Self.kernel(ID.paging, revision: 1, [1, 1, 1]))
    #expect(Self.answer(machine, count: 2) == [0, 1])
    let cpu = machine.processor.cpu
    #expect(cpu.cr4.contains(.linearAddresses57))
    #expect(cpu.walkSteps(LinearAddress(cpu.state.pointee.rip)).first?.level == 5)
    #expect(cpu[.rsp] > 0xFF00_0000_0000_0000 && cpu[.rsp] < 0xFFFF_8000_0000_0000)
    #expect(machine.run(limit: 100) == .debugExit(7))
  }

  @Test func internalModulesComeFirstOrAreMissed() throws {
    let at = Images.limineRequests
    // The request, then a list of one pointer, the module, its path and its command line.
    let more: [UInt64] = [
      1, at + 96, at + 104, at + 128, at + 136, 1, 0x6D_2F2E, 0x79_78,
    ]
    let kernel = Self.kernel(ID.modules, revision: 1, more)
    let machine = try machine(
      kernel, modules: [BootModule(name: "other", bytes: [1]), BootModule(name: "m", bytes: [2])])
    let answer = try #require(Self.answer(machine, count: 3))
    #expect(answer[0] >= 1 && answer[1] == 2)
    let first = machine.words(machine.words(answer[2], 1)[0], 5)
    #expect(machine.read(linear: first[1], count: 1) == [2])
    #expect(machine.string(linear: first[4]) == "xy")
    #expect(refusal(kernel).contains("requires a module m"))
  }

  @Test func delimitersAndListsLimitTheSearch() throws {
    let request = Images.limineRequest(ID.info.0, ID.info.1)
    // One in front of the start marker, one inside, one behind the end.
    let words = request + Images.limineStart + Images.limineRevision(2) + request + Images.limineEnd
    let machine = try machine(
      Images.limineKernel(code: TestCode.loop, requests: words + request))
    let pointers = [0, 48 + 32 + 24, 48 + 32 + 24 + 48 + 16].map {
      machine.read(linear: Images.limineRequests + $0 + 40) ?? 1
    }
    #expect(pointers[0] == 0 && pointers[1] != 0 && pointers[2] == 0)
    let twice = Images.limineKernel(requests: Images.limineRevision(3) + [0] + request + request)
    #expect(refusal(twice).contains("stands twice"))
  }

  @Test func relocatableKernelsAreMoved() throws {
    var kernel = Images.relocatableLimineKernel()
    let machine = try machine(kernel)
    #expect(machine.run(limit: 100) == .debugExit(5))
    kernel.type = 2
    #expect(refusal(kernel).contains("wants kernels linked at"))
  }

  @Test func noLimineKernelIsNoLimineKernel() {
    #expect(refusal(ELFBuilder(code: TestCode.loop)).contains("cannot be started by limine"))
    var huge = Self.kernel(ID.stack, [1 << 40])
    #expect(refusal(huge).contains("a stack of"))
    huge.segments[1].memorySize = 1 << 30
    #expect(refusal(huge).contains("free memory for its image"))
  }
}
