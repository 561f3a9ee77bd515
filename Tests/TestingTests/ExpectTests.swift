import Debugger
import Emulator
import EmulatorTesting
import TestImages
import Testing

/// What tests of guests say to a machine.
@Suite struct ExpectTests {
  @Test func oneBootManyTests() throws {
    let machine = try Guests.kernel()
    try machine.expect(console: "apus$ ", within: .instructions(50_000_000))
    let booted = machine.snapshot()
    for (command, answer) in [("ps", "(idle)"), ("hello you", "Hello, you!")] {
      machine.restore(booted)
      machine.type("\(command)\n")
      try machine.expect(console: .line(/^\s*\d+.*\(idle\)|^Hello, \w+!/), forbidding: ["killed"])
      #expect(machine.console.text.contains(answer))
      try machine.expect(console: "apus$ ")
    }
    machine.type("poweroff\n")
    try machine.expect(stop: .poweredOff)
  }

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

  @Test func aSymbolIsReached() throws {
    // INC EAX; there: INC EAX; JMP there.
    let code: [UInt8] = [0xFF, 0xC0, 0xFF, 0xC0, 0xEB, 0xFC]
    let machine = try Guests.bare(code, symbols: [("there", 0x10_0002, 2)])
    machine.processor.cpu[.rax] = 0
    try machine.run(to: "there")
    #expect(machine.processor.cpu[.rax] == 1)
    try machine.run(to: "there")
    #expect(machine.processor.cpu[.rax] == 2)
    #expect(machine.breakpoints.isEmpty)
    let failure = try #require(throws: ExpectationFailure.self) { try machine.run(to: "nowhere") }
    #expect(failure.sentence.contains("there is no symbol"))
    try machine.run(until: "RAX is 40", every: 1) { $0.processor.cpu[.rax] == 40 }
    #expect(machine.processor.cpu[.rax] == 40)
    #expect(throws: ExpectationFailure.self) {
      try machine.run(until: "RAX is 1", within: .instructions(10_000)) {
        $0.processor.cpu[.rax] == 1
      }
    }
  }

  @Test func aForkGoesItsOwnWay() throws {
    let machine = try Guests.kernel()
    try machine.expect(console: "apus$ ")
    let other = try machine.fork()
    other.type("poweroff\n")
    try other.expect(stop: .poweredOff)
    // The prompt was there before the fork.
    machine.type("hello fork\n")
    try machine.expect(console: "Hello, fork!")
    #expect(!other.console.text.contains("fork"))
  }
}
