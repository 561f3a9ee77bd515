import Debugger
import Emulator
import TestImages
import Testing

/// A check finds what was changed, and where.
@Suite struct TraceCheckTests {
  @Test(arguments: [1, 3])
  func theSameRunPasses(processors: Int) throws {
    let guest = try Guest.apus("hello; crash null; ps; poweroff", processors: processors)
    let trace = try guest.record { $0.kinds = [.usual, .io, .mmio] }
    #expect(try guest.check(trace) == nil)
    #expect(try guest.check(Trace(trace.binary(), name: "t")) == nil)
    #expect(try guest.check(Trace(Array(trace.golden().utf8), name: "t")) == nil)
  }

  /// Names in traces follow a kernel that has moved itself.
  @Test(arguments: ["", "kaslr=7", "kaslr=8 pti=on"])
  func namesFollow(option: String) throws {
    let guest = try Guest.apus("hello; poweroff", option: option)
    let trace = try guest.record()
    #expect((trace.slide == nil) == option.isEmpty)
    let named = trace.lines().filter { $0.text.contains("syscall_entry") }
    #expect(named.count > 10)
    let binary = try Trace(trace.binary(), name: "t")
    #expect(binary.slide == trace.slide && binary.lines().count == trace.lines().count)
    let golden = try Trace(Array(trace.golden().utf8), name: "t")
    #expect(golden.slide == trace.slide)
    #expect(try guest.check(binary) == nil && guest.check(golden) == nil)
  }

  /// A loop of a million instructions, with one of them changed in the middle.
  private func counting(_ constant: UInt8) -> [UInt8] {
    // mov ecx, 300000 ; lea eax, [rax+rcx] ; cmp ecx, 100000 ; jne +3 ; add ebx, constant ;
    // dec ecx ; jnz -19
    [0xB9, 0xE0, 0x93, 0x04, 0, 0x8D, 0x04, 0x08, 0x81, 0xF9, 0xA0, 0x86, 0x01, 0, 0x75, 0x03]
      + [0x83, 0xC3, constant, 0xFF, 0xC9, 0x75, 0xEE] + TestCode.powerOff
  }

  /// Nothing but registers tells: the digests find the interval, running both kernels the
  /// instruction.
  @Test func aChangedInstructionIsFound() throws {
    let original = Guest.bare(counting(1))
    let trace = try original.record()
    #expect(try original.check(trace) == nil)
    let found = try #require(try Guest.bare(counting(2)).check(trace))
    // 1 + 5 for each of the 200,000 rounds before, then LEA, CMP, JNE and ADD.
    #expect(found.position == 1 + 5 * 200_000 + 4)
    #expect(found.kind == .data)
    #expect(found.address == 0x10_0010)
    #expect(found.expected.contains("rbx=0x1") && found.actual.contains("rbx=0x2"))
    let report = DivergenceReport(found, name: "t.etr", input: trace.input) {
      try Guest.bare(counting(2)).description.makeMachine(Guest.bare(counting(2)).source)
    }
    #expect(report.text.contains("add ebx, 0x02"))
    #expect(report.text.contains("emu replay --to \(found.position - 1)"))
  }

  /// With deltas in the trace the recorded kernel is not needed.
  @Test func deltasAloneFindTheInstruction() throws {
    var trace = try Guest.bare(counting(1)).record {
      $0.recordsDeltas = true
      $0.start = .count(900_000)
    }
    trace.embedded = [:]
    let found = try #require(try Guest.bare(counting(2)).check(trace))
    #expect(found.position == 1 + 5 * 200_000 + 4)
    #expect(found.kind == .data && found.address == 0x10_0010)
  }

  @Test func aChangedInputIsFound() throws {
    let guest = Guest.bare(TestCode.echo)
    var input = InputLog()
    input.append(
      InputLog.Entry(instructionCount: 5000, time: 5000, port: 0, bytes: Array("ab".utf8)))
    var other = InputLog()
    other.append(
      InputLog.Entry(instructionCount: 5000, time: 5000, port: 0, bytes: Array("ac".utf8)))
    let trace = try guest.record(input: input) { $0.limit = 1_000_000 }
    #expect(try guest.check(trace) == nil)
    let found = try #require(try guest.check(trace, input: other))
    #expect(found.expected.contains("\"ab\"") && found.actual.contains("\"ac\""))
    #expect(found.position == 5000)
    #expect(found.kind == .event)
  }

  /// RDRAND follows from the seed.
  @Test func aChangedSeedIsFound() throws {
    // Four NOPs, then RDRAND EAX.
    let code: [UInt8] = [0x90, 0x90, 0x90, 0x90, 0x0F, 0xC7, 0xF0] + TestCode.powerOff
    var guest = Guest.bare(code)
    let trace = try guest.record()
    guest.description.set("seed", "0")
    #expect(try guest.check(trace) == nil)
    // Seeds show from the first instruction on, in the registers that a protocol leaves open; but
    // numbers of a run that read none of them show with RDRAND.
    guest.description.set("seed", "5")
    let found = try #require(try guest.check(trace))
    #expect(found.position <= 5)
  }

  /// The same source, built to another address with an instruction more in each function: names
  /// stay, addresses and counts move.
  @Test func semanticTracesSurviveARebuild() throws {
    let first = SemanticGuest(base: 0x10_0000, padding: 0)
    let second = SemanticGuest(base: 0x30_0000, padding: 3)
    let trace = try first.guest.record {
      $0.mode = .semantic
      $0.kinds = [.semantic, .io]
    }
    let text = trace.golden()
    #expect(text.contains("out work 0xe9 size=1 value=0x41 x5"))
    #expect(text.contains("fault start #UD -> handler"))
    let golden = try Trace(Array(text.utf8), name: "g")
    #expect(try first.guest.check(golden) == nil)
    #expect(try second.guest.check(golden) == nil)
    // Exactly, they are not the same.
    let exact = try first.guest.record { $0.kinds = [.semantic, .io] }
    #expect(try second.guest.check(exact) != nil)
    // One more round of the loop is a difference for both.
    let third = SemanticGuest(base: 0x30_0000, padding: 3, rounds: 6)
    let found = try #require(try third.guest.check(golden))
    #expect(found.expected.hasSuffix("x5") && found.actual.hasSuffix("x6"))
  }

  @Test func recordingMayBeginAndEndAtSymbols() throws {
    let guest = SemanticGuest(base: 0x10_0000, padding: 0).guest
    let whole = try guest.record { $0.kinds = [.usual, .io] }
    let part = try guest.record {
      $0.kinds = [.usual, .io]
      $0.start = .symbol("work")
      $0.stop = .symbol("handler")
    }
    #expect(part.eventCount < whole.eventCount)
    #expect(part.lines().contains { $0.text.contains("out") })
    #expect(!part.lines().contains { $0.text.contains("idtr") })
    #expect(part.end?.reason == "instruction limit")
    #expect(throws: TraceError.self) { try guest.record { $0.start = .symbol("nowhere") } }
  }
}
