/// Spreading threads over processors.
///
/// Three occasions: a processor that runs out of work takes some at once, every processor looks around
/// from time to time, and a thread whose affinity no longer allows its processor is sent away.
import KernelArch

enum Balance {
  static let interval: UInt64 = 50_000_000

  /// From the idle loop, interrupts off: true when there is now something to run.
  static func pullWhileIdle() -> Bool {
    guard RunQueue.online & (RunQueue.online - 1) != 0 else { return false }
    let queue = RunQueue.current
    queue.lock.lock()
    pull(into: queue, Clock.nanoseconds)
    let hasWork = queue.load > 0
    queue.lock.unlock()
    return hasWork
  }

  /// Takes a thread from the busiest processor; `queue` is locked and stays so.
  ///
  /// In the middle of a switch the queue must not be unlocked: whoever wakes the thread that is leaving
  /// would take its stack to be at rest. So the other queue is only tried, whatever its number.
  static func pull(into queue: RunQueue, _ now: UInt64) {
    guard let busiest = busiest(except: queue), busiest.queue.hasWaiting else { return }
    guard busiest.lock.tryLock() else { return }
    _ = move(from: busiest, to: queue, now)
    busiest.lock.unlock()
  }

  /// Every so often each processor evens out the difference to the busiest one.
  static func tick(_ queue: RunQueue, _ now: UInt64) {
    guard now >= queue.nextBalance else { return }
    queue.nextBalance = now + interval
    guard let busiest = busiest(except: queue), busiest.load > queue.load + 1 else { return }
    RunQueue.lockBoth(queue, busiest)
    queue.balances += 1
    var left = (busiest.load - queue.load) / 2
    while left > 0, move(from: busiest, to: queue, now) { left -= 1 }
    busiest.lock.unlock()
    queue.lock.unlock()
  }

  /// Asks a processor that gets no ticks to look around; this one has threads that wait.
  static func wakeIdle() {
    for cpu in 0..<CPU.count where RunQueue.online >> UInt64(cpu) & 1 != 0 {
      if RunQueue[cpu].isTickless { return CPU.sendReschedule(to: cpu) }
    }
  }

  private static func busiest(except own: RunQueue) -> RunQueue? {
    var result: RunQueue?
    for cpu in 0..<CPU.count where cpu != own.cpu && RunQueue.online >> UInt64(cpu) & 1 != 0 {
      let queue = RunQueue[cpu]
      if queue.load > (result?.load ?? 1) { result = queue }
    }
    return result
  }

  /// Moves one waiting thread; both queues are locked.
  private static func move(from: RunQueue, to: RunQueue, _ now: UInt64) -> Bool {
    let running = from.queue.current
    let candidate = from.queue.candidate { entity in
      entity != running && entity.pointee.policy != .stop
        && Thread.of(entity).affinity >> UInt64(to.cpu) & 1 != 0
        && from.previous?.toOpaque() != entity.pointee.owner
    }
    guard let candidate else { return false }
    let thread = Thread.of(candidate)
    from.queue.remove(candidate, now: now)
    Scheduler.transfer(thread, from: from, to: to)
    thread.cpu = to.cpu
    to.queue.add(candidate, now: now)
    ScheduleTrace.record(.migrated, now, thread: thread.id, other: to.cpu)
    if to.queue.shouldPreempt(candidate) { to.kick() }
    return true
  }

  /// Sends a thread that is ready, but may no longer run where it is, to a processor where it may.
  static func moveAway(_ thread: Thread) {
    Interrupts.off {
      let from = RunQueue.lock(of: thread)
      let allowed = thread.affinity & RunQueue.online
      let isRunning = from.queue.current == thread.entity
      guard thread.entity.pointee.isQueued, !isRunning, allowed != 0,
        allowed >> UInt64(from.cpu) & 1 == 0
      else { return from.lock.unlock() }
      let now = Clock.nanoseconds
      let to = RunQueue[allowed.trailingZeroBitCount]
      from.queue.remove(thread.entity, now: now)
      Scheduler.transfer(thread, from: from, to: to)
      thread.cpu = to.cpu
      from.lock.unlock()
      // Ready and on no queue: nobody else queues it.
      to.lock.lock()
      to.queue.add(thread.entity, now: now)
      ScheduleTrace.record(.migrated, now, thread: thread.id, other: to.cpu)
      if to.queue.shouldPreempt(thread.entity) { to.kick() }
      to.lock.unlock()
    }
  }
}
