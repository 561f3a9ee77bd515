/// Mutual exclusion for code that may sleep: who finds the mutex taken waits in a queue.
///
/// Only the owner unlocks it. Unlike a spinlock it may be held across anything that sleeps, and must
/// not be touched by interrupt handlers.
import KernelArch
import Synchronization

final class Mutex {
  /// The owner's number plus one; 0 when free.
  private let owner = Atomic<Int>(0)
  private let waiters = WaitQueue()
  let name: StaticString

  init(_ name: StaticString) { self.name = name }

  var isLocked: Bool { owner.load(ordering: .relaxed) != 0 }
  var isMine: Bool { owner.load(ordering: .relaxed) == Thread.current.id + 1 }

  func lock() { _ = acquire(.uninterruptible) }

  /// False when a signal came first: the mutex is then not held.
  func lockInterruptible() -> Bool { acquire(.interruptible) }

  /// False when the thread is to die.
  func lockKillable() -> Bool { acquire(.killable) }

  func tryLock() -> Bool {
    owner.compareExchange(expected: 0, desired: Thread.current.id + 1, ordering: .acquiring)
      .exchanged
  }

  func unlock() {
    guard isMine else { panic("mutex \(name) unlocked by a thread that does not hold it") }
    owner.store(0, ordering: .sequentiallyConsistent)
    waiters.wakeOne()
  }

  func withLock<Result>(_ body: () -> Result) -> Result {
    lock()
    defer { unlock() }
    return body()
  }

  private func acquire(_ state: Thread.State) -> Bool {
    if tryLock() { return true }
    guard !isMine else { panic("mutex \(name) locked twice by the same thread") }
    return waiters.wait(as: state, exclusive: true) { tryLock() } == .done
  }
}
