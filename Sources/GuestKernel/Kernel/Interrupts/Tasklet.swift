/// Tasklets: small jobs that interrupt handlers leave for right afterwards.
///
/// Scheduled any number of times before it runs, a tasklet runs once; and never on two processors at the
/// same time, so it needs no lock against itself. It runs in a softirq on the processor that scheduled
/// it: it must not sleep.
import KernelArch

final class Tasklet {
  private static let isScheduled: UInt32 = 1
  private static let isRunning: UInt32 = 2

  private let body: () -> Void
  private let isUrgent: Bool
  /// The two bits above; changed by atomic operations.
  private var state: UInt32 = 0
  /// How often it was disabled and not enabled again; changed by atomic operations.
  private var disabled: UInt32 = 0
  /// Lock: softirqs and interrupts off, on the processor it is scheduled on.
  private var next: Tasklet?

  init(urgent: Bool = false, _ body: @escaping () -> Void) {
    isUrgent = urgent
    self.body = body
  }

  /// False when it was waiting to run already.
  @discardableResult
  func schedule() -> Bool {
    guard atomic_or32(&state, Self.isScheduled) & Self.isScheduled == 0 else { return false }
    Interrupts.off { Self.append(self) }
    return true
  }

  /// Keeps it from running; what is scheduled waits until it is enabled again.
  func disable() {
    _ = atomic_add32(&disabled, 1)
    while atomic_load32(&state) & Self.isRunning != 0 { cpu_pause() }
  }

  func enable() { _ = atomic_add32(&disabled, 0 &- 1) }

  /// Returns when it is neither scheduled nor running; nobody may schedule it meanwhile.
  func kill() {
    Context.assertMaySleep("tasklet killed")
    while atomic_load32(&state) != 0 { Thread.sleep(nanoseconds: 10_000) }
  }
}

// MARK: The lists

extension Tasklet {
  /// Waiting tasklets of each processor, last first, the urgent ones apart.
  private static let waiting = PerCPU<Tasklet?>(nil)
  private static let urgent = PerCPU<Tasklet?>(nil)

  static func start() {
    waiting[0] = nil
    urgent[0] = nil
    SoftIRQ.open(.tasklets) { run(&waiting.current) }
    SoftIRQ.open(.urgentTasklets) { run(&urgent.current) }
  }

  private static func append(_ tasklet: Tasklet) {
    if tasklet.isUrgent {
      tasklet.next = urgent.current
      urgent.current = tasklet
      SoftIRQ.raise(.urgentTasklets)
    } else {
      tasklet.next = waiting.current
      waiting.current = tasklet
      SoftIRQ.raise(.tasklets)
    }
  }

  private static func run(_ list: inout Tasklet?) {
    var reversed: Tasklet?
    Interrupts.off {
      reversed = list
      list = nil
    }
    var first: Tasklet?
    while let tasklet = reversed {
      reversed = tasklet.next
      tasklet.next = first
      first = tasklet
    }
    while let tasklet = first {
      first = tasklet.next
      tasklet.next = nil
      tasklet.runOrWait()
    }
  }

  private func runOrWait() {
    let wasRunning = atomic_or32(&state, Self.isRunning) & Self.isRunning != 0
    guard !wasRunning, atomic_load32(&disabled) == 0 else {
      // It runs on another processor, or is disabled: later.
      if !wasRunning { _ = atomic_and32(&state, ~Self.isRunning) }
      Interrupts.off { Self.append(self) }
      return
    }
    // From here on it can be scheduled again, and then runs again.
    _ = atomic_and32(&state, ~Self.isScheduled)
    body()
    _ = atomic_and32(&state, ~Self.isRunning)
  }
}
