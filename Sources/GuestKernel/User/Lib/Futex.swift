/// Locks that need the kernel only when somebody has to wait: a word in memory, and FUTEX_WAIT on it.
///
/// The word is 0 when free, 1 when held, 2 when held and somebody waits; only then does the release
/// make a system call. After Ulrich Drepper, "Futexes Are Tricky".
import UserSystem

package enum Futex {
  private static let wait: Int32 = 0
  private static let wake: Int32 = 1

  /// Sleeps while the word is `value`; comes back early for anything.
  package static func wait(
    _ word: UnsafeMutablePointer<UInt32>, while value: UInt32
  ) -> Outcome {
    Call.futex(UInt64(UInt(bitPattern: word)), wait, value, nil, 0, 0)
  }

  @discardableResult
  package static func wake(_ word: UnsafeMutablePointer<UInt32>, count: UInt32) -> Outcome {
    Call.futex(UInt64(UInt(bitPattern: word)), wake, count, nil, 0, 0)
  }

  static func lock(_ word: UnsafeMutablePointer<UInt32>) {
    var seen = atomic_compare_exchange(word, 0, 1)
    if seen == 0 { return }
    if seen != 2 { seen = atomic_exchange(word, 2) }
    while seen != 0 {
      _ = wait(word, while: 2)
      seen = atomic_exchange(word, 2)
    }
  }

  static func unlock(_ word: UnsafeMutablePointer<UInt32>) {
    if atomic_exchange(word, 0) == 2 { wake(word, count: 1) }
  }
}

package final class Mutex {
  fileprivate let word: UnsafeMutablePointer<UInt32>

  package init() {
    word = .allocate(capacity: 1)
    word.initialize(to: 0)
  }
  deinit { word.deallocate() }

  package func lock() { Futex.lock(word) }
  package func unlock() { Futex.unlock(word) }
  package func tryLock() -> Bool { atomic_compare_exchange(word, 0, 1) == 0 }

  package func withLock<Result>(_ body: () -> Result) -> Result {
    lock()
    defer { unlock() }
    return body()
  }
}

/// Waiting for something that a mutex guards to change.
package final class Condition {
  /// Counts the signals, so that one between the unlocking and the sleeping is not lost.
  private let word: UnsafeMutablePointer<UInt32>

  package init() {
    word = .allocate(capacity: 1)
    word.initialize(to: 0)
  }
  deinit { word.deallocate() }

  /// With the mutex held; test what you wait for again afterwards.
  package func wait(_ mutex: Mutex) {
    let seen = atomic_load(word)
    mutex.unlock()
    _ = Futex.wait(word, while: seen)
    mutex.lock()
  }

  package func signal() {
    _ = atomic_add(word, 1)
    Futex.wake(word, count: 1)
  }

  package func broadcast() {
    _ = atomic_add(word, 1)
    Futex.wake(word, count: UInt32(Int32.max))
  }
}
