/// For small things that are read much more often than written, like the time: readers do not lock, they
/// look whether a writer has been there meanwhile, and if so read again.
///
/// The number is odd while a writer is inside. Readers must only copy values out; what they
/// copied counts when the number has not changed.
import KernelArch

final class SeqLock {
  private var sequence: UInt32 = 0
  private let lock: SpinLock
  /// How often a reader had to begin again; not exact.
  private(set) var retries: UInt64 = 0

  init(_ name: StaticString) { lock = SpinLock(name) }

  func write(_ body: () -> Void) {
    lock.withLockIRQ {
      _ = atomic_add32(&sequence, 1)
      body()
      _ = atomic_add32(&sequence, 1)
    }
  }

  func read<Result>(_ body: () -> Result) -> Result {
    while true {
      let before = atomic_load32(&sequence)
      if before & 1 == 0 {
        let result = body()
        memory_fence()
        if atomic_load32(&sequence) == before { return result }
      }
      retries &+= 1
      cpu_pause()
    }
  }
}
