import Debugger
import Emulator
import EmulatorTesting
import TestImages
import Testing

/// What tests of guests say to a machine.
@Suite struct ExpectTests {
  /// Everything is found in order, also when the guest writes it in one go.
  @Test func outputIsLookedAtOnce() throws {
    let machine = try Guests.printing("one\r\ntwo\none\n", then: TestCode.powerOff)
    try machine.expect(console: "one\ntwo")
    try machine.expect(console: "one")
    let failure = try #require(throws: ExpectationFailure.self) {
      try machine.expect(console: "one")
    }
    #expect(failure.sentence.contains("the machine powered off"))
    #expect(failure.stop == .poweredOff && failure.diagnosis.isEmpty)
    #expect(failure.console == ["one", "two", "one"])
  }

  @Test func aLineIsWholeWhenTheMachineStops() throws {
    let machine = try Guests.printing("total 12", then: TestCode.powerOff)
    try machine.expect(console: .line(/^total \d+$/))
    // Written one digit after the other: only the whole line counts.
    let other = try Guests.printing("total 12\ntotal 1\n", then: TestCode.powerOff)
    let pattern = try ConsolePattern.line(posix: "^total 1$")
    try other.expect(console: pattern)
    #expect(other.console.text.hasSuffix("total 1\n"))
  }

  @Test func whatIsForbiddenEndsTheRun() throws {
    let machine = try Guests.printing("fine\nBUG: at 5\nfine\n", then: TestCode.loop)
    let failure = try #require(throws: ExpectationFailure.self) {
      try machine.expect(console: "never", forbidding: [.line(/BUG/), "panic"])
    }
    #expect(failure.sentence.contains("but it shows a matching line"))
    #expect(failure.stop == nil)
  }

  @Test func aTripleFaultIsExplained() throws {
    let machine = try Guests.printing("starting\n", then: TestCode.undefined)
    let failure = try #require(throws: ExpectationFailure.self) {
      try machine.expect(console: "ready", within: .instructions(1_000_000))
    }
    #expect(failure.stop == .shutdown)
    let text = "\(failure)"
    #expect(text.contains("expected the console to show \"ready\" within 1000000 instructions"))
    #expect(text.contains("a triple fault shut the processor down, at instruction"))
    #expect(text.contains("  | starting"))
    #expect(text.contains("#UD invalid opcode"))
  }

  @Test func limitsAreKept() throws {
    let machine = try Guests.bare(TestCode.loop)
    let failure = try #require(throws: ExpectationFailure.self) {
      try machine.expect(console: "x", within: .instructions(12_345))
    }
    #expect(failure.instructionCount == 12_345)
    #expect("\(failure)".contains("the console is empty"))
    let late = try #require(throws: ExpectationFailure.self) {
      try machine.expect(stop: .poweredOff, within: .time(.microseconds(100)))
    }
    #expect(late.instructionCount == 112_345)
    #expect(late.sentence.contains("but the limit was reached"))
  }

  @Test func aConditionIsReached() throws {
    // INC EAX; there: INC EAX; JMP there.
    let machine = try Guests.bare([0xFF, 0xC0, 0xFF, 0xC0, 0xEB, 0xFC])
    machine.processor.cpu[.rax] = 0
    try machine.run(until: "RAX is 40", every: 1) { $0.processor.cpu[.rax] == 40 }
    #expect(machine.processor.cpu[.rax] == 40)
    #expect(throws: ExpectationFailure.self) {
      try machine.run(until: "RAX is 1", within: .instructions(10_000)) {
        $0.processor.cpu[.rax] == 1
      }
    }
  }
}
