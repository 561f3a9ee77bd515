/// Sending signals: from processes, from the terminal, from timers, from exceptions.
///
/// A signal is noted for a process or for one of its threads, and a thread that could take it is shaken
/// out of its sleep. What the signal does is done by that thread itself, later, on its way back to
/// ring 3: see `SignalDelivery`. Lock for all of it: `Processes.lock`.
import KernelArch

/// Signals that have been sent and not yet taken.
///
/// One of a kind is remembered at a time, but real-time signals (32 and more) queue. What there is to say
/// about one lies in memory that may be refused: then a signal comes without it, and a real-time one not
/// at all.
struct PendingSignals: ~Copyable {
  private struct Note {
    var record: SignalRecord
    var next: UnsafeMutablePointer<Note>?
  }

  private(set) var set = SignalSet()
  /// In the order of sending.
  private var first: UnsafeMutablePointer<Note>?
  private var count = 0
  private static let longestQueue = 64

  deinit {
    var at = first
    while let note = at {
      at = note.pointee.next
      Kmalloc.release(note)
    }
  }

  /// False when the queue is full.
  mutating func add(_ signal: Signal, _ record: SignalRecord) -> Bool {
    if set.contains(signal), signal.number < 32 { return true }
    let size = MemoryLayout<Note>.size
    guard count < PendingSignals.longestQueue, let memory = Kmalloc.allocate(size, .atomic) else {
      guard signal.number < 32 else { return false }
      set.insert(SignalSet(signal))
      return true
    }
    let note = memory.bindMemory(to: Note.self, capacity: 1)
    note.initialize(to: Note(record: record, next: nil))
    note.pointee.record.signal = signal.number
    if var last = first {
      while let next = last.pointee.next { last = next }
      last.pointee.next = note
    } else {
      first = note
    }
    count += 1
    set.insert(SignalSet(signal))
    return true
  }

  mutating func take(_ signal: Signal) -> SignalRecord {
    var record = SignalRecord()
    record.signal = signal.number
    var isFound = false
    var isLast = true
    unlink { other in
      guard other.signal == signal.number else { return false }
      if isFound {
        isLast = false
        return false
      }
      isFound = true
      record = other
      return true
    }
    if isLast { set.remove(SignalSet(signal)) }
    return record
  }

  mutating func remove(_ signals: SignalSet) {
    set.subtract(signals)
    unlink { Signal($0.signal).map { signals.contains($0) } ?? true }
  }

  private mutating func unlink(_ isUnwanted: (SignalRecord) -> Bool) {
    var kept: UnsafeMutablePointer<Note>?
    var at = first
    while let note = at {
      at = note.pointee.next
      guard isUnwanted(note.pointee.record) else {
        kept = note
        continue
      }
      if let kept { kept.pointee.next = at } else { first = at }
      count -= 1
      Kmalloc.release(note)
    }
  }
}

enum Signals {
  /// To a process; false when it has ended.
  @discardableResult
  static func send(_ signal: Signal, to process: Process, _ record: SignalRecord? = nil) -> Bool {
    Processes.lock.withLockIRQ { sendLocked(signal, to: process, record ?? fromKernel()) }
  }

  /// To every process of a group; false when there is none.
  ///
  /// Callable from interrupts.
  @discardableResult
  static func send(_ signal: Signal, toGroup group: Int, _ record: SignalRecord? = nil) -> Bool {
    Processes.lock.withLockIRQ {
      Processes.forEach(inGroup: group) { sendLocked(signal, to: $0, record ?? fromKernel()) }
    }
  }

  /// To one thread.
  static func send(_ signal: Signal, to thread: Thread, _ record: SignalRecord? = nil) {
    Processes.lock.withLockIRQ {
      guard let process = thread.process, let user = thread.user else { return }
      guard prepare(signal, process, isHeldBack: user.mask.contains(signal)) else { return }
      _ = user.pending.add(signal, record ?? fromKernel())
      if !user.mask.contains(signal) { thread.interrupt(fatal: false) }
    }
  }

  /// To whom `kill` means; counts the processes that got it.
  static func send(
    _ signal: Signal?, toAll pid: Int32, _ record: SignalRecord
  ) -> Int? {
    Processes.lock.withLockIRQ {
      var count = 0
      var isRefused = false
      let deliver = { (process: Process) in
        guard process.status == nil else { return }
        guard maySend(signal, to: process) else {
          isRefused = true
          return
        }
        count += 1
        if let signal { sendLocked(signal, to: process, record) }
      }
      if pid > 0 {
        if let process = Processes.locked(Int(pid)) {
          deliver(process)
          if process.status != nil { count += 1 }  // a zombie can be signalled in vain
        }
      } else if pid == 0 {
        _ = Processes.forEach(inGroup: Process.current.group, deliver)
      } else if pid == -1 {
        let caller = Process.current
        Processes.forEachLocked { if $0 !== caller { deliver($0) } }
      } else {
        _ = Processes.forEach(inGroup: -Int(pid), deliver)
      }
      return count == 0 && isRefused ? nil : count
    }
  }

  /// A shell continues its jobs, whoever they have become.
  static func maySend(_ signal: Signal?, to process: Process) -> Bool {
    signal == Signal.continues && process.session == Process.current.session
      || Permission.mayControl(process)
  }

  static func fromKernel() -> SignalRecord {
    var record = SignalRecord()
    record.code = SignalRecord.byKernel
    return record
  }

