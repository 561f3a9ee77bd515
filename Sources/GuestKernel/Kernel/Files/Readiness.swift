/// Waiting until something can be read or written: one thread in a `read`, or many in `poll`.
///
/// Whoever makes a file ready calls `notify`; it wakes those who wait in the file itself, those who
/// look at several files at once, and signals those who asked for SIGIO.
import KernelArch

/// Who is told when any of several files may have become ready.
class Poller {
  private var sources: [Readiness] = []

  init() {}

  /// There is news; called from interrupts too.
  func tell() {}

  fileprivate final func note(_ source: Readiness) { sources.append(source) }

  /// Must be called before the poller goes away.
  final func finish() {
    for source in sources { source.forget(self) }
    sources = []
  }
}

/// A thread that waits for them.
final class WaitingPoller: Poller {
  private let queue = WaitQueue()
  private let lock = SpinLock("poller")
  /// Lock: `lock`, also from interrupts.
  private var hasNews = false

  override func tell() {
    lock.withLockIRQ { hasNews = true }
    queue.wakeAll()
  }

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

  /// The same with an end.
  func wait(until deadline: UInt64?, _ condition: () -> Bool) -> WaitResult {
    queue.wait(interruptible: true, until: deadline, condition)
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
    for file in listening where file.owner != 0 { AsynchronousNotice.send(for: file) }
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

/// SIGIO for processes that asked to be told instead of waiting, or the signal they have chosen.
enum AsynchronousNotice {
  /// To the owner: a process, or a group by its number made negative.
  static func send(for file: OpenFile) {
    let pid = file.owner
    let chosen = Signal(file.noticeSignal)
    var record = Signals.fromKernel()
    if chosen != nil {
      record.code = SignalRecord.byFile
      record.value = UInt64(UInt32(bitPattern: file.noticeDescriptor))
    }
    // Who cannot keep up with a queued signal gets at least SIGIO.
    if pid < 0 {
      Signals.send(chosen ?? .io, toGroup: -pid, record)
    } else if let process = Processes.find(pid) {
      if !Signals.send(chosen ?? .io, to: process, record) { Signals.send(.io, to: process) }
    }
  }
}
