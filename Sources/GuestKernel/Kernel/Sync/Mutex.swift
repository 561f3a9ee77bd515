/// Mutual exclusion for code that may sleep: who finds the mutex taken waits in a queue.
///
/// Only the owner unlocks it. Unlike a spinlock it may be held across anything that sleeps, and must
/// not be touched by interrupt handlers. An owner who keeps a more important thread waiting runs with that
/// thread's importance until it unlocks: priority inheritance, against the inversion that
/// nearly cost Mars Pathfinder its mission (Sha, Rajkumar, Lehoczky, 1990).
import KernelArch
import Synchronization

final class Mutex {
  let name: StaticString
  /// Whether owners inherit; only a demonstration says no.
  let inherits: Bool
  /// The owner as a pointer, 0 when free; the lowest bit says that somebody waits.
  private let owner = Atomic<UInt>(0)
  private let waiters = WaitQueue()
  /// Lock for these: `Inheritance.lock`.
  fileprivate var lends = 0
  fileprivate var hasImportantWaiter = false
  /// See `LockValidator`.
  private var validatorClass: UInt32 = 0
  private var takenAt: UInt64 = 0

  init(_ name: StaticString, inherits: Bool = true) {
    self.name = name
    self.inherits = inherits
  }

  var hasWaiters: Bool { !waiters.isEmpty }
  var isLocked: Bool { owner.load(ordering: .relaxed) != 0 }
  var isMine: Bool { owner.load(ordering: .relaxed) & ~1 == Self.me }

  func lock() { _ = acquire(.uninterruptible, false) }

  /// False when a signal came first: the mutex is then not held.
  func lockInterruptible() -> Bool { acquire(.interruptible, false) }

  /// False when the thread is to die.
  func lockKillable() -> Bool { acquire(.killable, false) }

  /// False when waiting would never end, because its owner waits, perhaps by way of others, for the caller.
  func lockUnlessDeadlock() -> Bool { acquire(.uninterruptible, true) }

  func tryLock() -> Bool {
    guard take() else { return false }
    noteTaken()
    return true
  }

  func unlock() {
    let me = Self.me
    guard isMine else { panic("mutex \(name) unlocked by a thread that does not hold it") }
    noteReleased()
    let isUncontended = owner.compareExchange(
      expected: me, desired: 0, ordering: .acquiringAndReleasing
    ).exchanged
    if isUncontended { return }
    // The waiters are woken before the borrowed importance is given back: else the owner might lose the
    // processor in between to somebody less important than they are.
    Inheritance.lock.withLockIRQ {
      let wakesAll = hasImportantWaiter
      hasImportantWaiter = false
      owner.store(0, ordering: .sequentiallyConsistent)
      // All of them, so that the most important one takes it and not the first.
      if wakesAll { waiters.wakeAll() } else { waiters.wakeOne() }
      if lends > 0 { Inheritance.giveBack(self, Thread.current) }
    }
  }

  func withLock<Result>(_ body: () -> Result) -> Result {
    lock()
    defer { unlock() }
    return body()
  }

  private enum Announcement {
    case waits
    case isFree
    case isCircle
  }

  private static var me: UInt { UInt(bitPattern: percpu_thread()) }

  private func take() -> Bool {
    owner.compareExchange(expected: 0, desired: Self.me, ordering: .acquiringAndReleasing).exchanged
  }

  private func acquire(_ state: Thread.State, _ checks: Bool) -> Bool {
    if LockValidator.isOn { LockValidator.willAcquire(&validatorClass, name, kind: .mutex) }
    if take() {
      noteTaken()
      return true
    }
    guard !isMine else { panic("mutex \(name) locked twice by the same thread") }
    let thread = Thread.current
    var isDeadlock = false
    let result = waiters.wait(as: state, exclusive: true) {
      // Whoever fails to take it must have been announced to its owner, or nobody would wake it.
      while !take() {
        switch announce(thread, checks) {
        case .waits: return false
        case .isFree: continue
        case .isCircle:
          isDeadlock = true
          return true
        }
      }
      return true
    }
    Inheritance.lock.withLockIRQ { thread.blockedOn = nil }
    guard result == .done, !isDeadlock else { return false }
    if LockStatistics.isOn { LockStatistics.noteContention(&validatorClass, name) }
    // Others may still wait.
    if !waiters.isEmpty { _ = announceWaiters() }
    noteTaken()
    return true
  }

  /// Tells the owner that somebody waits, and lends it the waiter's importance; unless the mutex has become
  /// free meanwhile, or the caller looks for deadlocks and this is one.
  private func announce(_ thread: Thread, _ looksForCircle: Bool) -> Announcement {
    Inheritance.lock.withLockIRQ {
      guard announceWaiters() else { return .isFree }
      if looksForCircle, Inheritance.isCircle(from: self, to: thread) { return .isCircle }
      thread.blockedOn = self
      if inherits { Inheritance.lend(from: thread, through: self) }
      return .waits
    }
  }

  /// Marks the word, so that unlocking takes the slow way; false when there is no owner.
  private func announceWaiters() -> Bool {
    var seen = owner.load(ordering: .acquiring)
    while seen != 0 {
      if seen & 1 != 0 { return true }
      let result = owner.compareExchange(
        expected: seen, desired: seen | 1, ordering: .acquiringAndReleasing)
      if result.exchanged { return true }
      seen = result.original
    }
    return false
  }

