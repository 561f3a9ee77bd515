/// Dijkstra's counting semaphore: `wait` (P, "down") takes one of a number of permits or sleeps until
/// there is one, `post` (V, "up") gives one back and may be called by anyone, interrupts included.
import KernelArch
import Synchronization

final class Semaphore {
  private let count: Atomic<Int>
  private let waiters = WaitQueue()

  init(_ count: Int) { self.count = Atomic(count) }

  var value: Int { count.load(ordering: .relaxed) }

  func wait() { _ = waiters.wait(interruptible: false, exclusive: true) { tryWait() } }

  func waitInterruptible(until deadline: UInt64? = nil) -> WaitResult {
    waiters.wait(until: deadline, exclusive: true) { tryWait() }
  }

  func tryWait() -> Bool {
    var seen = count.load(ordering: .relaxed)
    while seen > 0 {
      let result = count.compareExchange(
        expected: seen, desired: seen - 1, ordering: .acquiringAndReleasing)
      if result.exchanged { return true }
      seen = result.original
    }
    return false
  }

  func post() {
    count.add(1, ordering: .sequentiallyConsistent)
    waiters.wakeOne()
  }
}
