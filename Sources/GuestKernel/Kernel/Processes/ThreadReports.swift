/// Where the threads of a process wait: /proc/PID/stack and /proc/PID/wchan.
import KernelArch

enum ThreadReports {
  static func start() {
    ProcFS.addPerProcess("stack") { process, text in
      for thread in process.threads.snapshot(under: Processes.lock) { stack(of: thread, &text) }
    }
    ProcFS.addPerProcess("wchan") { process, text in
      guard let thread = process.threads.snapshot(under: Processes.lock).first else { return }
      text.append("\(place(of: thread))\n")
    }
  }

  private typealias Callers = InlineArray<12, UInt64>

  /// The calls that led to where it waits; none when it runs or could run.
  private static func callers(of thread: Thread, _ callers: inout Callers) -> Int {
    var count = 0
    RunQueue.with(thread) { _ in
      switch thread.state {
      case .interruptible, .uninterruptible, .killable:
        count = Backtrace.collect(waiting: thread, into: &callers)
      case .new, .ready, .running, .ended: break
      }
    }
    return count
  }

  /// Prints where the thread waits, innermost call first, behind a line that begins with `title`; false when it
  /// does not wait.
  @discardableResult
  static func printStack(
    of thread: Thread, title: () -> TextLine, _ print: (TextLine) -> Void
  ) -> Bool {
    var addresses = Callers(repeating: 0)
    let count = callers(of: thread, &addresses)
    guard count > 0 else { return false }
    print("\(title()):\n")
    for index in 0..<count { print("  \(Symbols.describe(addresses[index] - 1))\n") }
    return true
  }

  private static func stack(of thread: Thread, _ text: inout Text) {
    let waits = printStack(of: thread, title: { "thread \(thread.id)" }) { text.append($0) }
    if !waits { text.append("thread \(thread.id) does not wait\n") }
  }

  /// The innermost function that is about something else than waiting; `-` when it does not wait.
  private static func place(of thread: Thread) -> TextLine {
    var addresses = Callers(repeating: 0)
    let count = callers(of: thread, &addresses)
    let means: [StaticString] = [
      "switch_", "Scheduler", "RunQueue", "WaitQueue", "Kernel.Thread", "Mutex", "Semaphore",
      "Completion", "Readiness",
    ]
    for index in 0..<count {
      let name = Symbols.name(at: addresses[index] - 1)
      let bytes = name.withBytes { Array($0) }
      if !means.contains(where: { bytes.position(of: [UInt8](text: $0)) != nil }) { return name }
    }
    return "-"
  }
}
