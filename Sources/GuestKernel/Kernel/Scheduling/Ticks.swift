/// What time does to threads: turns end, timeouts come.
import KernelArch

extension Scheduler {
  /// The timer interrupt, on each processor.
  static func tick() {
    let queue = RunQueue.current
    let now = Clock.nanoseconds
    if queue.cpu == 0 { Clock.ticks += 1 }
    Timeouts.expire(now)
    turnMayBeOver(queue, now)
    Balance.tick(queue, now)
    RCU.tick(queue)
  }

  /// Books the time, and asks for a switch when it is somebody else's turn.
  static func turnMayBeOver(_ queue: RunQueue, _ now: UInt64) {
    queue.lock.lock()
    if queue.queue.tick(now: now) { CPU.current.needsReschedule = true }
    if Bandwidth.refresh(queue, now) { CPU.current.needsReschedule = true }
    queue.lock.unlock()
  }
}

/// Threads that want to be woken at a certain time, ordered by it.
enum Timeouts {
  private static let lock = SpinLock("timeouts")
  nonisolated(unsafe) private static var tree = EntityTree()

  static func add(_ thread: Thread, until deadline: UInt64) {
    guard deadline != .max else { return }
    lock.withLockIRQ {
      thread.timeout.pointee.key = deadline
      thread.timeout.pointee.isQueued = true
      tree.insert(thread.timeout)
    }
  }

  static func remove(_ thread: Thread) {
    guard thread.timeout.pointee.isQueued else { return }
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
    }
  }
}

/// Switches off precise ends of turns until there are timers finer than the tick.
enum SliceTimer {
  static func arm(_ queue: RunQueue, _ now: UInt64) {}
}
