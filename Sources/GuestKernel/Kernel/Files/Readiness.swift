/// Waiting until something can be read or written: one thread in a `read`, or many in `poll`.
///
/// Whoever makes a file ready calls `notify`; it wakes those who wait in the file itself, those who
/// look at several files at once, and signals those who asked for SIGIO.
import KernelArch

/// A thread that waits for any of several files.
final class Poller {
  fileprivate let queue = WaitQueue()
  fileprivate let lock = SpinLock("poller")
  /// Lock: `lock`, also from interrupts.
  private var hasNews = false
  private var sources: [Readiness] = []

  fileprivate func tell() {
    lock.withLockIRQ { hasNews = true }
    queue.wakeAll()
  }

  fileprivate func note(_ source: Readiness) { sources.append(source) }

  /// Waits for news since the last time.
  func wait(until deadline: UInt64?) -> WaitResult {
    queue.wait(interruptible: true, until: deadline) {
      lock.withLockIRQ {
        let news = hasNews
        hasNews = false
        return news
      }
    }
  }

  /// Must be called before the poller goes away.
  func finish() {
    for source in sources { source.forget(self) }
    sources = []
  }
}

final class Readiness {
  private let queue = WaitQueue()
  private let lock = SpinLock("readiness")
  /// Lock for these: `lock`, also from interrupts.
  private var pollers: [Poller] = []
  private var listeners: [OpenFile] = []

  init() {}

  /// Waits until the condition is true; a signal becomes EINTR.
  func wait(exclusive: Bool = false, _ condition: () -> Bool) throws(SystemFailure) {
    if queue.wait(interruptible: true, exclusive: exclusive, condition) != .done {
      throw SystemFailure(.interrupted)
    }
  }

  func notify() {
    queue.wakeAll()
    tellOthers()
  }

  /// For what only one of the waiters can have.
  func notifyOne() {
    queue.wakeOne()
    tellOthers()
  }

  private func tellOthers() {
    let (waiting, listening) = lock.withLockIRQ { (pollers, listeners) }
    for poller in waiting { poller.tell() }
    for file in listening where file.owner != 0 { AsynchronousNotice.send(to: file.owner) }
  }

  func add(_ poller: Poller?) {
    guard let poller else { return }
    let isNew = lock.withLockIRQ {
      for other in pollers where other === poller { return false }
      pollers.append(poller)
      return true
    }
    if isNew { poller.note(self) }
  }

  fileprivate func forget(_ poller: Poller) {
    lock.withLockIRQ { pollers.removeAll { $0 === poller } }
  }

  /// Follows a file's O_ASYNC flag.
  func setListening(_ file: OpenFile, _ isOn: Bool) {
    lock.withLockIRQ {
      listeners.removeAll { $0 === file }
      if isOn { listeners.append(file) }
    }
  }
}

/// SIGIO for processes that asked to be told instead of waiting.
enum AsynchronousNotice {
  /// To a process, or to a group by its number made negative.
  static func send(to pid: Int) {
    if pid < 0 {
      Signals.send(.io, toGroup: -pid)
    } else if let process = Processes.find(pid) {
      Signals.send(.io, to: process)
    }
  }
}
