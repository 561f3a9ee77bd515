/// The scheduler's tick: a timer like any other on each processor that has threads.
///
/// It divides the processor up among them; an idle one has nothing to divide and shall sleep undisturbed.
/// So the first tick that finds a processor idle is its last until it has a thread again. What others got
/// from an idle processor's ticks they must ask for: a grace period interrupts it (`RCU.synchronize`), and
/// whoever has threads waiting tells it to come and take one (`Balance.wakeIdle`).
import KernelArch

enum Tick {
  private static let timers = {
    var timers: [Timer] = []
    for _ in 0..<CPU.capacity { timers.append(Timer { Tick.expire($0) }) }
    return timers
  }()

  /// Starts the running processor's.
  static func start() {
    timers[Int(percpu_index())].start(after: Clock.nanosecondsPerTick)
  }

  private static func expire(_ timer: Timer) {
    Scheduler.tick()
    let queue = RunQueue.current
    if isUseless(queue) {
      queue.isTickless = true
    } else {
      startNext(timer, after: timer.deadline)
    }
  }

  /// At the switch away from an idle thread that had no ticks: the run queue is locked.
  static func goOn(_ queue: RunQueue, _ now: UInt64) {
    queue.isTickless = false
    startNext(timers[queue.cpu], after: now - now % Clock.nanosecondsPerTick)
  }

  private static func startNext(_ timer: Timer, after last: UInt64) {
    let next = last &+ Clock.nanosecondsPerTick
    let now = Clock.nanoseconds
    timer.start(at: next > now ? next : now &+ Clock.nanosecondsPerTick)
  }

  private static func isUseless(_ queue: RunQueue) -> Bool {
    queue.lock.lock()
    defer { queue.lock.unlock() }
    return queue.isIdle && queue.load == 0 && queue.nextEvent == nil
      && !CPU.current.needsReschedule
  }
}