  static func fromCaller() -> SignalRecord {
    var record = SignalRecord()
    record.code = SignalRecord.byUser
    record.pid = Int32(truncatingIfNeeded: Process.current.pid)
    return record
  }

  /// What SIGCHLD tells about a child.
  static func record(of child: Process, _ status: ExitStatus) -> SignalRecord {
    var record = SignalRecord()
    record.signal = Signal.child.number
    record.pid = Int32(truncatingIfNeeded: child.pid)
    switch status {
    case .exited(let code): (record.code, record.status) = (SignalRecord.exited, code)
    case .signaled(let signal, let dumped):
      record.code = dumped ? SignalRecord.dumped : SignalRecord.killed
      record.status = signal.number
    case .stopped(let signal):
      (record.code, record.status) = (SignalRecord.stopped, signal.number)
    case .continued:
      (record.code, record.status) = (SignalRecord.continued, Signal.continues.number)
    }
    return record
  }
}

// MARK: Exceptions

extension Signals {
  /// The running thread has caused an exception; false when its process ends of it.
  ///
  /// The instruction would only fail again: if nobody handles the signal, there is no going on.
  static func raise(_ vector: UInt64, _ address: UInt64, _ error: UInt64) -> Bool {
    let thread = Thread.current
    guard let process = thread.process, let user = thread.user else { return false }
    let (signal, code) = cause(vector, error)
    var record = SignalRecord()
    record.signal = signal.number
    record.code = code
    record.address = address
    record.value = vector
    return Processes.lock.withLockIRQ {
      let handler = process.actions[Int(signal.number)].handler
      guard handler > SignalAction.ignore, !user.mask.contains(signal) else {
        Processes.endLocked(process, .signaled(signal, dumped: true))
        return false
      }
      _ = user.pending.add(signal, record)
      thread.interrupt(fatal: false)
      return true
    }
  }

  /// The signal for an exception, and what its record says about the cause.
  private static func cause(_ vector: UInt64, _ error: UInt64) -> (Signal, Int32) {
    switch vector {
    case 0: (.floatingPoint, 1)
    case 1: (.trap, 2)
    case 3: (.trap, 1)
    case 6: (.illegalInstruction, 2)
    case 12, 17: (.bus, 1)
    case 14:
      (
        .segmentation,
        error & 1 == 0 ? SignalRecord.notMapped : SignalRecord.notAllowed
      )
    case 16, 19: (.floatingPoint, 7)
    default: (.segmentation, SignalRecord.byKernel)
    }
  }
}

// MARK: With the lock held

extension Signals {
  @discardableResult
  static func sendLocked(_ signal: Signal, to process: Process, _ record: SignalRecord) -> Bool {
    guard process.status == nil else { return false }
    var isHeldBack = true
    for thread in process.threads where thread.user?.mask.contains(signal) == false {
      isHeldBack = false
    }
    if signal.isUnstoppable { isHeldBack = false }
    guard prepare(signal, process, isHeldBack: isHeldBack) else { return true }
    guard process.pending.add(signal, record) else { return true }
    wakeTaker(of: signal, process)
    return true
  }

  /// What a signal does at once; false when nothing remains to be delivered.
  private static func prepare(_ signal: Signal, _ process: Process, isHeldBack: Bool) -> Bool {
    if signal == .continues || signal == .kill { resume(process) }
    if signal == .continues { discard(SignalSet.stopping, process) }
    if SignalSet.stopping.contains(signal) { discard(SignalSet(.continues), process) }
    let action = process.actions[Int(signal.number)].handler
    let isDefault = action == SignalAction.isDefault || signal.isUnstoppable
    if isHeldBack { return true }
    if action == SignalAction.ignore, !signal.isUnstoppable { return false }
    guard isDefault else { return true }
    switch signal.defaultAction {
    case .ignore, .resume: return false
    case .stop: return true
    case .terminate:
      Processes.endLocked(process, .signaled(signal, dumped: false))
      return false
    case .dump:
      Processes.endLocked(process, .signaled(signal, dumped: true))
      return false
    }
  }

  private static func discard(_ signals: SignalSet, _ process: Process) {
    process.pending.remove(signals)
    for thread in process.threads { thread.user?.pending.remove(signals) }
  }

  /// The end of a stop.
  private static func resume(_ process: Process) {
    guard process.stopSignal != nil else { return }
    process.stopSignal = nil
    process.resumed.wakeAll()
    tellParent(of: process, .continued)
  }

  /// Stopping and going on are news for the parent.
  static func tellParent(of process: Process, _ news: ExitStatus) {
    process.news = news
    Processes.childChanged(process.parent).wakeAll()
    guard let parent = Processes.locked(process.parent) else { return }
    let flags = parent.actions[Int(Signal.child.number)].flags
    if flags & SignalAction.noChildStop == 0 {
      sendLocked(.child, to: parent, record(of: process, news))
    }
  }

  /// Shakes a thread that does not hold the signal back.
  private static func wakeTaker(of signal: Signal, _ process: Process) {
    for thread in process.threads {
      guard let user = thread.user, !user.mask.contains(signal) || signal.isUnstoppable else {
        continue
      }
      thread.interrupt(fatal: false)
      return
    }
  }

  /// What a thread could take now.
  static func deliverable(_ user: UserThread, _ process: Process) -> SignalSet {
    let held = user.mask.subtracting(.unstoppable)
    return user.pending.set.union(process.pending.set).subtracting(held)
  }
}
