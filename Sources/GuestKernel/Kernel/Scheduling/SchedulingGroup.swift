/// Threads that share a part of the processors, and perhaps no more than a part.
///
/// On each processor a group's threads have a queue of their own, and the group competes in the root
/// queue as if it were one thread of the weight of its shares. A group with a quota draws its time from a
/// pool that is filled once per period; a processor that finds the pool empty stops the group there.
/// Turner, Rao, Rao: "CPU bandwidth control for CFS", 2010.
import KernelArch

final class SchedulingGroup {
  let name: [UInt8]
  let lock = SpinLock("group")
  /// Lock: `lock`.
  private var pool: BandwidthPool?
  private(set) var throttles: UInt64 = 0
  private(set) var throttledTime: UInt64 = 0
  private(set) var shares: UInt64 = 1024
  /// What its processes may have of memory, in bytes; enforced by whoever maps it.
  var memoryLimit = UInt64.max
  /// Page faults in a row at which no thread had executed anything since its last one.
  ///
  /// One word; see `GroupMemory`.
  var faultsInVain: UInt32 = 0
  /// One per processor, under the lock of that processor's run queue.
  private let queues: UnsafeMutablePointer<GroupQueue>

  init(name: [UInt8]) {
    self.name = name
    queues = .allocate(capacity: CPU.capacity)
    let entities = EntityPointer.allocate(capacity: CPU.capacity)
    entities.initialize(repeating: Entity(), count: CPU.capacity)
    for cpu in 0..<CPU.capacity {
      (queues + cpu).initialize(to: GroupQueue(entity: entities + cpu))
      entities[cpu].groupQueue = queues + cpu
    }
  }

  deinit {
    queues[0].entity.deallocate()
    queues.deallocate()
  }

  /// The thread's entity goes to this processor's queue of the group; it is on none.
  func attach(_ thread: Thread, to cpu: Int) { thread.entity.pointee.memberOf = queues + cpu }

  var runTime: UInt64 {
    var sum: UInt64 = 0
    for cpu in 0..<CPU.count { sum += queues[cpu].runTime }
    return sum
  }

  var quotaAndPeriod: (quota: UInt64, period: UInt64)? {
    lock.withLockIRQ { pool.map { ($0.quota, $0.period) } }
  }

  /// Like a nice value for the whole group; 1024 is one ordinary thread's worth per processor.
  func setShares(_ value: UInt64) {
    shares = min(max(value, 2), 262_144)
    for queue in RunQueue.all {
      queue.lock.withLockIRQ {
        let group = queues + queue.cpu
        let isQueued = group.pointee.fair.count > 0 && !group.pointee.isThrottled
        queue.queue.reweigh(group.pointee.entity, to: shares, isQueued: isQueued)
      }
    }
  }

  /// At most `quota` nanoseconds of processor time in each `period`; nil for no limit.
  func setQuota(_ quota: UInt64?, period: UInt64 = 100_000_000) {
    lock.withLockIRQ {
      pool = quota.map { BandwidthPool(quota: $0, period: period, now: Clock.nanoseconds) }
    }
    for queue in RunQueue.all {
      queue.lock.withLockIRQ {
        queues[queue.cpu].isLimited = quota != nil
        if quota == nil, queue.queue.unthrottle(queues + queue.cpu) { queue.kick() }
      }
    }
  }

  // MARK: What Bandwidth does; the run queue is locked

  /// Draws more time; false when there is none left in this period.
  fileprivate func draw(for queue: UnsafeMutablePointer<GroupQueue>) -> Bool {
    lock.withLockIRQ {
      guard pool != nil else { return true }
      while queue.pointee.allowance <= 0, let portion = pool?.draw(), portion > 0 {
        queue.pointee.allowance += Int64(portion)
      }
      if queue.pointee.allowance <= 0 { throttles += 1 }
      return queue.pointee.allowance > 0
    }
  }

  /// True when the group may go on that had been stopped here.
  fileprivate func refill(_ cpu: Int, _ now: UInt64) -> UnsafeMutablePointer<GroupQueue>? {
    let queue = queues + cpu
    return lock.withLockIRQ {
      guard pool != nil else { return nil }
      _ = pool?.refill(now: now)
      guard queue.pointee.isThrottled else { return nil }
      while queue.pointee.allowance <= 0, let portion = pool?.draw(), portion > 0 {
        queue.pointee.allowance += Int64(portion)
      }
      guard queue.pointee.allowance > 0 else { return nil }
      throttledTime += now - min(now, queue.pointee.throttledSince)
      return queue
    }
  }

  fileprivate func owns(_ queue: UnsafeMutablePointer<GroupQueue>) -> Bool {
    queue >= queues && queue < queues + CPU.capacity
  }
}

/// All groups.
enum SchedulingGroups {
  /// Inside run queues' locks.
  fileprivate static let lock = SpinLock("groups")
  nonisolated(unsafe) fileprivate static var groups: [SchedulingGroup] = []

  static var all: [SchedulingGroup] { lock.withLockIRQ { groups } }

  static func find(_ name: [UInt8]) -> SchedulingGroup? {
    for group in all where group.name == name { return group }
    return nil
  }

  static func make(_ name: [UInt8]) -> SchedulingGroup {
    if let group = find(name) { return group }
    let group = SchedulingGroup(name: name)
    let more = all + [group]
    lock.withLockIRQ { groups = more }
    return group
  }

  /// Forgets an empty group.
  static func remove(_ group: SchedulingGroup) {
    let rest = all.filter { $0 !== group }
    lock.withLockIRQ { groups = rest }
  }
}

/// Groups with a quota, as the run queues see them.
enum Bandwidth {
  /// Looks after limited groups on this processor, whose queue is locked; true when the choice of
  /// thread may have changed.
  @discardableResult
  static func refresh(_ queue: RunQueue, _ now: UInt64) -> Bool {
    guard !SchedulingGroups.groups.isEmpty else { return false }
    var hasChanged = false
    SchedulingGroups.lock.withLockIRQ {
      for group in SchedulingGroups.groups {
        if let exhausted = queue.queue.needsAllowance, group.owns(exhausted),
          !group.draw(for: exhausted)
        {
          queue.queue.throttle(exhausted, now: now)
          hasChanged = true
        }
        if let refilled = group.refill(queue.cpu, now), queue.queue.unthrottle(refilled) {
          hasChanged = true
        }
      }
    }
    return hasChanged
  }
}
