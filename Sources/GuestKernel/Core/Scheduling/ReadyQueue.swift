/// A processor's run queue: all classes, in their order, as pure logic.
///
/// The kernel's scheduler asks it who runs next and tells it how time passes; it knows nothing of
/// locks, stacks or interrupts, so the host's tests can drive it through any sequence of events.

package struct ReadyQueue {
  private var stop = EntityList()
  package private(set) var deadline = DeadlineQueue()
  package private(set) var realTime = RealTimeQueue()
  package private(set) var fair = FairQueue()
  /// The running thread's entity; nil while the processor idles.
  package private(set) var current: EntityPointer?
  /// Threads ready or running.
  package private(set) var count = 0

  package init() {}

  /// Whether there is a thread that could run besides the running one.
  package var hasWaiting: Bool { count > (current == nil ? 0 : 1) }

  /// Whether there is any thread that may run now.
  package var hasReady: Bool {
    !stop.isEmpty || deadline.first != nil || realTime.count > 0 || fair.count > 0
  }

  // MARK: Coming and going

  /// A thread becomes ready, after sleep or as a new one.
  package mutating func add(_ entity: EntityPointer, now: UInt64, isNew: Bool = false) {
    entity.pointee.isQueued = true
    entity.pointee.readySince = now
    count += 1
    switch entity.pointee.policy {
    case .stop: stop.append(entity)
    case .deadline:
      DeadlineQueue.wake(entity, now: now)
      deadline.add(entity)
    case .fifo, .roundRobin:
      if entity.pointee.turnLeft == 0 { entity.pointee.turnLeft = RealTimeQueue.turn }
      realTime.add(entity, atHead: false)
    case .other, .batch, .idle: addFair(entity, isNew: isNew)
    }
  }

  /// A thread waits, ends, or goes elsewhere.
  package mutating func remove(_ entity: EntityPointer, now: UInt64) {
    if current == entity { update(now: now) }
    entity.pointee.isQueued = false
    count -= 1
    switch entity.pointee.policy {
    case .stop: stop.remove(entity)
    case .deadline:
      if now > entity.pointee.absoluteDeadline { entity.pointee.missedDeadlines += 1 }
      deadline.remove(entity)
    case .fifo, .roundRobin: realTime.remove(entity)
    case .other, .batch, .idle: removeFair(entity)
    }
  }

  private mutating func addFair(_ entity: EntityPointer, isNew: Bool) {
    guard let group = entity.pointee.memberOf else {
      fair.place(entity, isNew: isNew)
      return fair.add(entity)
    }
    group.pointee.fair.place(entity, isNew: isNew)
    group.pointee.fair.add(entity)
    if group.pointee.fair.count == 1, !group.pointee.isThrottled { admit(group) }
  }

  private mutating func removeFair(_ entity: EntityPointer) {
    guard let group = entity.pointee.memberOf else { return fair.remove(entity) }
    group.pointee.fair.remove(entity)
    if group.pointee.fair.count == 0, !group.pointee.isThrottled {
      fair.remove(group.pointee.entity)
    }
  }

  private mutating func admit(_ group: UnsafeMutablePointer<GroupQueue>) {
    fair.place(group.pointee.entity, isNew: false)
    fair.add(group.pointee.entity)
  }

  // MARK: Choosing

  /// Puts the running thread back, if it is still ready, and makes the next one the running one.
  package mutating func pickNext(now: UInt64) -> EntityPointer? {
    update(now: now)
    if let old = current {
      current = nil
      if old.pointee.policy.isFair { putBackFair(old) }
      if old.pointee.isQueued { old.pointee.readySince = now }
    }
    guard let next = first() else { return nil }
    current = next
    next.pointee.accountedUntil = now
    next.pointee.turns += 1
    let waited = now - min(now, next.pointee.readySince)
    next.pointee.waitTime += waited
    next.pointee.longestWait = max(next.pointee.longestWait, waited)
    return next
  }

  private mutating func first() -> EntityPointer? {
    if let entity = stop.first { return entity }
    if let entity = deadline.first { return entity }
    if let entity = realTime.first { return entity }
    guard let entity = fair.take() else { return nil }
    guard let group = entity.pointee.groupQueue else { return entity }
    return group.pointee.fair.take()
  }

  private mutating func putBackFair(_ entity: EntityPointer) {
    guard let group = entity.pointee.memberOf else { return fair.putBack(entity) }
    group.pointee.fair.putBack(entity)
    fair.putBack(group.pointee.entity)
  }

  /// Whether `entity`, which has just become ready, should run instead of the running one.
  package func shouldPreempt(_ entity: EntityPointer) -> Bool {
    guard let running = current else { return true }
    let mine = entity.pointee.policy.rank
    let its = running.pointee.policy.rank
    if mine != its { return mine < its }
    switch entity.pointee.policy {
    case .stop: return false
    case .deadline:
      return !entity.pointee.isThrottled
        && entity.pointee.absoluteDeadline < running.pointee.absoluteDeadline
    case .fifo, .roundRobin: return entity.pointee.priority > running.pointee.priority
    case .other, .batch, .idle:
      if entity.pointee.memberOf == running.pointee.memberOf {
        return FairQueue.preempts(entity, running)
      }
      if let group = entity.pointee.memberOf, group.pointee.isThrottled { return false }
      return FairQueue.preempts(
        entity.pointee.memberOf?.pointee.entity ?? entity,
        running.pointee.memberOf?.pointee.entity ?? running)
    }
  }

  // MARK: Time

  /// Books the time since the last call to the running thread.
  package mutating func update(now: UInt64) {
    guard let entity = current, now > entity.pointee.accountedUntil else { return }
    let time = now - entity.pointee.accountedUntil
    entity.pointee.accountedUntil = now
    entity.pointee.runTime += time
    switch entity.pointee.policy {
    case .stop, .fifo: break
    case .roundRobin: entity.pointee.turnLeft -= min(time, entity.pointee.turnLeft)
    case .deadline:
      if entity.pointee.isQueued { deadline.account(entity, time) }
    case .other, .batch, .idle:
      guard let group = entity.pointee.memberOf else { return fair.account(entity, time) }
      group.pointee.fair.account(entity, time)
      group.pointee.runTime += time
      if group.pointee.isLimited { group.pointee.allowance -= Int64(time) }
      group.pointee.entity.pointee.runTime += time
      if !group.pointee.isThrottled { fair.account(group.pointee.entity, time) }
    }
  }

  /// The tick: true when it is somebody else's turn.
  package mutating func tick(now: UInt64) -> Bool {
    update(now: now)
    let hasNew = deadline.replenish(now: now)
    guard let entity = current else { return count > 0 }
    switch entity.pointee.policy {
    case .stop: return false
    case .deadline: return hasNew || entity.pointee.isThrottled
    case .fifo: return hasNew
    case .roundRobin:
      guard entity.pointee.turnLeft == 0 else { return hasNew }
      entity.pointee.turnLeft = RealTimeQueue.turn
      guard realTime.hasEquals(entity) else { return hasNew }
      realTime.moveToTail(entity)
      return true
    case .other, .batch, .idle:
      if hasNew || needsAllowance != nil { return true }
      guard let group = entity.pointee.memberOf else { return fair.isTurnOver(entity) }
      return group.pointee.fair.isTurnOver(entity) || fair.isTurnOver(group.pointee.entity)
    }
  }

  /// When something about the running thread or the waiting ones changes next by time alone.
  package func nextEvent(now: UInt64) -> UInt64? {
    var next = deadline.nextReplenishment
    guard let entity = current else { return next }
    var limit: UInt64?
    switch entity.pointee.policy {
    case .deadline: limit = UInt64(max(0, entity.pointee.budget))
    case .roundRobin: limit = realTime.hasEquals(entity) ? entity.pointee.turnLeft : nil
    case .other, .batch, .idle:
      if hasWaiting {
        let queue = entity.pointee.memberOf?.pointee.fair ?? fair
        let ran = entity.pointee.runTime - entity.pointee.turnStart
        let turn = queue.count > 1 ? queue.turn(of: entity) : FairQueue.latency
        limit = turn > ran ? turn - ran : FairQueue.shortestTurn
      }
      if let group = entity.pointee.memberOf, group.pointee.isLimited {
        limit = min(limit ?? .max, UInt64(max(0, group.pointee.allowance)))
      }
    case .fifo, .stop: break
    }
    if let limit { next = min(next ?? .max, now + limit) }
    return next
  }

  /// The running thread lets others of its kind go first.
  package mutating func yield(now: UInt64) {
    update(now: now)
    guard let entity = current, entity.pointee.isQueued else { return }
    switch entity.pointee.policy {
    case .stop: break
    case .deadline: deadline.yield(entity)
    case .fifo, .roundRobin: realTime.moveToTail(entity)
    case .other, .batch, .idle:
      (entity.pointee.memberOf?.pointee.fair ?? fair).yield(entity)
      if let group = entity.pointee.memberOf { fair.yield(group.pointee.entity) }
    }
  }

  // MARK: Groups with a limit

  /// The running thread's group, when it has used up what it was allowed here.
  package var needsAllowance: UnsafeMutablePointer<GroupQueue>? {
    guard let entity = current, entity.pointee.policy.isFair, let group = entity.pointee.memberOf,
      group.pointee.isLimited, group.pointee.allowance <= 0, !group.pointee.isThrottled
    else { return nil }
    return group
  }

  /// There is no more time for the group in this period.
  package mutating func throttle(_ group: UnsafeMutablePointer<GroupQueue>, now: UInt64) {
    guard !group.pointee.isThrottled else { return }
    group.pointee.isThrottled = true
    group.pointee.throttledSince = now
    if group.pointee.fair.count > 0 { fair.remove(group.pointee.entity) }
  }

  /// A new period; true when threads may run that could not before.
  package mutating func unthrottle(_ group: UnsafeMutablePointer<GroupQueue>) -> Bool {
    guard group.pointee.isThrottled else { return false }
    group.pointee.isThrottled = false
    guard group.pointee.fair.count > 0 else { return false }
    admit(group)
    return true
  }

  /// Gives a group another weight.
  package mutating func reweigh(_ entity: EntityPointer, to weight: UInt64, isQueued: Bool) {
    if isQueued { fair.remove(entity) }
    entity.pointee.weight = weight
    if isQueued { fair.add(entity) }
  }

  // MARK: Moving to another processor

  /// A waiting thread that `condition` lets go: real-time ones first, then the fair one that would wait
  /// longest.
  package func candidate(_ condition: (EntityPointer) -> Bool) -> EntityPointer? {
    let running = current
    if let entity = realTime.find({ $0 != running && condition($0) }) { return entity }
    var at = fair.last
    while let entity = at {
      if let group = entity.pointee.groupQueue {
        var member = group.pointee.fair.last
        while let thread = member {
          if condition(thread) { return thread }
          member = group.pointee.fair.previous(before: thread)
        }
      } else if condition(entity) {
        return entity
      }
      at = fair.previous(before: entity)
    }
    return nil
  }

  /// Makes a virtual runtime relative to this queue, or absolute again.
  package func virtualRuntimeBase(of entity: EntityPointer) -> UInt64 {
    entity.pointee.memberOf?.pointee.fair.leastRuntime ?? fair.leastRuntime
  }
}
