import Debugger
import Emulator
import TestImages
import Testing

@Suite struct DebuggeeTests {

  @Test func breakpointsAndGoingOnDoNotShow() throws {
    let plain = try Guests.kernel("run=ps exit")
    let end = plain.run(limit: 500_000_000)
    let debuggee = Debuggee(try Guests.kernel("run=ps exit"))
    // The first instruction of whatever runs every million instructions.
    var stops = 0
    for _ in 0..<4 {
      _ = debuggee.step(count: 600_000)
      var breakpoint = Breakpoint(.execution(debuggee.machine.processor.cpu.instructionPointer))
      breakpoint.isTemporary = true
      debuggee.add(breakpoint)
      let stop = debuggee.resume(limit: 600_000)
      if case .breakpoint = stop.cause { stops += 1 }
      _ = debuggee.step(count: 3)
    }
    #expect(stops > 0)
    for number in debuggee.breakpoints.keys { debuggee.remove(number) }
    #expect(debuggee.resume().cause == .machine(end))
    #expect(debuggee.machine.parts == plain.parts)
    #expect(debuggee.machine.console.output == plain.console.output)
  }

  @Test func goingBackAndForthArrivesInTheSameState() throws {
    let debuggee = Debuggee(try Guests.kernel("run=ps exit"))
    var states: [UInt64: [String]] = [:]
    for position in stride(from: 50_000 as UInt64, through: 1_400_000, by: 87_500) {
      #expect(debuggee.go(to: position).position == position)
      states[position] = debuggee.machine.parts
    }
    for position in states.keys.sorted(by: { $0 % 7919 < $1 % 7919 }) {
      #expect(debuggee.go(to: position).position == position)
      #expect(debuggee.machine.parts == states[position], "at \(position)")
    }
    #expect(debuggee.divergence == nil)
  }

  @Test func stepsBackUndoSteps() throws {
    let debuggee = Debuggee(try Guests.kernel())
    _ = debuggee.go(to: 2_000_000)
    var states: [[String]] = []
    for _ in 0..<40 {
      states.append(debuggee.machine.parts)
      _ = debuggee.step()
    }
    for state in states.reversed() {
      #expect(debuggee.step(.backward).cause == .arrived)
      #expect(debuggee.machine.parts == state)
    }
    _ = debuggee.go(to: 0)
    #expect(debuggee.step(.backward).cause == .historyBegins)
  }

  @Test func runningBackStopsAtTheLastHit() throws {
    // MOV ECX, 1000; again: INC EAX; LOOP again; then debug exit.
    let code: [UInt8] = [0xB9, 0xE8, 0x03, 0, 0, 0xFF, 0xC0, 0xE2, 0xFC] + TestCode.debugExit(0)
    let debuggee = Debuggee(try Guests.bare(code))
    _ = debuggee.step()
    let loop = debuggee.machine.processor.cpu.instructionPointer
    let number = debuggee.add(Breakpoint(.execution(loop)))
    var positions: [UInt64] = []
    while case .breakpoint = debuggee.resume().cause { positions.append(debuggee.position) }
    #expect(positions.count == 999)
    #expect(debuggee.breakpoints[number]?.hitCount == 999)
    for expected in positions.suffix(5).reversed() {
      #expect(debuggee.resume(.backward).cause == .breakpoint([number]))
      #expect(debuggee.position == expected)
    }
    debuggee.change(number) { $0.condition = { $0.processor.cpu[.rcx] == 700 } }
    #expect(debuggee.resume(.backward).cause == .breakpoint([number]))
    #expect(debuggee.machine.processor.cpu[.rcx] == 700)
    debuggee.change(number) { $0.isEnabled = false }
    #expect(debuggee.resume(.backward).cause == .historyBegins)
    #expect(debuggee.position == 0)
  }

  @Test func watchpointsSeeEveryWriteAndNameIt() throws {
    // MOV ECX, 100; MOV EDI, 300000h; again: MOV [RDI], ECX; MOV EDX, [RDI+64]; LOOP again
    let code: [UInt8] =
      [0xB9, 100, 0, 0, 0, 0xBF, 0, 0, 0x30, 0, 0x89, 0x0F, 0x8B, 0x57, 0x40, 0xE2, 0xF9]
      + TestCode.debugExit(0)
    let debuggee = Debuggee(try Guests.bare(code))
    let number = debuggee.add(
      Breakpoint(.access(Watchpoint(address: 0x30_0000, count: 4, kind: .write))))
    for value in [100, 99, 98] as [UInt64] {
      guard case .watchpoint(number, let hit) = debuggee.resume().cause else {
        Issue.record("no hit")
        return
      }
      #expect(hit.isWrite && hit.size == 4 && hit.position == debuggee.position - 1)
      #expect(debuggee.machine.read(linear: 0x30_0000).map { $0 & 0xFFFF_FFFF } == value)
    }
    debuggee.remove(number)
    let reads = debuggee.add(
      Breakpoint(.access(Watchpoint(address: 0x30_0042, count: 1, kind: .read))))
    guard case .watchpoint(reads, let hit) = debuggee.resume().cause else {
      Issue.record("no read")
      return
    }
    #expect(!hit.isWrite && hit.address == 0x30_0040)
    debuggee.remove(reads)
    #expect(debuggee.resume().cause == .machine(.debugExit(0)))
    let last = try #require(debuggee.lastWrite(linear: 0x30_0000, count: 4))
    _ = debuggee.go(to: last.position)
    #expect(debuggee.machine.processor.cpu[.rcx] == 1)
    #expect(debuggee.lastWrite(linear: 0x30_0800, count: 8) == nil)
  }

