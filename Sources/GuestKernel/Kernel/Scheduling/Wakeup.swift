/// Waking a thread: which processor it goes to, and whether it takes that processor at once.
import KernelArch

extension Scheduler {
  /// Lets a new thread run for the first time.
  static func makeReady(_ thread: Thread) { wake(thread) { $0 == .new } }

  /// Wakes the thread if it waits; may be called from anywhere.
  static func wake(_ thread: Thread) { wake(thread) { $0.isWaiting } }

  /// Wakes the thread if `condition` holds for its state; true when it did.
  @discardableResult
  static func wake(_ thread: Thread, if condition: (Thread.State) -> Bool) -> Bool {
    Interrupts.off {
      let queue = RunQueue.lock(of: thread)
      let state = thread.state
      guard condition(state) else {
        queue.lock.unlock()
        return false
      }
      thread.state = .ready
      // Between saying that it waits and switching away it is still on its queue.
      if thread.entity.pointee.isQueued {
        queue.lock.unlock()
        return true
      }
      // Nobody else queues a thread that is ready and on no queue.
      let target = choose(for: thread, queue)
      if target !== queue {
        transfer(thread, from: queue, to: target)
        thread.cpu = target.cpu
        queue.lock.unlock()
        target.lock.lock()
      }
      enqueue(thread, on: target, isNew: state == .new)
      target.lock.unlock()
      return true
    }
  }

  /// Puts a ready thread on a queue that is locked.
  static func enqueue(_ thread: Thread, on queue: RunQueue, isNew: Bool) {
    let now = Clock.nanoseconds
    thread.group?.attach(thread, to: queue.cpu)
    queue.queue.update(now: now)
    queue.queue.add(thread.entity, now: now, isNew: isNew)
    queue.wakeups += 1
    ScheduleTrace.record(.woken, now, thread: thread.id, other: queue.cpu)
    if queue.queue.shouldPreempt(thread.entity) { queue.kick() } else { SliceTimer.arm(queue, now) }
  }

  /// Virtual runtimes mean something on one queue only: keeps the distance to the queue's least.
  static func transfer(_ thread: Thread, from old: RunQueue, to new: RunQueue) {
    let base = old.queue.virtualRuntimeBase(of: thread.entity)
    thread.group?.attach(thread, to: new.cpu)
    let distance = Int64(thread.entity.pointee.virtualRuntime) - Int64(base)
    let newBase = Int64(new.queue.virtualRuntimeBase(of: thread.entity))
    thread.entity.pointee.virtualRuntime = UInt64(max(0, newBase + distance))
    thread.migrations += 1
    new.migrations += 1
  }

  /// The processor to wake on: where it ran last if that idles, another that idles, or the one where it
  /// would wait least.
  private static func choose(for thread: Thread, _ last: RunQueue) -> RunQueue {
    let allowed = thread.affinity & RunQueue.online
    let mayStay = allowed >> UInt64(last.cpu) & 1 != 0
    if RunQueue.online & (RunQueue.online - 1) == 0 { return last }
    if mayStay, last.load == 0 { return last }
    var best = mayStay ? last : nil
    for cpu in 0..<CPU.count where allowed >> UInt64(cpu) & 1 != 0 {
      let queue = RunQueue[cpu]
      if queue.load == 0 { return queue }
      guard let least = best else {
        best = queue
        continue
      }
      if isBetter(queue, than: least, for: thread) { best = queue }
    }
    return best ?? last
  }

  private static func isBetter(_ a: RunQueue, than b: RunQueue, for thread: Thread) -> Bool {
    if thread.entity.pointee.policy.isFair { return a.load + 1 < b.load }
    let (x, y) = (a.runningRank, b.runningRank)
    return x.rank > y.rank || x.rank == y.rank && x.priority < y.priority
  }
}
