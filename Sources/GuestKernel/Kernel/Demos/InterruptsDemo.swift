/// Masking and nesting, seen with interrupts that the processor sends to itself.
import KernelArch

enum InterruptsDemo {
  /// A letter for each handler that begins, the same in lower case when it ends.
  nonisolated(unsafe) private static var trace: [UInt8] = []
  nonisolated(unsafe) private static var vectors: [UInt8] = []
  nonisolated(unsafe) private static var nestedVector: UInt8?

  /// What the trace was at each point of the experiment, which runs with preemption off: the messages
  /// go to the processor that has asked for them.
  private struct Findings {
    var whileOff: [UInt8] = []
    var whenOn: [UInt8] = []
    var atSeven: [UInt8] = []
    var level = InterruptLevel.passive
    var atZero: [UInt8] = []
    var nested: [UInt8] = []
  }

  static func run() -> Bool {
    let levels: [UInt8] = [4, 7, 11]
    var handlers: [InterruptHandler] = []
    var findings = Findings()
    trace.reserveCapacity(64)
    vectors = []
    nestedVector = nil
    Preemption.off {
      for (index, level) in levels.enumerated() {
        let letter = UInt8(0x41 + index)
        let request = IRQ.requestMessage("demo", .nesting, level: level) { handle(letter) }
        guard let request else { return }
        handlers.append(request.handler)
        vectors.append(UInt8(truncatingIfNeeded: request.data))
      }
      experiment(&findings)
    }
    for handler in handlers { IRQ.free(handler) }
    return Demo.check(handlers.count == 3, "three vectors can be had") && tell(findings)
  }

  private static func experiment(_ findings: inout Findings) {
    Interrupts.off {
      for vector in vectors { send(vector) }
      findings.whileOff = takeTrace()
    }
    settle(6)
    findings.whenOn = takeTrace()
    let old = InterruptLevel.raise(to: .device(7))
    for vector in vectors { send(vector) }
    settle(2)
    findings.atSeven = takeTrace()
    findings.level = InterruptLevel.current
    InterruptLevel.lower(to: old)
    settle(4)
    findings.atZero = takeTrace()
    nestedVector = vectors[2]
    send(vectors[0])
    settle(6)
    findings.nested = takeTrace()
  }

  private static func tell(_ findings: Findings) -> Bool {
    Demo.say(
      "Three handlers: A at level 4, B at level 7, C at level 11. The level is the upper half")
    Demo.say("of the vector; the local APIC delivers only what is above what the processor does.")
    Demo.say("Interrupts off (CLI): A, B and C are sent, in this order.")
    var passed = Demo.check(findings.whileOff.isEmpty, "none has been delivered")
    passed =
      Demo.check(
        findings.whenOn.equals("CcBbAa"), "interrupts on: the highest level came first: C B A")
      && passed
    Demo.say("Interrupts on, but the task priority register at level 7.")
    passed =
      Demo.check(
        findings.atSeven.equals("Cc"), "only C gets through; A and B wait in the APIC") && passed
    passed = Demo.check(findings.level == .device(7), "the processor's level is 7") && passed
    passed = Demo.check(findings.atZero.equals("BbAa"), "level 0 again: B, then A") && passed
    Demo.say("While A is served with interrupts on, it sends itself A and C.")
    return Demo.check(
      findings.nested.equals("ACcaAa"),
      "C interrupts A; the second A waits until the first has ended") && passed
  }

  private static func handle(_ letter: UInt8) -> Bool {
    note(letter)
    if letter == 0x41, let vector = nestedVector {
      nestedVector = nil
      send(vectors[0])
      send(vector)
      settle(3)
    }
    note(letter | 0x20)
    return true
  }

  private static func note(_ letter: UInt8) { Interrupts.off { trace.append(letter) } }

  private static func send(_ vector: UInt8) {
    LocalAPIC.send(LocalAPIC.Command.fixed(vector), to: CPU.current.apicID)
  }

  /// Lets what has been sent arrive: until the trace is that long.
  private static func settle(_ count: Int) {
    Clock.poll(100_000) { traceLength() >= count }
    for _ in 0..<100 { cpu_pause() }
  }

  @inline(never)
  private static func traceLength() -> Int { trace.count }

  private static func takeTrace() -> [UInt8] {
    Interrupts.off {
      let taken = trace
      trace = []
      trace.reserveCapacity(64)
      return taken
    }
  }
}
