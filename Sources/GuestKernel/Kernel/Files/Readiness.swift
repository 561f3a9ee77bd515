/// Waiting until something can be read or written: one thread in a `read`, or many in `poll`.
///
/// Whoever makes a file ready calls `notify`; it wakes those who wait in the file itself, those who
/// look at several files at once, and signals those who asked for SIGIO.
import KernelArch

/// Who is told when any of several files may have become ready.
class Poller {
  /// Its owner's: where it is told of news.
  fileprivate var links: PollLink?

  init() {}

  /// There is news; called with the source's lock held, and from interrupts too.
  func tell() {}

  /// Must be called before the poller goes away.
  final func finish() {
    while let link = links {
      links = link.nextOfPoller
      link.source.forget(link)
    }
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

/// One poller at one source of news: a link in a list of either.
private final class PollLink {
  unowned(unsafe) let poller: Poller
  let source: Readiness
  let nextOfPoller: PollLink?
  /// Lock: the source's.
  var next: PollLink?

  init(_ poller: Poller, _ source: Readiness) {
    self.poller = poller
    self.source = source
    nextOfPoller = poller.links
  }
}

final class Readiness {
  private let queue = WaitQueue()
  private let lock: SpinLock
  /// Lock for these: `lock`, also from interrupts.
  private var pollers: PollLink?
  private var listeners: GuardedList<OpenFile>?

  /// Pollers are told with the lock held: one that is a source itself has a lock of another name.
  init(_ name: StaticString = "readiness") { lock = SpinLock(name) }

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
    lock.withLockIRQ {
      var at = pollers
      while let link = at {
        link.poller.tell()
        at = link.next
      }
    }
    var index = 0
    while let file = listener(index) {
      if file.owner != 0 { AsynchronousNotice.send(for: file) }
      index += 1
    }
  }

  private func listener(_ index: Int) -> OpenFile? {
    lock.withLockIRQ {
      guard let listeners, index < listeners.count else { return nil }
      return listeners[index]
    }
  }

  func add(_ poller: Poller?) {
    guard let poller else { return }
    var known = poller.links
    while let link = known {
      if link.source === self { return }
      known = link.nextOfPoller
    }
    let link = PollLink(poller, self)
    poller.links = link
    lock.withLockIRQ {
      link.next = pollers
      pollers = link
    }
  }

  fileprivate func forget(_ link: PollLink) {
    lock.withLockIRQ {
      if pollers === link { pollers = link.next }
      var at = pollers
      while let here = at, here.next !== link { at = here.next }
      at?.next = link.next
    }
  }

  /// Follows a file's O_ASYNC flag.
  func setListening(_ file: OpenFile, _ isOn: Bool) {
    let fresh = GuardedList<OpenFile>(capacity: 1)
    let list = lock.withLockIRQ {
      if listeners == nil { listeners = fresh }
      return listeners ?? fresh
    }
    list.makeRoom(lock)
    lock.withLockIRQ {
      list.removeAll { $0 === file }
      if isOn { list.append(file) } else { list.withdraw() }
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
