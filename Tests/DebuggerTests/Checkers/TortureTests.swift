import Debugger
import Emulator
import TestImages
import Testing

/// Torture, and that checks change nothing.
@Suite struct TortureTests {
  private static let commands = "ps\nmem\nhello\ncount & ; primes\nwait\npoweroff\n"

  private func machine(way: UInt32) throws -> Machine {
    try Machine(
      image: KernelImage(FaultyImage(.torture, way: way).build(), name: "faulty"),
      configuration: MachineConfiguration(memory: 16 << 20))
  }

  private func torture(way: UInt32, seed: UInt64) throws -> (Machine, StopReason, Int) {
    let machine = try machine(way: way)
    var options = CheckOptions()
    options.torture = CheckOptions.Torture(rate: 100, seed: seed)
    let run = CheckedRun(machine, options: options) { _ in }
    let stop = run.run(until: .never, limit: 50_000_000, timeLimit: .max)
    return (machine, stop, run.tortureCount)
  }

  @Test func itFindsWhatTheTimerAloneDoesNot() throws {
    #expect(try machine(way: 1).run(limit: 50_000_000) == .debugExit(0))
    let (_, stop, count) = try torture(way: 1, seed: 1)
    #expect(stop == .debugExit(1))
    #expect(count > 1000)
    #expect(try torture(way: 0, seed: 1).1 == .debugExit(0))
  }

  @Test func aSeedSaysWhere() throws {
    let one = try torture(way: 1, seed: 7)
    let same = try torture(way: 1, seed: 7)
    #expect(one.0.inputLog == same.0.inputLog && one.0.parts == same.0.parts)
    #expect(try torture(way: 1, seed: 8).0.inputLog != one.0.inputLog)
  }

  @Test func itIsReplayedWithoutTorture() throws {
    let (tortured, stop, _) = try torture(way: 1, seed: 3)
    let machine = try machine(way: 1)
    machine.replay(tortured.inputLog)
    #expect(machine.run(limit: 50_000_000) == stop)
    #expect(machine.parts == tortured.parts)
  }

  @Test func ourKernelBearsIt() throws {
    let machine = try Guests.kernel(input: Self.commands)
    var options = CheckOptions()
    options.torture = CheckOptions.Torture(rate: 500, seed: 5)
    options.checks = [.eoi, .stack]
    let run = CheckedRun(machine, options: options) { _ in }
    #expect(run.run(until: .never, limit: 500_000_000, timeLimit: .max) == .poweredOff)
    #expect(run.tortureCount > 300)
    #expect(run.findings.map(\.text) == [])
  }

  @Test func ourKernelHasNoFindings() throws {
    let plain = try Guests.kernel(input: Self.commands)
    let end = plain.run(limit: 500_000_000)
    let machine = try Guests.kernel(input: Self.commands)
    var options = CheckOptions()
    // Copies of structs read the padding between their fields, which the heap's check cannot tell from
    // values that nobody has set.
    options.checks = Set(Check.allCases).subtracting([.heap])
    let run = CheckedRun(machine, options: options) { _ in }
    var stop = StopReason.instructionLimit
    while stop == .instructionLimit {
      stop = run.run(until: .never, limit: 1_234_567, timeLimit: .max)
    }
    run.finish()
    #expect(stop == end)
    #expect(run.findings.flatMap(\.lines) == [])
    #expect(machine.parts == plain.parts)
    #expect(machine.console.output == plain.console.output)
  }

  @Test(arguments: [1, 2, 4])
  func checksDoNotShow(count: Int) throws {
    let plain = try Guests.processors(count)
    let end = plain.run(limit: 200_000_000)
    let machine = try Guests.processors(count)
    var options = CheckOptions()
    options.checks = Set(Check.allCases)
    let run = CheckedRun(machine, options: options) { _ in }
    #expect(run.run(until: .never, limit: 200_000_000, timeLimit: .max) == end)
    #expect(machine.parts == plain.parts)
  }
}
