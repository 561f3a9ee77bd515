/// costs: what system calls, faults, switches and processes cost, by the time-stamp counter.
///
/// Each line is the least of several tries, without the counter's own cost. In `emu` with one processor the
/// counter counts instructions, so that the figures are exact and the same each time; elsewhere they are
/// cycles, or whatever that machine counts.
import Apus
import UserSystem

@main
struct Costs: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    if arguments.count > 1 { return 0 }  // what is started to measure execve
    Costs.empty = least(16) {}
    say("ticks of the time-stamp counter (in emu with one CPU: instructions)\n")
    calls()
    faults()
    switches()
    processes()
    return 0
  }

  nonisolated(unsafe) private static var empty: UInt64 = 0

  private static func least(_ tries: Int, _ body: () -> Void) -> UInt64 {
    var best = UInt64.max
    for _ in 0..<tries {
      let start = rdtsc()
      body()
      best = min(best, rdtsc() - start)
    }
    return best
  }

  private static func show(_ what: StaticString, _ ticks: UInt64) {
    say("  \(what, padded: 44)\(ticks > empty ? ticks - empty : 0, width: 10)\n")
  }

  private static func measure(_ what: StaticString, tries: Int = 16, _ body: () -> Void) {
    show(what, least(tries, body))
  }

  // MARK: Entries

  private static func calls() {
    measure("getpid by SYSCALL") { _ = system_call(39, 0, 0, 0, 0) }
    measure("getpid by INT 80h") { _ = call_by_interrupt(39, 0, 0, 0) }
    sysenter()
    measure("a call that does not exist") { _ = system_call(999, 0, 0, 0, 0) }
    SignalAction({ _, _, _ in }, flags: .restart).install(for: .user1)
    let own = Process.id
    measure("a signal to itself, handler and return") {
      Call.kill(own, Signal.user1.rawValue)
    }
  }

  /// In a child, since AMD's processors do not have it in this mode.
  private static func sysenter() {
    let pid = fork {
      let stack: UInt64 = 0x1000_0000
      let flags: MapFlags = [.private, .anonymous, .fixed]
      guard (try? Memory.map(at: stack, size: 4096, [.read, .write], flags)) != nil else { return }
      var record: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 1)
      withUnsafeBytes(of: &record) { _ = Call.modify_ldt(1, $0.baseAddress, 16) }
      let code = address_of_compat_loop_sysenter()
      let one = least(8) { _ = compat_call(code, stack + 4096, 1) }
      let many = least(8) { _ = compat_call(code, stack + 4096, 101) }
      show("getpid by SYSENTER, from 32-bit code", (many - one) / 100 + empty)
    }
    if wait(pid) & 0x7f == 4 {
      say("  getpid by SYSENTER: this processor has it not in long mode\n")
    }
  }

  // MARK: Memory

  private static func faults() {
    let pages: UInt64 = 16
    guard let at = try? Memory.map(size: pages * 4096) else { return }
    var next = at
    measure("page fault: a first write") {
      do_write(next)
      next += 4096
    }
    let pid = fork {
      var next = at
      measure("page fault: copy on write") {
        do_write(next)
        next += 4096
      }
    }
    _ = wait(pid)
    measure("mmap and munmap of a page") {
      if let page = try? Memory.map(size: 4096) { Memory.unmap(page, size: 4096) }
    }
  }

  // MARK: Switches

  private static func switches() {
    measure("sched_yield with nobody else") { Call.sched_yield() }
    let rounds: UInt64 = 64
    guard let there = try? Descriptor.pipe(), let back = try? Descriptor.pipe() else { return }
    let pid = fork {
      var byte: UInt8 = 0
      for _ in 0..<rounds {
        Call.read(there.reading.rawValue, &byte, 1)
        Call.write(back.writing.rawValue, &byte, 1)
      }
    }
    var byte: UInt8 = 0
    let start = rdtsc()
    for _ in 0..<rounds {
      Call.write(there.writing.rawValue, &byte, 1)
      Call.read(back.reading.rawValue, &byte, 1)
    }
    show("to another process by a pipe, and its switch", (rdtsc() - start) / (2 * rounds) + empty)
    _ = wait(pid)
  }

  // MARK: Processes

  private static func processes() {
    var least = UInt64.max
    for _ in 0..<8 {
      let start = rdtsc()
      let pid = fork {}
      least = min(least, rdtsc() - start)
      _ = wait(pid)
    }
    show("fork, until the parent goes on", least)
    measure("fork, exit, wait4", tries: 8) { _ = wait(fork {}) }
    measure("fork, execve, exit, wait4", tries: 8) {
      _ = wait(
        fork {
          _ = Process.execute(
            [UInt8](text: "/bin/costs"), [[UInt8](text: "costs"), [UInt8](text: "-")])
        })
    }
    measure("a thread: clone, exit, join", tries: 8) {
      if let thread = try? Thread({}) { thread.join() }
    }
  }

  private static func fork(_ body: () -> Void) -> Int32 {
    guard let pid = try? Process.fork() else { return -1 }
    if pid == 0 {
      body()
      System.exit(0)
    }
    return pid
  }

  private static func wait(_ pid: Int32) -> UInt32 {
    var word: UInt32 = 0
    while Call.wait4(pid, &word, 0, nil).error == .interrupted {}
    return word
  }
}
