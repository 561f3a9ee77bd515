/// What a run queue orders: a thread, or on one processor a whole group of them.
///
/// Entities are linked into trees and lists by pointers of their own, so that queueing never allocates:
/// it happens in interrupts and under the innermost of the kernel's locks.

package typealias EntityPointer = UnsafeMutablePointer<Entity>

/// The policies with the numbers that Linux gives them.
package enum SchedulingPolicy: UInt32 {
  /// Fair shares by nice value.
  case other = 0
  /// Real time: runs until it waits, yields, or a higher priority comes.
  case fifo = 1
  /// Real time: takes turns with its equals.
  case roundRobin = 2
  /// Fair, but never interrupts others when it wakes.
  case batch = 3
  /// Fair with next to no weight.
  case idle = 5
  /// Earliest deadline first, with a guaranteed budget in each period.
  case deadline = 6
  /// The kernel's own: before everything else. Programs cannot ask for it.
  case stop = 1000

  package var isFair: Bool { self == .other || self == .batch || self == .idle }
  package var isRealTime: Bool { self == .fifo || self == .roundRobin }

  /// The class's place in the order of classes: the lower number runs first.
  package var rank: Int {
    switch self {
    case .stop: 0
    case .deadline: 1
    case .fifo, .roundRobin: 2
    case .other, .batch, .idle: 3
    }
  }

  package var name: StaticString {
    switch self {
    case .other: "other"
    case .fifo: "fifo"
    case .roundRobin: "rr"
    case .batch: "batch"
    case .idle: "idle"
    case .deadline: "deadline"
    case .stop: "stop"
    }
  }
}

/// Lock: that of the run queue the entity belongs to.
package struct Entity {
  // Links of the tree (fair, deadline) and of lists (real time, stop, throttled).
  var parent: EntityPointer?
  var left: EntityPointer?
  var right: EntityPointer?
  var isRed = false
  var next: EntityPointer?
  var previous: EntityPointer?
  /// What the tree is ordered by; equals keep the order in which they came.
  package var key: UInt64 = 0

  /// The thread, for the kernel.
  package var owner: UnsafeMutableRawPointer?
  /// The queue of a group's threads, when the entity stands for a group.
  package var groupQueue: UnsafeMutablePointer<GroupQueue>?
  /// The queue of the group that the thread belongs to; nil for the root.
  package var memberOf: UnsafeMutablePointer<GroupQueue>?

  package var policy = SchedulingPolicy.other
  package var nice = 0
  package var weight = NiceWeights.ofZero
  /// Of real time, 1 to 99; the higher runs first.
  package var priority = 0

  /// On a run queue, or running.
  package var isQueued = false

  /// Time it has run, stretched by how light it is.
  package var virtualRuntime: UInt64 = 0
  /// When its present turn began, by `runTime`.
  package var turnStart: UInt64 = 0
  /// What a round robin thread has left of its turn.
  package var turnLeft: UInt64 = 0

  package var deadline = DeadlineParameters()
  /// What is left of the budget, and until when.
  package var budget: Int64 = 0
  package var absoluteDeadline: UInt64 = 0
  package var isThrottled = false
  package var missedDeadlines: UInt64 = 0

  // Statistics, in nanoseconds.
  package var accountedUntil: UInt64 = 0
  package var runTime: UInt64 = 0
  package var readySince: UInt64 = 0
  package var waitTime: UInt64 = 0
  package var longestWait: UInt64 = 0
  package var turns: UInt64 = 0

  package init() {}

  /// Makes `nice` and the weight that goes with it agree with the policy.
  package mutating func setNice(_ value: Int) {
    nice = min(max(value, -20), 19)
    weight = policy == .idle ? NiceWeights.ofIdlePolicy : NiceWeights.weight(nice: nice)
  }
}

/// A deadline thread is promised `runtime` in each `period`, before `deadline` of it has passed.
package struct DeadlineParameters: Equatable {
  package var runtime: UInt64 = 0
  package var deadline: UInt64 = 0
  package var period: UInt64 = 0

  package init() {}
  package init(runtime: UInt64, deadline: UInt64, period: UInt64) {
    self.runtime = runtime
    self.deadline = deadline
    self.period = period
  }
}

/// How much a fair thread gets: each nice level is about 1.25 times the next one.
///
/// So one level more or less moves a tenth of a processor between two threads. The table is the one
/// that Linux publishes (sched(7) and the kernel's documentation).
package enum NiceWeights {
  package static let ofZero: UInt64 = 1024
  package static let ofIdlePolicy: UInt64 = 3

  package static func weight(nice: Int) -> UInt64 {
    let row: (UInt64, UInt64, UInt64, UInt64, UInt64)
    switch (nice + 20) / 5 {
    case 0: row = (88761, 71755, 56483, 46273, 36291)
    case 1: row = (29154, 23254, 18705, 14949, 11916)
    case 2: row = (9548, 7620, 6100, 4904, 3906)
    case 3: row = (3121, 2501, 1991, 1586, 1277)
    case 4: row = (1024, 820, 655, 526, 423)
    case 5: row = (335, 272, 215, 172, 137)
    case 6: row = (110, 87, 70, 56, 45)
    default: row = (36, 29, 23, 18, 15)
    }
    switch (nice + 20) % 5 {
    case 0: return row.0
    case 1: return row.1
    case 2: return row.2
    case 3: return row.3
    default: return row.4
    }
  }
}
