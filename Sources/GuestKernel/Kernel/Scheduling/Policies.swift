/// Changing how a thread is scheduled: policy, priority, nice value, processors, group.
import KernelArch

extension Thread {
  var policy: SchedulingPolicy { entity.pointee.policy }

  /// Takes over what its maker has; a deadline's promise is not inherited.
  func inherit(from parent: Thread) {
    let from = parent.entity.pointee
    entity.pointee.policy = from.policy == .deadline || from.policy == .stop ? .other : from.policy
    entity.pointee.priority = from.policy.isRealTime ? from.priority : 0
    entity.pointee.setNice(from.nice)
    entity.pointee.virtualRuntime = from.virtualRuntime
    affinity = parent.affinity
    group = parent.group
    group?.attach(self, to: cpu)
  }

  func setNice(_ nice: Int) { change { $0.setNice(nice) } }

  /// Sets a policy other than `deadline`; `priority` is 1 to 99 for real time.
  func setPolicy(_ policy: SchedulingPolicy, priority: Int = 0) {
    _ = Deadlines.admit(nil, for: self)
    let isLent = Inheritance.lock.withLockIRQ {
      guard lentPriority > 0 else { return false }
      ownPolicy = policy
      ownPriority = priority
      return priority <= lentPriority
    }
    if !isLent { setEffective(policy, priority) }
  }

  /// What it runs with now.
  func setEffective(_ policy: SchedulingPolicy, _ priority: Int) {
    change {
      $0.policy = policy
      $0.priority = priority
      $0.turnLeft = 0
      $0.isThrottled = false
      $0.setNice($0.nice)
    }
  }

  /// Promises the thread `runtime` in every `period`; false when the processors are booked out.
  func setDeadline(_ wanted: DeadlineParameters) -> Bool {
    guard Deadlines.admit(wanted, for: self) else { return false }
    change {
      $0.policy = .deadline
      $0.deadline = wanted
      $0.budget = 0
      $0.absoluteDeadline = 0
    }
    return true
  }

  func setGroup(_ new: SchedulingGroup?) {
    let old = group
    change(regroup: { self.group = new }) { _ in }
    _ = old  // released here, not under the run queue's lock
  }

  /// Takes the thread off its queue, changes it, and puts it back.
  private func change(regroup: () -> Void = {}, _ body: (inout Entity) -> Void) {
    RunQueue.with(self) { queue in
      let now = Clock.nanoseconds
      let isQueued = entity.pointee.isQueued
      if isQueued { queue.queue.remove(entity, now: now) }
      let base = queue.queue.virtualRuntimeBase(of: entity)
      regroup()
      entity.pointee.memberOf = nil
      group?.attach(self, to: queue.cpu)
      body(&entity.pointee)
      let distance = Int64(entity.pointee.virtualRuntime) - Int64(base)
      entity.pointee.virtualRuntime = UInt64(
        max(0, Int64(queue.queue.virtualRuntimeBase(of: entity)) + distance))
      if isQueued {
        queue.queue.add(entity, now: now)
        queue.kick()
      }
    }
    Preemption.giveWayIfAsked()
  }

  /// Restricts the thread to these processors, of which one must exist.
  func setAffinity(_ mask: UInt64) -> Bool {
    guard mask & RunQueue.online != 0 else { return false }
    let isOut = RunQueue.with(self) { queue in
      affinity = mask
      guard mask >> UInt64(queue.cpu) & 1 == 0, entity.pointee.isQueued else { return false }
      // If it runs, the switch that is now due sends it away.
      queue.kick()
      return true
    }
    if isOut {
      if self === Thread.current { Scheduler.yield() } else { Balance.moveAway(self) }
    }
    return true
  }
}

/// The promises made to deadline threads.
enum Deadlines {
  private static let lock = SpinLock("deadline admission")
  nonisolated(unsafe) private static var admission = DeadlineAdmission(processors: 1)

  static func admit(_ wanted: DeadlineParameters?, for thread: Thread) -> Bool {
    lock.withLockIRQ {
      admission.processors = RunQueue.online.nonzeroBitCount
      let old = thread.policy == .deadline ? thread.entity.pointee.deadline : nil
      return admission.admit(wanted, insteadOf: old)
    }
  }

  static var permille: UInt64 { lock.withLockIRQ { admission.permille } }
}