  @Test(arguments: [2, 4])
  func severalProcessorsGoBackToo(count: Int) throws {
    let debuggee = Debuggee(try Guests.processors(count))
    var states: [UInt64: [String]] = [:]
    for position in [10_000, 50_001, 99_999, 150_000] as [UInt64] {
      _ = debuggee.go(to: position)
      states[position] = debuggee.machine.parts
    }
    for position in [50_001, 150_000, 10_000, 99_999] as [UInt64] {
      _ = debuggee.go(to: position)
      #expect(debuggee.machine.parts == states[position])
    }
    // One step back of another processor leaves it before its last instruction.
    let before = debuggee.machine.processors[1].cpu.instructionCount
    _ = debuggee.step(.backward, processor: 1)
    #expect(debuggee.machine.processors[1].cpu.instructionCount == before - 1)
  }

  /// A jump to a checkpoint of the future passes the input that came before it.
  @Test func inputIsKnownBehindAJumpForwards() throws {
    let machine = try Guests.bare(TestCode.echo)
    let debuggee = Debuggee(machine)
    _ = debuggee.resume(limit: 12_345)
    machine.console.send("ab")
    _ = debuggee.resume(limit: 6_000_000)
    let end = debuggee.position
    let (parts, log) = (machine.parts, machine.inputLog)
    #expect(!log.entries.isEmpty)
    for target in [0, end, 100, end] as [UInt64] { _ = debuggee.go(to: target) }
    #expect(machine.inputLog == log && machine.parts == parts)
    _ = debuggee.resume(limit: 1000)
    for target in [0, end] as [UInt64] { _ = debuggee.go(to: target) }
    #expect(machine.inputLog == log && machine.parts == parts && debuggee.divergence == nil)
  }

  @Test func inputTypedByHandIsTypedAgain() throws {
    let debuggee = Debuggee(try Guests.kernel())
    #expect(
      debuggee.resume(until: .console("$ "), limit: 100_000_000).cause == .machine(.conditionMet))
    let prompt = debuggee.position
    debuggee.machine.console.send("ps\n")
    #expect(
      debuggee.resume(until: .console("$ "), limit: 100_000_000).cause == .machine(.conditionMet))
    let end = debuggee.position
    let state = debuggee.machine.parts
    let output = debuggee.machine.console.output
    var shown: [UInt8] = []
    debuggee.machine.console.transmitted = { shown.append($0) }
    _ = debuggee.go(to: prompt - 1000)
    #expect(debuggee.isReplaying)
    _ = debuggee.go(to: end)
    #expect(debuggee.machine.parts == state)
    #expect(debuggee.machine.console.output == output)
    #expect(shown.isEmpty)
    #expect(debuggee.divergence == nil)
  }

  @Test func aChangeMakesANewHistory() throws {
    let code: [UInt8] =
      [0xB9, 100, 0, 0, 0, 0xFF, 0xC0, 0xE2, 0xFC] + TestCode.debugExit(0)
    let debuggee = Debuggee(try Guests.bare(code))
    _ = debuggee.resume()
    let end = debuggee.position
    _ = debuggee.go(to: 51)
    debuggee.modify { $0.processor.cpu[.rcx] = 5 }
    #expect(debuggee.history.upperBound == 51)
    #expect(debuggee.resume().cause == .machine(.debugExit(0)))
    #expect(debuggee.position < end)
    let shorter = debuggee.position
    _ = debuggee.go(to: 10)
    #expect(debuggee.machine.processor.cpu[.rcx] == 96)
    #expect(debuggee.resume().cause == .machine(.debugExit(0)))
    #expect(debuggee.position == shorter)
  }
}

@Suite struct EventBreakpointTests {
  @Test func theKernelsInterruptsModesAndPortsStopIt() throws {
    let debuggee = Debuggee(try Guests.kernel())
    let mode = debuggee.add(Breakpoint(.modeChange))
    #expect(debuggee.resume(limit: 50_000_000).cause == .breakpoint([mode]))
    let entered = debuggee.position
    debuggee.remove(mode)
    let port = debuggee.add(Breakpoint(.port(0x3F8...0x3F8)))
    #expect(debuggee.resume(limit: 50_000_000).cause == .breakpoint([port]))
    let first = debuggee.position
    #expect(debuggee.resume(limit: 50_000_000).cause == .breakpoint([port]))
    #expect(debuggee.resume(.backward).cause == .breakpoint([port]))
    #expect(debuggee.position == first && first > entered)
    debuggee.remove(port)
    let ring = debuggee.add(Breakpoint(.privilegeChange))
    #expect(debuggee.resume(limit: 500_000_000).cause == .breakpoint([ring]))
    #expect(debuggee.machine.processor.cpu.cpl == 3)
    debuggee.remove(ring)
    let timer = debuggee.add(Breakpoint(.vector(32...255)))
    #expect(debuggee.resume(limit: 500_000_000).cause == .breakpoint([timer]))
    let handler = debuggee.machine.processor.cpu.instructionPointer
    let recent = try #require(debuggee.machine.processor.recorder.deliveries.last)
    #expect(recent.vector >= 32 && recent.rip != handler.value)
  }
}
