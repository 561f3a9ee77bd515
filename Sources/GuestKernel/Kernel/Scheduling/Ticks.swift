/// What time does to threads: turns end, timeouts come.
import KernelArch

extension Scheduler {
  /// The timer interrupt, on each processor.
  static func tick() {
    let queue = RunQueue.current
    let now = Clock.nanoseconds
    turnMayBeOver(queue, now)
    if let process = Thread.current.process, process.isTimed { process.checkProcessorTime() }
    Balance.tick(queue, now)
    if queue.load > 1 { Balance.wakeIdle() }
    RCU.noteInterrupt()
    if Configuration.SOFT_LOCKUP_SECONDS > 0 { SoftLockups.tick(queue) }
  }

  /// Books the time, and asks for a switch when it is somebody else's turn.
  static func turnMayBeOver(_ queue: RunQueue, _ now: UInt64) {
    queue.lock.lock()
    if let next = queue.nextEvent, next <= now { queue.nextEvent = nil }
    if queue.queue.tick(now: now) { CPU.current.needsReschedule = true }
    if Bandwidth.refresh(queue, now) { CPU.current.needsReschedule = true }
    if !CPU.current.needsReschedule { SliceTimer.arm(queue, now) }
    queue.lock.unlock()
  }
}

/// Threads that want to be woken at a certain time, ordered by it.
enum Timeouts {
  private static let lock = SpinLock("timeouts")
  nonisolated(unsafe) private static var tree = EntityTree()
  /// Set for the first of them.
  private static let timer = Timer { _ in Timeouts.expire(Clock.nanoseconds) }

  /// Makes the timer: nothing is allocated later, under locks.
  static func prepare() { _ = timer }

  static func add(_ thread: Thread, until deadline: UInt64) {
    guard deadline != .max else { return }
    lock.withLockIRQ {
      thread.timeout.pointee.key = deadline
      thread.timeout.pointee.isQueued = true
      tree.insert(thread.timeout)
      if tree.first == thread.timeout { timer.start(at: deadline) }
    }
  }

  /// Returns when nobody looks at the thread's timeout any more: `expire` may have taken it out already,
  /// and still be about to wake the thread.
  static func remove(_ thread: Thread, until deadline: UInt64) {
    guard deadline != .max else { return }
    lock.withLockIRQ {
      guard thread.timeout.pointee.isQueued else { return }
      thread.timeout.pointee.isQueued = false
      tree.remove(thread.timeout)
    }
  }

  /// Wakes everybody whose time has come.
  ///
  /// A thread cannot leave while its timeout is looked at: it takes the lock to remove it.
  static func expire(_ now: UInt64) {
    lock.withLockIRQ {
      while let first = tree.first, first.pointee.key <= now {
        first.pointee.isQueued = false
        tree.remove(first)
        Scheduler.wake(Thread.of(first))
      }
      if let first = tree.first { timer.start(at: first.pointee.key) }
    }
  }
}

/// Ends turns to the nanosecond where the tick would be too coarse: budgets of deadline threads and
/// groups, and real-time turns.
enum SliceTimer {
  private static let timers = {
    var timers: [Timer] = []
    for _ in 0..<CPU.capacity {
      timers.append(
        Timer { _ in Scheduler.turnMayBeOver(RunQueue.current, Clock.nanoseconds) })
    }
    return timers
  }()

  static func prepare() { _ = timers }

  /// Sets this processor's timer for what its queue expects next; the queue is locked.
  static func arm(_ queue: RunQueue, _ now: UInt64) {
    guard queue.cpu == Int(percpu_index()) else { return }
    let next = queue.queue.nextEvent(now: now)
    guard next != queue.nextEvent else { return }
    queue.nextEvent = next
    if let next { timers[queue.cpu].start(at: max(next, now + 10_000)) }
  }
}
