/// The threads of one processor: which runs, which are ready, and the lock for both.
///
/// The lock is held from the choice of the next thread until the switch to it is complete, so whoever
/// holds the run queue of a thread that does not run knows that its stack is at rest.
/// Lock order: two run queues by rising number; inside nothing but a group's pool.
import KernelArch

final class RunQueue {
  let cpu: Int
  let lock = SpinLock("run queue")

  /// Lock for all of these: `lock`.
  var queue = ReadyQueue()
  /// What runs when nothing else does.
  let idle: Thread
  /// The thread that was switched away from, until the switch is complete.
  var previous: Unmanaged<Thread>?
  var isIdle = true
  /// It idles and gets no ticks: see `Tick`.
  var isTickless = false
  /// That thread is not on this queue any more, since its affinity has changed.
  var isEvicting = false

  // Statistics.
  var switches: UInt64 = 0
  var wakeups: UInt64 = 0
  var migrations: UInt64 = 0
  var balances: UInt64 = 0
  var idleTime: UInt64 = 0
  var idleSince: UInt64 = 0
  var nextBalance: UInt64 = 0
  /// What `SliceTimer` is set for.
  var nextEvent: UInt64?

  init(cpu: Int, idle: Thread) {
    self.cpu = cpu
    self.idle = idle
  }

  // MARK: All of them

  nonisolated(unsafe) private static let table: UnsafeMutablePointer<RunQueue?> = {
    let table = UnsafeMutablePointer<RunQueue?>.allocate(capacity: CPU.capacity)
    table.initialize(repeating: nil, count: CPU.capacity)
    return table
  }()
  /// Processors that take part, a bit each; written while the machine boots.
  nonisolated(unsafe) private(set) static var online: UInt64 = 0

  static func add(_ queue: RunQueue) {
    table[queue.cpu] = queue
    online |= 1 << UInt64(queue.cpu)
  }

  static subscript(cpu: Int) -> RunQueue {
    guard let queue = table[cpu] else { panic("processor \(cpu) has no run queue") }
    return queue
  }

  /// This processor's; interrupts or preemption must be off.
  static var current: RunQueue { RunQueue[Int(percpu_index())] }

  static var all: [RunQueue] {
    var all: [RunQueue] = []
    for cpu in 0..<CPU.capacity {
      if let queue = table[cpu] { all.append(queue) }
    }
    return all
  }

  /// Locks the run queue that the thread belongs to; interrupts are off.
  static func lock(of thread: Thread) -> RunQueue {
    while true {
      let queue = RunQueue[thread.cpu]
      queue.lock.lock()
      if thread.cpu == queue.cpu { return queue }
      queue.lock.unlock()
    }
  }

  /// Runs `body` with the run queue of `thread` locked.
  static func with<Result>(_ thread: Thread, _ body: (RunQueue) -> Result) -> Result {
    Interrupts.off {
      let queue = lock(of: thread)
      defer { queue.lock.unlock() }
      return body(queue)
    }
  }

  /// Locks two run queues, the lower number first.
  static func lockBoth(_ a: RunQueue, _ b: RunQueue) {
    if a.cpu < b.cpu {
      a.lock.lock()
      b.lock.lock()
    } else {
      b.lock.lock()
      a.lock.lock()
    }
  }

  /// Makes the processor choose again soon.
  func kick() {
    CPU.sendReschedule(to: cpu)
  }

  /// The thread that runs here.
  var running: Thread { queue.current.map { Thread.of($0) } ?? idle }

  /// How much there is to run; a look from elsewhere, without the lock, may be out of date.
  var load: Int { queue.count }

  /// The rank of the class that runs here, and the real-time priority in it.
  var runningRank: (rank: Int, priority: Int) {
    guard let entity = queue.current else { return (9, 0) }
    return (entity.pointee.policy.rank, entity.pointee.priority)
  }
}
