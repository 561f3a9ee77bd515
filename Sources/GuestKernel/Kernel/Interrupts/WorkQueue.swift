/// Work queues: jobs left to a kernel thread, and therefore free to sleep.
import KernelArch

/// One job; it waits in at most one queue, and at most once.
final class Work {
  fileprivate let body: () -> Void
  /// Lock for these: the queue's.
  fileprivate var isPending = false
  fileprivate var next: Work?
  fileprivate var queue: WorkQueue?
  fileprivate var timer: Timer?

  init(_ body: @escaping () -> Void) { self.body = body }
}

final class WorkQueue {
  let name: StaticString
  private let lock = SpinLock("work queue")
  private let workers = WaitQueue()
  private let flushers = WaitQueue()
  /// Lock for these: `lock`, with interrupts off.
  private var first: Work?
  private var last: Work?
  private var queued: UInt64 = 0
  private var finished: UInt64 = 0
  private var running: Work?
  private var isEnding = false

  /// For jobs that need no queue of their own.
  nonisolated(unsafe) private(set) static var system = WorkQueue("events", isStarted: false)

  /// Starts the queue's thread; its jobs run one after the other.
  convenience init(_ name: StaticString) { self.init(name, isStarted: true) }

  private init(_ name: StaticString, isStarted: Bool) {
    self.name = name
    if isStarted { startThread() }
  }

  /// Called when there can be threads.
  static func start() { system.startThread() }

  private func startThread() { Thread.spawn(name) { [self] in serve() } }

  /// Leaves the job to the thread; false when it was waiting already.
  ///
  /// May be called from anywhere, interrupts too.
  @discardableResult
  func queue(_ work: Work) -> Bool {
    let isNew = lock.withLockIRQ {
      guard !work.isPending else { return false }
      work.isPending = true
      work.queue = self
      if let last { last.next = work } else { first = work }
      last = work
      queued &+= 1
      return true
    }
    if isNew { workers.wakeOne() }
    return isNew
  }

  /// The same after some time.
  func queue(_ work: Work, after nanoseconds: UInt64) {
    if work.timer == nil { work.timer = Timer { [unowned(unsafe) work] _ in self.queue(work) } }
    work.timer?.start(after: nanoseconds)
  }

  /// Takes a job back; false when it had not been waiting, and then it may be running now.
  @discardableResult
  func cancel(_ work: Work) -> Bool {
    if work.timer?.cancelAndWait() == true { return true }
    return lock.withLockIRQ {
      guard work.isPending else { return false }
      takeOut(work)
      work.isPending = false
      finished &+= 1
      return true
    }
  }

  /// The same, and the job does not run any more when this returns.
  func cancelAndWait(_ work: Work) {
    cancel(work)
    _ = flushers.wait(interruptible: false) { lock.withLockIRQ { running !== work } }
  }

  /// Returns when everything that was queued before has been done.
  func flush() {
    Context.assertMaySleep("flush of a work queue")
    let last = lock.withLockIRQ { queued }
    _ = flushers.wait(interruptible: false) { lock.withLockIRQ { finished >= last } }
  }

  private func serve() {
    while true {
      _ = workers.wait(interruptible: false) { lock.withLockIRQ { first != nil || isEnding } }
      if lock.withLockIRQ({ first == nil && isEnding }) { return }
      runFirst()
    }
  }

  /// Does what is still queued, then ends the thread; nothing may be queued any more.
  func end() {
    flush()
    lock.withLockIRQ { isEnding = true }
    workers.wakeAll()
  }

  /// `lock` is held.
  private func takeOut(_ work: Work) {
    var previous: Work?
    var at = first
    while let here = at, here !== work {
      previous = here
      at = here.next
    }
    guard at != nil else { return }
    if let previous { previous.next = work.next } else { first = work.next }
    if last === work { last = previous }
    work.next = nil
  }

  private func runFirst() {
    let work: Work? = lock.withLockIRQ {
      guard let work = first else { return nil }
      takeOut(work)
      // From here on it can be queued again, and then runs again.
      work.isPending = false
      running = work
      return work
    }
    guard let work else { return }
    work.body()
    if Context.isAtomic { Context.assertMaySleep("a job of a work queue has ended") }
    lock.withLockIRQ {
      running = nil
      finished &+= 1
    }
    flushers.wakeAll()
  }
}
