/// Sending signals: from processes, from the terminal, from timers, from exceptions.
///
/// A signal is noted for a process or for one of its threads, and a thread that could take it is shaken
/// out of its sleep. What the signal does is done by that thread itself, later, on its way back to
/// ring 3: see `SignalDelivery`. Lock for all of it: `Processes.lock`.
import KernelArch

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

  /// To one thread; false when the signal queues and there is no room.
  static func send(_ signal: Signal, to thread: Thread, _ record: SignalRecord) -> Bool {
    Processes.lock.withLockIRQ {
      guard let process = thread.process, let user = thread.user else { return true }
      guard prepare(signal, process, isHeldBack: user.holdsBack(signal)) else { return true }
      let limit = process.limits[.pendingSignals].soft
      guard user.pending.add(signal, record, limit: limit) else { return false }
      process.signalReadiness?.notify()
      if user.couldTake(signal) { thread.interrupt(fatal: false) }
      return true
    }
  }

  /// `sigqueue`: to a process, with a record, or with the reason why not; no signal only asks.
  static func queue(_ signal: Signal?, to pid: Int, _ record: SignalRecord) -> SystemError? {
    Processes.lock.withLockIRQ {
      guard let process = Processes.locked(pid) else { return .noSuchProcess }
      guard maySend(signal, to: process) else { return .notPermitted }
      guard let signal, process.status == nil else { return nil }
      return sendLocked(signal, to: process, record) ? nil : .tryAgain
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

  static func fromCaller(code: Int32 = SignalRecord.byUser, value: UInt64 = 0) -> SignalRecord {
    var record = SignalRecord()
    record.code = code
    record.pid = Int32(truncatingIfNeeded: Process.current.pid)
    record.user = Permission.callersCredentials.realUser
    record.value = value
    return record
  }

  /// What SIGCHLD tells about a child.
  static func record(of child: Process, _ status: ExitStatus) -> SignalRecord {
    var record = SignalRecord()
    record.signal = Signal.child.number
    record.pid = Int32(truncatingIfNeeded: child.pid)
    record.user = child.files?.credentials.realUser ?? 0
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
      _ = user.pending.add(signal, record, limit: .max)
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
  /// False when the process has ended, or when the signal queues and there is no room.
  @discardableResult
  static func sendLocked(_ signal: Signal, to process: Process, _ record: SignalRecord) -> Bool {
    guard process.status == nil else { return false }
    guard prepare(signal, process, isHeldBack: isHeldBack(signal, process)) else { return true }
    let limit = process.limits[.pendingSignals].soft
    guard process.pending.add(signal, record, limit: limit) else { return false }
    wakeTaker(of: signal, process)
    return true
  }

  /// A timer's: its record is there already; `id` is the thread's that is meant, or 0.
  static func sendLocked(
    _ signal: Signal, to process: Process, _ id: Int, _ entry: PendingSignals.Link
  ) {
    guard process.status == nil else { return }
    if id == 0 {
      guard prepare(signal, process, isHeldBack: isHeldBack(signal, process)) else { return }
      process.pending.append(entry, signal)
      wakeTaker(of: signal, process)
      return
    }
    for thread in process.threads where thread.id == id {
      guard let user = thread.user,
        prepare(signal, process, isHeldBack: user.holdsBack(signal))
      else { return }
      user.pending.append(entry, signal)
      process.signalReadiness?.notify()
      if user.couldTake(signal) { thread.interrupt(fatal: false) }
    }
  }

  private static func isHeldBack(_ signal: Signal, _ process: Process) -> Bool {
    if signal.isUnstoppable { return false }
    for thread in process.threads where thread.user?.holdsBack(signal) == false { return false }
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

  /// Shakes a thread that waits for the signal or does not hold it back.
  private static func wakeTaker(of signal: Signal, _ process: Process) {
    process.signalReadiness?.notify()
    for thread in process.threads {
      guard let user = thread.user, user.couldTake(signal) || signal.isUnstoppable else {
        continue
      }
      thread.interrupt(fatal: false)
      return
    }
  }

  /// Takes the first of these signals that is pending, of those meant for the thread before others.
  static func take(
    _ wanted: SignalSet, _ process: Process, _ user: UserThread
  ) -> (signal: Signal, record: SignalRecord)? {
    let ready = user.pending.set.union(process.pending.set).intersection(wanted)
    guard let signal = ready.first else { return nil }
    var record =
      (user.pending.set.contains(signal)
        ? user.pending.take(signal) : process.pending.take(signal)) ?? SignalRecord()
    record.signal = signal.number
    return (signal, record)
  }

  /// What a thread could take now.
  static func deliverable(_ user: UserThread, _ process: Process) -> SignalSet {
    let held = user.mask.subtracting(.unstoppable)
    return user.pending.set.union(process.pending.set).subtracting(held)
  }
}
