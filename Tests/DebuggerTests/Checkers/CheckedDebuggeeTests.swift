import Debugger
import Emulator
import TestImages
import Testing

/// Checks in the debugger: findings are stops, and time travel leaves what the checks know alone.
@Suite struct CheckedDebuggeeTests {
  private static let mistakes: [(FaultyImage.Subject, UInt32)] = [
    (.stack, 1), (.endOfInterrupt, 1), (.interruptsOff, 1), (.codeWrite, 1), (.dataExecution, 1),
    (.mapping, 1), (.heap, 1), (.heap, 2), (.heap, 3), (.heap, 4), (.locks, 1),
    (.locks, 2), (.locks, 3), (.locks, 4), (.race, 1), (.torture, 1), (.heap, 0), (.locks, 0),
  ]

  private static func machine(_ subject: FaultyImage.Subject, _ way: UInt32) throws -> Machine {
    try Guests.image(FaultyImage(subject, way: way).build())
  }

  private static var options: CheckOptions {
    var options = CheckOptions()
    options.checks = Set(Check.allCases)
    options.longestInterruptsOff = 100_000
    options.sleepers = ["schedule"]
    options.sharedVariables = ["shared_counter"]
    options.torture = CheckOptions.Torture(rate: 500, seed: 1)
    return options
  }

  /// What a run without a debugger finds, and how it ends.
  private static func expected(
    _ subject: FaultyImage.Subject, _ way: UInt32
  ) throws -> (findings: [String], stop: StopReason, parts: [String]) {
    let machine = try machine(subject, way)
    let run = CheckedRun(machine, options: options) { _ in }
    let stop = run.run(until: .never, limit: 50_000_000, timeLimit: .max)
    return (run.findings.map(Self.essence), stop, machine.parts)
  }

  private static func essence(_ finding: Finding) -> String {
    "\(finding.position) \(finding.address) \(finding.text)"
  }

  private static func checkedDebuggee(
    _ subject: FaultyImage.Subject, _ way: UInt32
  ) throws -> Debuggee {
    let debuggee = Debuggee(try machine(subject, way))
    let checks = CheckedRun(debuggee.machine, options: options) { Issue.record("said: \($0)") }
    debuggee.attach(checks)
    return debuggee
  }

  @Test(arguments: mistakes.indices) func everyFindingIsAStop(index: Int) throws {
    let (subject, way) = Self.mistakes[index]
    let expected = try Self.expected(subject, way)
    let debuggee = try Self.checkedDebuggee(subject, way)
    var found: [String] = []
    while case .finding(let findings) = debuggee.resume(limit: 50_000_000).cause {
      found += findings.map(Self.essence)
    }
    #expect(found == expected.findings)
    #expect(debuggee.lastStop?.cause == .machine(expected.stop))
    #expect(debuggee.machine.parts == expected.parts)
    #expect((way != 0) == !found.isEmpty || subject == .torture)
  }

  /// Whoever goes back in between, sets breakpoints and goes on finds the same, once.
  @Test(arguments: mistakes.indices) func travelChangesNoFinding(index: Int) throws {
    let (subject, way) = Self.mistakes[index]
    let expected = try Self.expected(subject, way)
    let debuggee = try Self.checkedDebuggee(subject, way)
    debuggee.add(Breakpoint(.vector(14...14)))
    var found: [String] = []
    var turn: UInt64 = 0
    while true {
      turn += 1
      let stop = debuggee.resume(limit: 70_000)
      switch stop.cause {
      case .finding(let findings): found += findings.map(Self.essence)
      case .arrived, .breakpoint: break
      default:
        #expect(stop.cause == .machine(expected.stop))
        #expect(found == expected.findings)
        #expect(debuggee.machine.parts == expected.parts)
        #expect(debuggee.divergence == nil)
        return
      }
      guard turn % 3 == 0 || turn < 5 else { continue }
      let end = debuggee.position
      _ = debuggee.go(to: turn % 2 == 0 ? 0 : end - min(end, 40_000 + turn))
      _ = debuggee.step(.forward, count: 100)
      _ = debuggee.step(.backward, count: 50)
      // Else the next run comes from the past into the present.
      if turn % 2 == 0 { _ = debuggee.go(to: end) }
    }
  }

  @Test func aChangedPastEndsTheChecks() throws {
    let debuggee = try Self.checkedDebuggee(.heap, 2)
    let first = debuggee.resume()
    guard case .finding = first.cause else {
      Issue.record("\(first)")
      return
    }
    #expect(debuggee.checksEnd == nil && debuggee.position > 1)
    _ = debuggee.go(to: 1)
    debuggee.modify { machine in
      _ = [UInt8]([5]).withUnsafeBytes { machine.memory.write(PhysicalAddress(0x80_0000), $0) }
    }
    #expect(debuggee.checksEnd == 1)
    guard case .machine = debuggee.resume(limit: 50_000_000).cause else {
      Issue.record("the checks go on")
      return
    }
  }

  /// The checks go by names, and find the kernel that has moved itself.
  @Test(arguments: ["", "kaslr=7", "kaslr=8 pti=on"])
  func checksFollowTheKernel(option: String) throws {
    let machine = try Guests.kernel("quiet \(option) cmd=\"sleep 0.1; hello\" exit")
    var options = CheckOptions()
    options.checks = [.locks, .interrupts, .code, .mapping, .heap]
    // The kernel may do both; that it is seen shows that the names are found.
    options.sleepers = ["Scheduler.schedule"]
    options.longestInterruptsOff = 100
    let run = CheckedRun(machine, options: options) { _ in }
    let stop = run.run(until: .never, limit: 200_000_000, timeLimit: .max)
    #expect(stop == .poweredOff, "\(stop)")
    let named = run.findings.filter { $0.lines[0].contains("<") }
    #expect(named.contains { $0.text.hasPrefix("Scheduler.schedule may sleep") })
    #expect(named.contains { $0.check == .interrupts })
    let others = run.findings.filter { [.code, .mapping, .heap].contains($0.check) }
    #expect(others.isEmpty, "\(others.map(\.text))")
  }
}
