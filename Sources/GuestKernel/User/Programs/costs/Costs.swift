/// costs: what system calls, faults, switches and processes cost, by the time-stamp counter.
///
/// Each line is the least of several tries, without the counter's own cost. In `emu` with one processor the
/// counter counts instructions, so that the figures are exact and the same each time; elsewhere they are
/// cycles, or whatever that machine counts. `costs threads` and `costs processes` count instead how many
/// there can be at once.
import Apus
import UserSystem

@main
struct Costs: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    // What is started to measure execve.
    if arguments.count > 1, arguments[1].equals("-") { return 0 }
    Usage.describe(
      "costs [threads|processes]", "what the kernel's work costs, or how many there can be at once")
    if let kind = Options(arguments, known: "", operands: 0...1).operands.first {
      if kind.equals("threads") {
        Crowd.countThreads()
      } else if kind.equals("processes") {
        Crowd.countProcesses()
      } else {
        Usage.refuse("\(text: kind): there is no such kind")
      }
      return 0
    }
    Cost.none = Cost.least {}
    Cost.heading("Calls and interrupts")
    EntryCosts.measure()
    Cost.heading("Memory")
    MemoryCosts.measure()
    Cost.heading("Switches and locks")
    SwitchCosts.measure()
    Cost.heading("Processes, threads, files")
    ProcessCosts.measure()
    Cost.heading("In the kernel")
    return kernelCosts()
  }

  /// The kernel measures itself.
  private static func kernelCosts() -> Int32 {
    guard let text = try? FileTree.contents(of: [UInt8](text: "/proc/costs")) else { return 1 }
    for line in text.split(separator: 0x0a) {
      let parts = line.split(separator: 0x09)
      if parts.count == 2, let ticks = Array(parts[1]).decimal { Cost.show(Array(parts[0]), ticks) }
    }
    return 0
  }
}

/// Measuring and printing.
enum Cost {
  /// What measuring nothing costs.
  nonisolated(unsafe) static var none: UInt64 = 0

  @inline(never)
  static func least(_ tries: Int = 16, _ body: () -> Void) -> UInt64 {
    var best = UInt64.max
    for _ in 0..<tries {
      let start = rdtsc()
      body()
      best = min(best, rdtsc() - start)
    }
    return best - min(best, none)
  }

  static func measure(_ what: StaticString, tries: Int = 16, _ body: () -> Void) {
    show(what, least(tries, body))
  }

  static func heading(_ text: StaticString) { say("\(text)\n") }

  static func show(_ what: StaticString, _ ticks: UInt64) { show([UInt8](text: what), ticks) }

  static func show(_ what: [UInt8], _ ticks: UInt64) {
    let padded = what + [UInt8](repeating: 0x20, count: max(1, 54 - what.count))
    say("  \(text: padded)\(ticks, width: 8)\n")
  }

  /// Runs `body` in a child and waits for its end.
  static func child(_ body: () -> Void) -> Int32 {
    guard let pid = try? Process.fork() else { return -1 }
    if pid == 0 {
      body()
      System.exit(0)
    }
    return pid
  }

  @discardableResult
  static func wait(_ pid: Int32) -> UInt32 {
    var word: UInt32 = 0
    while Call.wait4(pid, &word, 0, nil).error == .interrupted {}
    return word
  }
}
