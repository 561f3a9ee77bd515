import Emulator
import Synchronization
import TestImages
import Testing

private func machine(
  _ code: [UInt8], pvh: Bool = false,
  configuration: MachineConfiguration = MachineConfiguration(memory: 16 << 20)
) throws -> Machine {
  try Machine(
    image: KernelImage(ELFBuilder(code: code, pvh: pvh).build(), name: "test"),
    configuration: configuration)
}

@Suite struct MachineTests {
  @Test func pvhEntryStateIsTheDocumented() throws {
    let machine = try machine(TestCode.loop, pvh: true)
    let cpu = machine.processor.cpu
    #expect(cpu.cr0 == [.protectionEnable, .extensionType])
    #expect(cpu.cr4 == [])
    #expect(cpu.efer == [])
    #expect(cpu.rflags == .alwaysOne)
    #expect(cpu.state.pointee.rip == 0x10_0000)
    for name in [SegmentName.cs, .ds, .es, .ss] {
      #expect(cpu[name].base == 0 && cpu[name].limit == .max && cpu[name].isBig)
    }
    #expect(cpu[.cs].isCode && !cpu[.cs].isLong)
    #expect(cpu[.tr].limit == 0x67 && cpu[.tr].type == 11)
    #expect(!cpu.isLongMode)
    // A CPU is a pointer: the machine has to live as long.
    withExtendedLifetime(machine) {}
  }

  @Test func longEntryStateIsTheDocumented() throws {
    let machine = try machine(TestCode.loop)
    let cpu = machine.processor.cpu
    #expect(cpu.isLongMode && cpu[.cs].isLong)
    #expect(cpu[.rsp] % 16 == 8)
    #expect(machine.read(linear: cpu[.rdi], count: 4) == [0x78, 0xC5, 0x6E, 0x33])
    #expect(cpu.peekTranslation(LinearAddress(0xFEE0_0000))?.physicalPage == 0xFEE0_0000)
    #expect(cpu.cr4.contains(.osFXSR))
  }

  @Test(arguments: [true, false])
  func endsAsTheGuestAsks(pvh: Bool) throws {
    #expect(try machine(TestCode.powerOff, pvh: pvh).run(limit: 1000) == .poweredOff)
    #expect(try machine(TestCode.debugExit(0x21), pvh: pvh).run(limit: 1000) == .debugExit(0x21))
    #expect(try machine(TestCode.undefined, pvh: pvh).run(limit: 1000) == .shutdown)
    #expect(try machine(TestCode.halt, pvh: pvh).run(limit: 1000) == .haltedForever)
    #expect(try machine([0xFB, 0xF4], pvh: pvh).run(limit: 1000) == .haltedForever)
    let looping = try machine(TestCode.loop, pvh: pvh)
    #expect(looping.run(limit: 1000) == .instructionLimit)
    #expect(looping.instructionCount == 1000)
    #expect(looping.run(limit: 5) == .instructionLimit)
    #expect(looping.instructionCount == 1005)
  }

  @Test func aKernelThatReturnsHalts() throws {
    let machine = try machine([0xC3])
    #expect(machine.run(limit: 100) == .haltedForever)
  }

  /// The pointer and the stack share a place in any TLB of up to 4096 entries.
  @Test func aCallThroughMemoryOutlivesAConflictInTheTLB() throws {
    // mov ecx, 1000; call [0x100F000]; dec ecx; jnz
    let code: [UInt8] = [
      0xB9, 0xE8, 0x03, 0, 0, 0xFF, 0x14, 0x25, 0x00, 0xF0, 0x00, 0x01, 0xFF, 0xC9, 0x75, 0xF5,
    ]
    var builder = ELFBuilder(code: code + TestCode.powerOff)
    builder.segments.append(ELFBuilder.Segment(at: 0x10_0800, [0xC3]))
    builder.segments.append(ELFBuilder.Segment(at: 0x100_F000, [0x00, 0x08, 0x10, 0, 0, 0, 0, 0]))
    let machine = try Machine(
      image: KernelImage(builder.build(), name: "test"),
      configuration: MachineConfiguration(memory: 32 << 20))
    #expect(machine.run(limit: 100_000) == .poweredOff)
  }

  @Test func resetLoadsTheImageAgain() throws {
    // Counts in memory that the image initialises: a fresh copy has 1 again.
    let code: [UInt8] = [0xFF, 0x04, 0x25, 0x00, 0x01, 0x10, 0x00] + TestCode.reset
    var builder = ELFBuilder(code: code)
    builder.segments.append(ELFBuilder.Segment(at: 0x10_0100, [1, 0, 0, 0]))
    let image = try KernelImage(builder.build(), name: "k")
    let machine = try Machine(image: image)
    #expect(machine.run(limit: 1000) == .instructionLimit)
    #expect(machine.resetCount > 10)
    let counter = machine.read(linear: 0x10_0100, count: 1)
    #expect(counter == [1] || counter == [2])
    let stopping = try Machine(image: image, configuration: .init(resetBehavior: .stop))
    #expect(stopping.run(limit: 1000) == .reset)
    #expect(stopping.resetCount == 0)
  }

