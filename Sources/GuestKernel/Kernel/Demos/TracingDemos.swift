/// Looking at the running kernel: tracepoints, probes, samples, and scripts that decide what is kept.
import KernelArch

enum TracepointDemo {
  static func run() -> Bool {
    Demo.say(
      "A tracepoint that is off costs one test. Two are turned on, then a thread comes and goes.")
    Trace.clear()
    let before = Trace.enabled
    Trace.disable(.max)
    Trace.enable(TraceEvent.schedSwitch.bit | TraceEvent.mark.bit)
    Trace.record(.mark, 1, 2, 3)
    let done = Completion()
    let id = Thread.spawn("traced") { done.complete() }.id
    done.wait()
    Trace.disable(.max)
    var (switches, marks) = (0, 0)
    Trace.visit { record in
      if record.event == TraceEvent.mark.rawValue { marks += 1 }
      if record.event == TraceEvent.schedSwitch.rawValue, record.b == UInt64(id) { switches += 1 }
    }
    Trace.clear()
    Trace.enable(before)
    var passed = Demo.check(marks == 1, "the mark that the demonstration left is in the ring")
    passed = Demo.check(switches >= 1, "so is the switch to the new thread") && passed
    return passed
  }
}

enum ProbeDemo {
  nonisolated(unsafe) private static var sum: UInt64 = 0

  static func run() -> Bool {
    let name = [UInt8](text: "ProbeDemo.work")
    Demo.say(
      "A probe is INT3 at a function's first byte, and a copy of what stood there elsewhere.")
    var passed = Demo.check(Kprobes.add(name) == nil, "a probe stands at ProbeDemo.work")
    sum = 0
    for value in 1...5 as ClosedRange<UInt64> { work(value) }
    let hits = Kprobes.all.first { $0.name == name }?.hits ?? 0
    passed = Demo.check(hits == 5, "five calls were counted") && passed
    passed = Demo.check(sum == 15, "and did what they always do") && passed
    passed = Demo.check(Kprobes.remove(name) == nil, "the probe is gone") && passed
    work(1)
    let later = Kprobes.all.first { $0.name == name }?.hits ?? 1
    passed = Demo.check(later == 0 && sum == 16, "a sixth call was not counted") && passed
    passed =
      Demo.check(
        Kprobes.add([UInt8](text: "interrupt_dispatch")) == .notPermitted,
        "where the probe itself would run, none can be") && passed
    return passed
  }

  @inline(never)
  private static func work(_ value: UInt64) { sum &+= value }
}

enum SamplingDemo {
  static func run() -> Bool {
    Demo.say(
      "At each tick the interrupted instruction is noted, while a thread does nothing but work.")
    let done = Completion()
    Perf.begin()
    Thread.spawn("busy") {
      let end = Clock.nanoseconds + 120_000_000
      while Clock.nanoseconds < end { spin(1000) }
      done.complete()
    }
    done.wait()
    Perf.end()
    var text = Text()
    Perf.report(to: &text)
    let lines = text.bytes.split(separator: 0x0a).map { Array($0) }
    let passed = Demo.check(lines.count > 1, "there are samples, counted by function")
    Demo.say("`perf COMMAND` prints the same histogram for a program's run.")
    return passed
  }
}

enum ScriptDemo {
  static func run() -> Bool {
    let text = [UInt8](text: "a % 2 == 0 && count(1)")
    Demo.say(
      "The expression a % 2 == 0 && count(1) becomes a script; the kernel verifies and runs it.")
    guard let code = try? ScriptCompiler.compile(text, names: Scripts.traceNames),
      let program = try? ScriptProgram(code)
    else { return Demo.check(false, "it is accepted") }
    for value in 0..<10 as Range<UInt64> { _ = program.run([0, 0, 0, value, 0, 0, 0, 0]) }
    var passed = Demo.check(program.counters[1] == 5, "of ten numbers it counts the five even ones")
    Demo.say("What the verifier refuses, and why:")
    let exit = ScriptInstruction(.exit)
    let zero = ScriptInstruction(.move)
    let wrong: [[ScriptInstruction]] = [
      [exit], [zero], [zero, ScriptInstruction(.jump, offset: 9), exit],
      [ScriptInstruction(.loadContext, offset: 8), exit],
      [zero, ScriptInstruction(.jump, offset: 1), zero, exit],
    ]
    for code in wrong {
      do throws(ScriptError) {
        try ScriptVerifier.check(code)
        passed = Demo.check(false, "refused")
      } catch {
        passed = Demo.check(true, error.name) && passed
      }
    }
    return passed
  }
}

enum LogDemo {
  static func run() -> Bool {
    Demo.say("A place that logs at most three lines an hour is asked for ten.")
    let limit = LogLimit(burst: 3, seconds: 3600)
    for number in 1...10 { limit.log(.info, "demo", "line \(number) of ten") }
    let passed = Demo.check(limit.suppressed == 7, "seven lines were held back")
    Demo.say("The next one that passes says so: `dmesg` shows the three.")
    return passed
  }
}

enum OopsDemo {
  static func run() -> Bool {
    Demo.say("A kernel thread reads address 8. It holds no lock, so only the thread ends.")
    let (before, level) = (Oops.count, KernelLog.consoleLevel)
    KernelLog.consoleLevel = 0
    defer { KernelLog.consoleLevel = level }
    let id = Thread.spawn("culprit") { _ = Mishaps.read(8) }.id
    for _ in 0..<200 {
      let isThere = Scheduler.threads.contains { $0.id == id && $0.state != .ended }
      if !isThere { break }
      Thread.sleep(nanoseconds: 5_000_000)
    }
    var passed = Demo.check(Oops.count == before + 1, "the kernel noted an oops and goes on")
    passed =
      Demo.check(Taint.flags & Taint.oops.rawValue != 0, "and is tainted from now on") && passed
    Demo.say("`dmesg` shows the backtrace; with oops=panic the kernel would have stopped.")
    return passed
  }
}
