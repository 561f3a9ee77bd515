import Debugger
import Emulator
import TestImages
import Testing

/// Each check finds what it is for, and nothing where all is well.
@Suite struct CheckTests {
  private struct Outcome {
    let findings: [Finding]
    let stop: StopReason
    let machine: Machine
    let interrupts: Int

    var texts: [String] { findings.map(\.text) }
  }

  private static let limit: UInt64 = 50_000_000

  private func check(
    _ subject: FaultyImage.Subject, way: UInt32, _ checks: Set<Check> = Set(Check.allCases),
    change: (inout CheckOptions) -> Void = { _ in }
  ) throws -> Outcome {
    let machine = try Self.machine(subject, way)
    var options = CheckOptions()
    options.checks = checks
    options.longestInterruptsOff = 100_000
    change(&options)
    let run = CheckedRun(machine, options: options) { _ in }
    #expect(run.nameError == nil)
    let stop = run.run(until: .never, limit: Self.limit, timeLimit: .max)
    run.finish()
    return Outcome(
      findings: run.findings, stop: stop, machine: machine, interrupts: run.tortureCount)
  }

  private static func machine(_ subject: FaultyImage.Subject, _ way: UInt32) throws -> Machine {
    try Machine(
      image: KernelImage(FaultyImage(subject, way: way).build(), name: "faulty"),
      configuration: MachineConfiguration(memory: 16 << 20))
  }

  /// Everything a guest may do wrong, done right.
  @Test(arguments: [
    FaultyImage.Subject.stack, .endOfInterrupt, .interruptsOff, .codeWrite, .dataExecution,
    .mapping, .heap, .locks, .race, .torture,
  ])
  func aGoodGuestHasNoFindings(subject: FaultyImage.Subject) throws {
    let outcome = try check(subject, way: 0) {
      $0.sleepers = ["schedule"]
      $0.sharedVariables = ["shared_counter"]
    }
    #expect(outcome.stop == .debugExit(0))
    #expect(outcome.texts == [])
  }

  @Test func anExceededStackIsFoundWhereItHappens() throws {
    let outcome = try check(.stack, way: 1, [.stack])
    let finding = try #require(outcome.findings.first)
    #expect(finding.text.contains("test_stack_area is exceeded by"))
    #expect(finding.lines.contains { $0.contains("<recurse") })
    // The instruction before the one that stands there is the guilty one.
    let machine = try Self.machine(.stack, 1)
    _ = machine.run(limit: finding.position)
    #expect(machine.processor.cpu.instructionPointer.value == finding.address)
    #expect(machine.processor.cpu[.rsp] >= 0x40_3000 - 80)
  }

  @Test func aStackOfTheOptionsComesBeforeOneOfTheSymbols() throws {
    // Ten calls take 816 bytes.
    let wide = try check(.stack, way: 0, [.stack]) { $0.stacks = [("0x403c00", "0x404000")] }
    #expect(wide.texts == [])
    let narrow = try check(.stack, way: 0, [.stack]) { $0.stacks = [("0x403f00", "0x404000")] }
    #expect(narrow.texts.count == 1)
    #expect(narrow.texts.first?.hasPrefix("the stack 0x403f00 is exceeded by ") == true)
  }

  @Test func aHandlerWithoutEndOfInterruptIsFound() throws {
    let outcome = try check(.endOfInterrupt, way: 1, [.eoi])
    #expect(
      outcome.texts == ["the handler of vector 64 returns without EOI to the local APIC"])
    #expect(outcome.findings.first?.lines.first?.contains("<tick+") == true)
  }

  @Test func interruptsThatAreOffForLongAreFound() throws {
    let outcome = try check(.interruptsOff, way: 1, [.interrupts])
    #expect(outcome.findings.count == 1)
    #expect(outcome.findings.first?.lines.first?.contains("<test_interrupts+") == true)
    #expect(
      try check(.interruptsOff, way: 1, [.interrupts]) {
        $0.longestInterruptsOff = 1_000_000
      }.texts == [])
  }

  @Test func writesToCodeAndExecutedDataAreFound() throws {
    let write = try check(.codeWrite, way: 1, [.code])
    #expect(write.texts.count == 1 && write.texts[0].contains("<victim>"))
    #expect(write.findings.first?.lines.first?.contains("<test_write+") == true)
    let execute = try check(.dataExecution, way: 1, [.code])
    #expect(execute.texts == ["the kernel executes its own data"])
    #expect(execute.findings.first?.address == 0x40_2000)
  }

  @Test func wrongMappingsAreFound() throws {
    let user = try check(.mapping, way: 1, [.mapping])
    #expect(user.texts.count == 2 && user.texts.allSatisfy { $0.contains("for applications") })
    let writable = try check(.mapping, way: 2, [.mapping])
    #expect(writable.texts.count == 1)
    #expect(writable.texts.allSatisfy { $0.contains("writable and executable") })
  }

  @Test(arguments: [
    (1, "byte 4 of 24 freed ones", "test_heap"), (2, "are freed twice", "kfree"),
    (3, "1 bytes are written at offset 24 of 24", "test_heap"),
    (4, "8 bytes are read at offset 16 of 24", "test_heap"),
  ])
  func mistakesWithMemoryAreFound(way: UInt32, text: String, place: String) throws {
    let outcome = try check(.heap, way: way, [.heap])
    #expect(outcome.texts.count == 1 && outcome.texts[0].contains(text), "\(outcome.texts)")
    let finding = try #require(outcome.findings.first)
    #expect(finding.lines[0].contains("<\(place)"))
    #expect(finding.lines.contains { $0.contains("allocated after") })
  }

  @Test(arguments: [
    (1, "the other way round"), (2, "by a processor that holds it"), (3, "schedule may sleep"),
    (4, "by interrupt handlers, and elsewhere with interrupts on"),
  ])
  func mistakesWithLocksAreFound(way: UInt32, text: String) throws {
    let outcome = try check(.locks, way: way, [.locks]) { $0.sleepers = ["schedule"] }
    #expect(outcome.texts.count == 1 && outcome.texts[0].contains(text), "\(outcome.texts)")
  }

  @Test func aCycleShowsBothWays() throws {
    let outcome = try check(.locks, way: 1, [.locks])
    let lines = outcome.findings.first?.lines ?? []
    #expect(lines.contains { $0.contains("<take_a_b+") })
    #expect(lines.contains { $0.contains("<take_b_a+") })
  }

  @Test func aRaceIsFound() throws {
    let outcome = try check(.race, way: 1, [.locks]) { $0.sharedVariables = ["shared_counter"] }
    #expect(outcome.texts.count == 1 && outcome.texts[0].contains("without a common lock"))
  }
}
