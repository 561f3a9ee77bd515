import Debugger
import Emulator
import TestImages
import Testing

@Suite struct HangTests {
  private func watch(
    _ code: [UInt8], processors: Int = 1, limit: UInt64 = 90_000_000
  ) throws -> (Machine, HangWatch, StopReason) {
    try watch(image: ELFBuilder(code: code).build(), processors: processors, limit: limit)
  }

  private func watch(
    image: [UInt8], processors: Int, limit: UInt64
  ) throws -> (Machine, HangWatch, StopReason) {
    let machine = try Guests.image(image, processors: processors)
    let watch = HangWatch(machine)
    var stop = StopReason.instructionLimit
    while stop == .instructionLimit, machine.instructionCount < limit {
      stop = watch.run(
        until: .never, limit: limit - machine.instructionCount, timeLimit: .max)
    }
    return (machine, watch, stop)
  }

  @Test(
    arguments: [
      ("jump to itself", TestCode.loop),
      // MOV AL, [103000h]; TEST AL, AL; JZ back
      ("wait for memory", [0x8A, 0x04, 0x25, 0, 0x30, 0x10, 0, 0x84, 0xC0, 0x74, 0xF5]),
      // MOV EAX, 1; XCHG [103000h], EAX; TEST EAX, EAX; PAUSE; JNZ back
      (
        "spin lock",
        [0xB8, 1, 0, 0, 0, 0x87, 0x04, 0x25, 0, 0x30, 0x10, 0, 0x85, 0xC0, 0xF3, 0x90, 0x75, 0xEE]
          + [0xEB, 0xEC]
      ),
      // CALL to RET behind it, for ever
      ("calls", [0xE8, 2, 0, 0, 0, 0xEB, 0xF9, 0xC3]),
    ] as [(String, [UInt8])])
  func whatGoesRoundIsProven(name: String, code: [UInt8]) throws {
    let (machine, watch, stop) = try watch(code)
    #expect(stop == .haltedForever, "\(name)")
    let proof = try #require(watch.proof)
    #expect(proof.spins.count == 1)
    #expect(proof.spins[0].places.allSatisfy { $0 >= 0x10_0000 && $0 < 0x10_0020 })
    let text = machine.diagnosis(of: stop, hang: proof).text
    #expect(text.contains("can never make progress"))
    #expect(text.contains("interrupts are off"))
  }

  /// A debugged machine is looked at as well, and stands where it was before the look.
  @Test func theMonitorFindsItToo() throws {
    let run = try MonitorFixture(code: TestCode.loop)
    run.monitor.debuggee.looksForHangs = true
    let text = run("continue")
    #expect(text.hasPrefix("halted for ever"), "\(text)")
    let position = run.monitor.debuggee.position
    #expect(position == 20_000_000)
    for _ in 0..<2 {
      #expect(run("diagnose").contains("can never make progress, after \(position) instructions"))
    }
    run("reverse-step")
    #expect(!run("diagnose").contains("can never make progress"))
    run("step 2")
    #expect(run.monitor.debuggee.position == position + 1)
    // JMP to itself becomes NOPs.
    run("continue 10")
    run("set [$rip:2] = 0x9090")
    #expect(!run("diagnose").contains("can never make progress"))
  }

  @Test func theProofSaysWhoHoldsWhat() throws {
    // MOV [103000h], AL with AL = 1; then wait until it is zero.
    let code: [UInt8] = [
      0xB0, 1, 0x88, 0x04, 0x25, 0, 0x30, 0x10, 0,
      0x8A, 0x04, 0x25, 0, 0x30, 0x10, 0, 0x84, 0xC0, 0x75, 0xF5,
    ]
    let (machine, watch, stop) = try watch(code)
    let rerun = try #require(Rerun(of: machine))
    let text = machine.diagnosis(
      of: stop, debuggee: rerun.debuggee, hang: watch.proof
    ).text
    #expect(text.contains("it waits for 0x103000, which holds 0x1"), "\(text)")
    #expect(text.contains("0x100002 wrote there last, at instruction 1"), "\(text)")
    #expect(text.contains("the last branches, by executing them again:"))
  }

