/// Lists under spinlocks: what must happen before the lock is taken, and after it.
import KernelArch

extension GuardedList {
  /// Sets a place aside for one `append`; called without `lock`, since it may wait for memory.
  func makeRoom(_ lock: SpinLock) {
    while true {
      var room = 0
      let isPromised: Bool = lock.withLockIRQ {
        room = capacity * 2
        return promise()
      }
      if isPromised { return }
      let memory = UnsafeMutablePointer<Element>.allocate(capacity: room)
      lock.withLockIRQ { exchange(memory, capacity: room) }.deallocate()
    }
  }

  /// Appends under `lock`.
  func append(_ element: Element, under lock: SpinLock) {
    makeRoom(lock)
    lock.withLockIRQ { append(element) }
  }

  /// What is in the list at one moment.
  func snapshot(under lock: SpinLock) -> [Element] {
    var copy: [Element] = []
    while true {
      copy.reserveCapacity(lock.withLockIRQ { count } + 4)
      let isComplete: Bool = lock.withLockIRQ {
        guard count <= copy.capacity else { return false }
        for index in 0..<count { copy.append(self[index]) }
        return true
      }
      if isComplete { return copy }
    }
  }
}
