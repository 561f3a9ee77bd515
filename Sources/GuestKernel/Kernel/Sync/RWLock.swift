/// A lock that many readers may hold at once, or one writer alone; both may sleep.
///
/// A writer who waits keeps new readers out: otherwise a stream of them would keep it waiting for ever.
import KernelArch

final class RWLock {
  let name: StaticString
  private let lock = SpinLock("rwlock")
  /// Lock for these: `lock`.
  private(set) var readers = 0
  private var isWriting = false
  private var waitingWriters = 0
  private let readersMayEnter = WaitQueue()
  private let writerMayEnter = WaitQueue()
  private var validatorClass: UInt32 = 0

  init(_ name: StaticString) { self.name = name }

  func lockForReading() {
    if LockValidator.isOn { LockValidator.willAcquire(&validatorClass, name, kind: .mutex) }
    lock.lock()
    _ = readersMayEnter.wait(releasing: lock, interruptible: false) {
      !isWriting && waitingWriters == 0
    }
    readers += 1
    lock.unlock()
    Thread.current.hold(Unmanaged.passUnretained(lock).toOpaque(), &validatorClass)
  }

  func unlockForReading() {
    Thread.current.letGo(Unmanaged.passUnretained(lock).toOpaque())
    let isLast = lock.withLock {
      readers -= 1
      return readers == 0
    }
    if isLast { writerMayEnter.wakeOne() }
  }

  func lockForWriting() {
    if LockValidator.isOn { LockValidator.willAcquire(&validatorClass, name, kind: .mutex) }
    lock.lock()
    waitingWriters += 1
    _ = writerMayEnter.wait(releasing: lock, interruptible: false, exclusive: true) {
      !isWriting && readers == 0
    }
    waitingWriters -= 1
    isWriting = true
    lock.unlock()
    Thread.current.hold(Unmanaged.passUnretained(lock).toOpaque(), &validatorClass)
  }

  func unlockForWriting() {
    Thread.current.letGo(Unmanaged.passUnretained(lock).toOpaque())
    lock.withLock { isWriting = false }
    writerMayEnter.wakeOne()
    readersMayEnter.wakeAll()
  }

  func withReadLock<Result>(_ body: () -> Result) -> Result {
    lockForReading()
    defer { unlockForReading() }
    return body()
  }

  func withWriteLock<Result>(_ body: () -> Result) -> Result {
    lockForWriting()
    defer { unlockForWriting() }
    return body()
  }
}