  @Test func consoleInputAndConditions() throws {
    let machine = try machine(TestCode.echo)
    machine.console.send("abc")
    #expect(machine.run(until: .console("bc"), limit: 100_000_000) == .conditionMet)
    #expect(machine.console.text == "abc")
    machine.console.send("q")
    #expect(machine.run(limit: 100_000_000) == .debugExit(0x10))
    #expect(machine.console.output == Array("abcq".utf8))
  }

  @Test func unmappedPlacesReadAllOnes() throws {
    // MOV EAX, D0000000h; MOV EBX, [RAX]; IN AX, 81h
    let machine = try machine(
      [0xB8, 0, 0, 0, 0xD0, 0x8B, 0x18] + [0x66, 0xE5, 0x81] + TestCode.debugExit(0))
    #expect(machine.run(limit: 100) == .debugExit(0))
    #expect(machine.processor.cpu[.rbx] == 0xFFFF_FFFF)
    #expect(machine.processor.cpu[.rax] & 0xFF00 == 0xFF00)
  }

  @Test func theSameRunTwiceAndBesideAnother() async throws {
    let image = try KernelImage(
      ELFBuilder(code: TestCode.print("hello", at: 0x10_0000) + TestCode.echo).build(), name: "k")
    func run() throws -> (UInt64, UInt64, String) {
      let machine = try Machine(image: image, configuration: .init(memory: 16 << 20))
      machine.console.send("xyz")
      _ = machine.run(until: .console("xyz"), limit: 200_000_000)
      return (machine.stateDigest(), machine.instructionCount, machine.console.text)
    }
    let alone = try run()
    let together = try await withThrowingTaskGroup(of: (UInt64, UInt64, String).self) { group in
      for _ in 0..<4 { group.addTask { try run() } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(alone.2 == "helloxyz")
    for other in together { #expect(other == alone) }
  }

  @Test func theSeedFillsWhatNobodySpecifies() throws {
    func registers(_ seed: UInt64, pvh: Bool) throws -> [UInt64] {
      let machine = try machine(
        TestCode.loop, pvh: pvh, configuration: .init(memory: 16 << 20, seed: seed))
      return Register.allCases.map { machine.processor.cpu[$0] }
    }
    for pvh in [true, false] {
      let zero = try registers(0, pvh: pvh)
      let one = try registers(1, pvh: pvh)
      #expect(zero.filter { $0 != 0 }.count <= 2)
      #expect(try registers(1, pvh: pvh) == one)
      #expect(try registers(2, pvh: pvh) != one)
      let given = pvh ? Register.rbx : .rdi
      #expect(one[Int(given.rawValue)] == zero[Int(given.rawValue)])
      #expect(one[0] != 0 && one[0] >> 32 == 0 || !pvh)
    }
  }

  @Test func digestsTellStatesApart() throws {
    let one = try machine(TestCode.loop)
    let two = try machine(TestCode.loop)
    #expect(one.stateDigest() == two.stateDigest())
    two.processor.cpu[.r9] = 1
    #expect(one.stateDigest() != two.stateDigest())
    two.processor.cpu[.r9] = 0
    #expect(one.stateDigest() == two.stateDigest())
    [UInt8]([1]).withUnsafeBytes { _ = two.memory.write(PhysicalAddress(0x50_0000), $0) }
    #expect(one.stateDigest() != two.stateDigest())
  }

  @Test func aRunReplaysFromItsLog() throws {
    let first = try machine(TestCode.echo)
    _ = first.run(limit: 12_345)
    first.console.send("ab")
    _ = first.run(limit: 6_000_000)
    first.console.send("q")
    #expect(first.run(limit: 50_000_000) == .debugExit(0x10))
    let second = try machine(TestCode.echo)
    second.replay(first.inputLog)
    second.console.send("ignored")
    #expect(second.run() == .debugExit(0x10))
    #expect(second.instructionCount == first.instructionCount)
    #expect(second.stateDigest() == first.stateDigest())
    #expect(second.inputLog == first.inputLog)
  }

  @Test func aRunCanBeStoppedFromAnotherThread() async throws {
    let box = UncheckedBox(try machine(TestCode.loop))
    async let stop = Task.detached { box.value.run() }.value
    try await Task.sleep(for: .milliseconds(20))
    box.value.requestStop()
    // A loop without a single device access looks up at the latest when its slice ends.
    #expect(await stop == .stopped)
  }
}

/// Carries a machine to another thread; the test uses only what may be called from there.
private struct UncheckedBox<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}