  @Test(
    arguments: [
      // STI; JMP to itself, with the PIT's interrupt possible
      (
        "waits for an interrupt",
        [0xB0, 0x34, 0xE6, 0x43, 0xB0, 0xFF, 0xE6, 0x40, 0xE6, 0x40, 0xFB] + TestCode.loop
      ),
      ("reads the time", [0x0F, 0x31, 0xEB, 0xFC]),
      ("polls a device", TestCode.echo),
      ("counts", [0x48, 0xFF, 0xC0, 0xEB, 0xFB]),
      ("counts in memory", [0x48, 0xFF, 0x04, 0x25, 0, 0x30, 0x10, 0, 0xEB, 0xF6]),
      // PADDQ XMM0, XMM1 counts where a look at general registers sees nothing.
      ("counts in a vector", [0x66, 0x0F, 0xD4, 0xC1, 0xEB, 0xFA]),
      ("random numbers", [0x0F, 0xC7, 0xF0, 0x31, 0xC0, 0xEB, 0xF9]),
    ] as [(String, [UInt8])])
  func whatMayGoOnIsLeftAlone(name: String, code: [UInt8]) throws {
    let (_, watch, stop) = try watch(code)
    #expect(stop == .instructionLimit, "\(name)")
    #expect(watch.proof == nil, "\(name)")
  }

  @Test func lookingChangesNothing() throws {
    for code in [[0x48, 0xFF, 0x04, 0x25, 0, 0x30, 0x10, 0, 0xEB, 0xF6], TestCode.loop] as [[UInt8]]
    {
      let (machine, _, _) = try watch(code)
      let plain = try Guests.bare(code)
      _ = plain.run(limit: machine.instructionCount)
      #expect(plain.stateDigest() == machine.stateDigest())
    }
  }

  @Test func aLongDelayIsNoHang() throws {
    // MOV ECX, 300000000; DEC ECX; JNZ back; power off
    let code: [UInt8] = [0xB9, 0, 0xA3, 0xE1, 0x11, 0xFF, 0xC9, 0x75, 0xFC] + TestCode.powerOff
    let (_, watch, stop) = try watch(code, limit: 700_000_000)
    #expect(stop == .poweredOff)
    #expect(watch.proof == nil)
  }

  @Test func severalProcessorsMustAllBeStuck() throws {
    // INIT and SIPI to the other, which finds zeroes at page 90h... and JMP $ there.
    func send(_ command: UInt32) -> [UInt8] {
      [0xBB, 0x00, 0x03, 0xE0, 0xFE, 0xC7, 0x03]
        + (0..<4).map { UInt8(truncatingIfNeeded: command >> (8 * $0)) }
    }
    func start(_ other: [UInt8]) -> [UInt8] {
      var code: [UInt8] = []
      for (offset, byte) in other.enumerated() {
        code += [0xC6, 0x04, 0x25, UInt8(offset), 0x00, 0x09, 0x00, byte]
      }
      return code + send(0xC4500) + send(0xC4690)
    }
    let stuck = try watch(start(TestCode.loop) + TestCode.loop, processors: 2)
    #expect(stuck.2 == .haltedForever)
    #expect(stuck.1.proof?.spins.count == 2)
    let text = stuck.0.diagnosis(of: stuck.2, hang: stuck.1.proof).text
    #expect(text.contains("processor 0 spins for ever") && text.contains("processor 1 spins"))
    // INC AX; JMP to it: the other one counts.
    let counting = try watch(start([0x66, 0x40, 0xEB, 0xFC]) + TestCode.loop, processors: 2)
    #expect(counting.2 == .instructionLimit)
  }
}
