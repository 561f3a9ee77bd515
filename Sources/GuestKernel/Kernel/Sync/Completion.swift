/// "It is done": one side waits for an event that the other side announces, once or for good.
import KernelArch
import Synchronization

final class Completion {
  private let semaphore = Semaphore(0)
  private let isForGood = Atomic<Bool>(false)
  private let waiters = WaitQueue()

  init() {}

  var isDone: Bool { isForGood.load(ordering: .acquiring) || semaphore.value > 0 }

  func wait() { _ = wait(interruptible: false) }

  func wait(interruptible: Bool, until deadline: UInt64? = nil) -> WaitResult {
    waiters.wait(interruptible: interruptible, until: deadline, exclusive: true) {
      isForGood.load(ordering: .acquiring) || semaphore.tryWait()
    }
  }

  /// Lets one waiter go on, now or when it comes.
  func complete() {
    semaphore.post()
    waiters.wakeOne()
  }

  /// Lets all go on, and all that come.
  func completeAll() {
    isForGood.store(true, ordering: .sequentiallyConsistent)
    waiters.wakeAll()
  }
}