  /// The owner, who cannot leave while `Inheritance.lock` is held and somebody is announced.
  fileprivate var announcedOwner: Thread? {
    let word = owner.load(ordering: .acquiring)
    guard word & 1 != 0, let pointer = UnsafeRawPointer(bitPattern: word & ~1) else { return nil }
    return Unmanaged<Thread>.fromOpaque(pointer).takeUnretainedValue()
  }

  private func noteTaken() {
    Thread.current.hold(
      Unmanaged.passUnretained(self).toOpaque(), &validatorClass, isMutex: true)
    if LockStatistics.isOn {
      takenAt = rdtsc()
      LockStatistics.noteAcquisition(&validatorClass, name)
    }
  }

  private func noteReleased() {
    Thread.current.letGo(Unmanaged.passUnretained(self).toOpaque())
    if LockStatistics.isOn, takenAt != 0 {
      LockStatistics.noteHeld(validatorClass, for: rdtsc() &- takenAt)
      takenAt = 0
    }
  }
}

/// Who lends importance to whom, and who waits for whom.
enum Inheritance {
  /// Outside of run queues' locks.
  static let lock = SpinLock("inheritance")
  private static let longestChain = 16

  /// The mutex that a thread waits for, by name, and whose it is.
  static func obstacle(of thread: Thread) -> (mutex: StaticString, owner: Thread?)? {
    lock.withLockIRQ { thread.blockedOn.map { ($0.name, $0.announcedOwner) } }
  }

  /// Gives `thread`'s real-time priority to the owner, to whom that one waits for, and so on.
  fileprivate static func lend(from thread: Thread, through mutex: Mutex) {
    let priority = thread.effectivePriority
    guard priority > 0 else { return }
    var next: Mutex? = mutex
    for _ in 0..<longestChain {
      guard let mutex = next, let owner = mutex.announcedOwner, owner.effectivePriority < priority
      else {
        next?.hasImportantWaiter = true
        return
      }
      mutex.hasImportantWaiter = true
      mutex.lends = priority
      owner.borrow(priority)
      next = owner.blockedOn
    }
  }

  /// The owner unlocks: what it still has of other mutexes' waiters, it keeps.
  fileprivate static func giveBack(_ mutex: Mutex, _ owner: Thread) {
    mutex.lends = 0
    var rest = 0
    owner.forEachHeldMutex { if $0 !== mutex { rest = max(rest, $0.lends) } }
    owner.borrow(rest)
  }

  /// Whether the chain of owners that wait leads back to `thread`.
  fileprivate static func isCircle(from mutex: Mutex, to thread: Thread) -> Bool {
    var next: Mutex? = mutex
    for _ in 0..<longestChain {
      guard let owner = next?.announcedOwner else { return false }
      if owner === thread { return true }
      next = owner.blockedOn
    }
    return false
  }
}

extension Thread {
  /// The real-time priority it runs with, borrowed or its own; 0 for fair threads.
  var effectivePriority: Int {
    policy.isRealTime ? entity.pointee.priority : policy == .deadline ? 99 : 0
  }

  /// Runs with at least `priority` until `borrow(0)` (lock: `Inheritance.lock`).
  func borrow(_ priority: Int) {
    if lentPriority == 0 {
      guard priority > 0 else { return }
      ownPolicy = policy
      ownPriority = entity.pointee.priority
    }
    lentPriority = priority
    guard ownPolicy != .deadline, ownPolicy != .stop else { return }
    if priority > ownPriority {
      setEffective(.fifo, priority)
    } else {
      setEffective(ownPolicy, ownPriority)
    }
  }

  /// The mutexes it holds.
  fileprivate func forEachHeldMutex(_ body: (Mutex) -> Void) {
    for index in 0..<heldCount {
      guard heldLocks[index].isMutex, let held = heldLocks[index].lock else { continue }
      body(Unmanaged<Mutex>.fromOpaque(held).takeUnretainedValue())
    }
  }
}

/// The sleeping locks that a thread holds, in the order they were taken; written by the thread itself.
struct HeldLock {
  var lock: UnsafeMutableRawPointer?
  var validatorClass: UnsafeMutablePointer<UInt32>?
  var isMutex = false
}

extension Thread {
  static let mostHeldLocks = 16

  func hold(
    _ lock: UnsafeMutableRawPointer, _ validatorClass: UnsafeMutablePointer<UInt32>,
    isMutex: Bool = false
  ) {
    guard heldCount < Thread.mostHeldLocks else { return }
    heldLocks[heldCount] = HeldLock(
      lock: lock, validatorClass: validatorClass, isMutex: isMutex)
    heldCount += 1
  }

  func letGo(_ lock: UnsafeMutableRawPointer) {
    var index = heldCount - 1
    while index >= 0, heldLocks[index].lock != lock { index -= 1 }
    guard index >= 0 else { return }
    heldCount -= 1
    while index < heldCount {
      heldLocks[index] = heldLocks[index + 1]
      index += 1
    }
  }
}
