/// The deadline class: next runs whoever's deadline is nearest, and nobody gets more than promised.
///
/// Earliest deadline first meets every deadline as long as the promises add up to less than the
/// processors (Liu and Layland, 1973), hence the admission. Each thread is a constant bandwidth server
/// (Abeni and Buttazzo, 1998): when its budget is used up it stops until its deadline, which is then moved
/// on by a period and the budget filled, so a thread that wants more than it said harms only itself.

package struct DeadlineQueue {
  private var tree = EntityTree()
  /// Those that wait for their next budget, by the time it comes.
  private var throttled = EntityTree()
  package private(set) var count = 0

  package init() {}

  /// The earliest deadline that may run.
  package var first: EntityPointer? { tree.first }
  package var nextReplenishment: UInt64? { throttled.first?.pointee.key }

  package mutating func add(_ entity: EntityPointer) {
    count += 1
    insert(entity)
  }

  package mutating func remove(_ entity: EntityPointer) {
    count -= 1
    if entity.pointee.isThrottled { throttled.remove(entity) } else { tree.remove(entity) }
  }

  /// The thread wakes: its old deadline holds if what is left of the budget fits in what is left of the
  /// time; else it begins a new period.
  package static func wake(_ entity: EntityPointer, now: UInt64) {
    let promised = entity.pointee.deadline
    guard !entity.pointee.isThrottled else { return }
    let left = UInt64(max(0, entity.pointee.budget))
    if entity.pointee.absoluteDeadline > now, left > 0 {
      let time = entity.pointee.absoluteDeadline - now
      // budget / time <= runtime / period, without dividing
      if left.multipliedFullWidth(by: promised.period)
        <= promised.runtime.multipliedFullWidth(by: time)
      {
        return
      }
    }
    entity.pointee.absoluteDeadline = now + promised.deadline
    entity.pointee.budget = Int64(promised.runtime)
  }

  /// Takes the time from the budget; stops the thread when nothing is left.
  package mutating func account(_ entity: EntityPointer, _ time: UInt64) {
    entity.pointee.budget -= Int64(time)
    guard entity.pointee.budget <= 0, !entity.pointee.isThrottled else { return }
    tree.remove(entity)
    throttle(entity)
  }

  /// The thread has done what it wanted to do in this period.
  package mutating func yield(_ entity: EntityPointer) {
    guard !entity.pointee.isThrottled else { return }
    entity.pointee.budget = 0
    tree.remove(entity)
    throttle(entity)
  }

  /// Gives new budgets to those whose time has come; true when somebody may run again.
  package mutating func replenish(now: UInt64) -> Bool {
    var hasAny = false
    while let entity = throttled.first, entity.pointee.key <= now {
      throttled.remove(entity)
      let promised = entity.pointee.deadline
      repeat {
        entity.pointee.absoluteDeadline += promised.period
        entity.pointee.budget += Int64(promised.runtime)
      } while entity.pointee.budget <= 0
      if entity.pointee.absoluteDeadline < now {
        entity.pointee.absoluteDeadline = now + promised.deadline
        entity.pointee.budget = Int64(promised.runtime)
      }
      entity.pointee.isThrottled = false
      insert(entity)
      hasAny = true
    }
    return hasAny
  }

  private mutating func throttle(_ entity: EntityPointer) {
    entity.pointee.isThrottled = true
    // The next period begins where this one ends.
    let promised = entity.pointee.deadline
    entity.pointee.key =
      entity.pointee.absoluteDeadline - promised.deadline + promised.period
    throttled.insert(entity)
  }

  private mutating func insert(_ entity: EntityPointer) {
    if entity.pointee.isThrottled {
      throttled.insert(entity)
    } else {
      entity.pointee.key = entity.pointee.absoluteDeadline
      tree.insert(entity)
    }
  }
}

/// Which promises can be kept: the sum of runtime by period stays under 95 % of the processors.
///
/// Lock: the scheduler's admission lock.
package struct DeadlineAdmission {
  private static let one: UInt64 = 1 << 20
  package private(set) var admitted: UInt64 = 0
  package var processors: Int

  package init(processors: Int) { self.processors = processors }

  package static func isValid(_ wanted: DeadlineParameters) -> Bool {
    let least: UInt64 = 1024
    return wanted.runtime >= least && wanted.runtime <= wanted.deadline
      && wanted.deadline <= wanted.period && wanted.period < 1 << 40
  }

  /// Admits `wanted` in place of `old`; false when that would be too much.
  package mutating func admit(_ wanted: DeadlineParameters?, insteadOf old: DeadlineParameters?)
    -> Bool
  {
    let without = admitted - (old.map { Self.share($0) } ?? 0)
    let with = without + (wanted.map { Self.share($0) } ?? 0)
    let limit = UInt64(processors) * Self.one * 95 / 100
    if wanted != nil, with > limit { return false }
    admitted = with
    return true
  }

  package var permille: UInt64 { admitted * 1000 / Self.one }

  private static func share(_ p: DeadlineParameters) -> UInt64 {
    p.period == 0 ? 0 : p.runtime * one / p.period
  }
}
