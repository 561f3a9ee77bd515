/// The fair class: everybody's virtual runtime is to be the same.
///
/// A thread's virtual runtime grows while it runs, the faster the less it weighs; next runs whoever
/// has the least. A thread that has slept comes back a little before the others, so that it is served
/// soon, but not with a claim on all the time it has slept.

package struct FairQueue {
  /// Within this time everybody is to have had a turn, unless there are too many for `shortestTurn`.
  package static let latency: UInt64 = 18_000_000
  package static let shortestTurn: UInt64 = 2_250_000
  /// How far behind a waking thread must be to take the processor away at once.
  package static let wakeupLead: UInt64 = 3_000_000

  private var tree = EntityTree()
  /// The running entity; it is not in the tree.
  package private(set) var current: EntityPointer?
  package private(set) var count = 0
  package private(set) var totalWeight: UInt64 = 0
  /// Never decreases; nobody who is ready is far behind it.
  package private(set) var leastRuntime: UInt64 = 0

  package init() {}

  package var first: EntityPointer? { tree.first }
  /// The one that will wait longest: the best to give to another processor.
  package var last: EntityPointer? { tree.last }
  package func previous(before entity: EntityPointer) -> EntityPointer? {
    tree.previous(before: entity)
  }
  package func next(after entity: EntityPointer) -> EntityPointer? { tree.next(after: entity) }

  package mutating func add(_ entity: EntityPointer) {
    count += 1
    totalWeight += entity.pointee.weight
    insert(entity)
  }

  package mutating func remove(_ entity: EntityPointer) {
    count -= 1
    totalWeight -= entity.pointee.weight
    if current == entity { current = nil } else { tree.remove(entity) }
    advance()
  }

  /// Makes the first one the running one.
  package mutating func take() -> EntityPointer? {
    guard let entity = tree.first else { return nil }
    tree.remove(entity)
    current = entity
    entity.pointee.turnStart = entity.pointee.runTime
    return entity
  }

  /// The running one goes back among those that wait for their turn.
  package mutating func putBack(_ entity: EntityPointer) {
    guard current == entity else { return }
    current = nil
    insert(entity)
  }

  /// Gives a place to an entity that has slept, or is new.
  package func place(_ entity: EntityPointer, isNew: Bool) {
    let credit = isNew ? 0 : Self.latency / 2
    let least = leastRuntime > credit ? leastRuntime - credit : 0
    entity.pointee.virtualRuntime = max(entity.pointee.virtualRuntime, least)
  }

  /// The running entity has run for `time`.
  package mutating func account(_ entity: EntityPointer, _ time: UInt64) {
    entity.pointee.virtualRuntime += time * NiceWeights.ofZero / entity.pointee.weight
    advance()
  }

  /// The running entity lets all others go first.
  package func yield(_ entity: EntityPointer) {
    guard let last = tree.first else { return }
    entity.pointee.virtualRuntime = max(
      entity.pointee.virtualRuntime, last.pointee.virtualRuntime)
  }

  /// How long the entity may run before it is somebody else's turn.
  package func turn(of entity: EntityPointer) -> UInt64 {
    let stretched = UInt64(count) * Self.shortestTurn
    let share = max(Self.latency, stretched) * entity.pointee.weight / max(1, totalWeight)
    return max(share, Self.shortestTurn)
  }

  package func isTurnOver(_ entity: EntityPointer) -> Bool {
    guard !tree.isEmpty else { return false }
    return entity.pointee.runTime - entity.pointee.turnStart >= turn(of: entity)
  }

  /// Whether a waking entity should take the processor from the running one at once.
  package static func preempts(_ entity: EntityPointer, _ running: EntityPointer) -> Bool {
    if entity.pointee.policy != .other { return false }
    if running.pointee.policy == .idle { return true }
    let lead = wakeupLead * NiceWeights.ofZero / entity.pointee.weight
    return entity.pointee.virtualRuntime + lead < running.pointee.virtualRuntime
  }

  private mutating func insert(_ entity: EntityPointer) {
    entity.pointee.key = entity.pointee.virtualRuntime
    tree.insert(entity)
  }

  private mutating func advance() {
    var least: UInt64?
    if let current { least = current.pointee.virtualRuntime }
    if let first = tree.first {
      least = min(least ?? .max, first.pointee.virtualRuntime)
    }
    if let least { leastRuntime = max(leastRuntime, least) }
  }
}

/// The threads of one group on one processor, and the entity that competes for them all.
///
/// Lock: that of the processor's run queue.
package struct GroupQueue {
  package var fair = FairQueue()
  package let entity: EntityPointer
  /// Time that the group may still use here before it must ask for more; without a limit, unused.
  package var allowance: Int64 = 0
  package var isLimited = false
  package var isThrottled = false
  package var throttledSince: UInt64 = 0
  package var runTime: UInt64 = 0

  package init(entity: EntityPointer) { self.entity = entity }
}

/// A group's processor time per period, which its queues on all processors draw from.
///
/// Lock: the group's.
package struct BandwidthPool {
  package let quota: UInt64
  package let period: UInt64
  package private(set) var left: UInt64
  package private(set) var periodEnd: UInt64
  package private(set) var periods: UInt64 = 0

  /// What a processor draws at a time.
  package static let portion: UInt64 = 5_000_000

  package init(quota: UInt64, period: UInt64, now: UInt64) {
    self.quota = quota
    self.period = period
    left = quota
    periodEnd = now + period
  }

  /// What a processor gets that wants more.
  package mutating func draw() -> UInt64 {
    let portion = min(left, min(Self.portion, max(1, quota / 4)))
    left -= portion
    return portion
  }

  /// Fills the pool when a period has ended; true when it did.
  package mutating func refill(now: UInt64) -> Bool {
    guard now >= periodEnd else { return false }
    let passed = (now - periodEnd) / period + 1
    periods += passed
    periodEnd += passed * period
    left = quota
    return true
  }
}
