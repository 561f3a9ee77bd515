/// `timer_create`: timers that a program makes as many of as it needs, each with a signal and a value of its
/// own, to the nanosecond.
///
/// A periodic timer is set again only when its signal has been taken: who does not look is not flooded, but
/// told how many periods he has missed (the overrun). So the shortest period cannot stop the machine.
import KernelArch

final class PosixTimer {
  /// The most that a process may have.
  static let capacity = 32

  /// It deletes its timers before it ends.
  private let process: Unmanaged<Process>
  private let clock: Int32
  /// Nil for one that only shows what is left.
  private let signal: Signal?
  /// The thread that is told; 0 for any of the process's.
  private let thread: Int
  private let value: UInt64
  private var timer: Timer?
  private var entry: PendingSignals.Link?
  /// Lock for all of these: `Processes.lock`.
  private var interval: UInt64 = 0
  /// When it expires, or expired last; 0 while it is off.
  private var deadline: UInt64 = 0
  private(set) var overrun: Int32 = 0

  init?(_ process: Process, clock: Int32, _ signal: Signal?, thread: Int, value: UInt64) {
    self.process = Unmanaged.passUnretained(process)
    self.clock = clock
    self.signal = signal
    self.thread = thread
    self.value = value
    let me = Unmanaged.passUnretained(self)
    entry = PendingSignals.makeEntry(timer: me)
    if entry == nil { return nil }
    // `delete` waits for the callback, so there is a timer as long as it runs.
    timer = Timer { _ in me._withUnsafeGuaranteedRef { $0.expire() } }
  }

  deinit { if let entry { Kmalloc.release(UnsafeMutableRawPointer(entry)) } }

  /// In the timer's interrupt.
  private func expire() {
    let next = Processes.lock.withLockIRQ { () -> UInt64 in
      guard deadline != 0, let entry, let signal, !entry.pointee.isQueued else { return 0 }
      entry.pointee.record = SignalRecord()
      entry.pointee.record.code = SignalRecord.byTimer
      entry.pointee.record.value = value
      process._withUnsafeGuaranteedRef { Signals.sendLocked(signal, to: $0, thread, entry) }
      if entry.pointee.isQueued { return 0 }
      // Nobody will take what is ignored.
      guard interval != 0 else {
        deadline = 0
        return 0
      }
      deadline = max(deadline &+ interval, Clock.nanoseconds &+ Clock.nanosecondsPerTick)
      return deadline
    }
    if next != 0 { timer?.start(at: next) }
  }

  /// Its signal is being taken: the lock is held.
  func wasTaken() {
    guard let entry, deadline != 0 else { return }
    guard interval != 0 else {
      deadline = 0
      overrun = 0
      return
    }
    let missed = (Clock.nanoseconds &- deadline) / interval
    overrun = Int32(clamping: missed)
    entry.pointee.record.status = overrun
    deadline &+= (missed &+ 1) &* interval
    timer?.start(at: deadline)
  }

  /// What is left, and the interval.
  var state: (left: UInt64, interval: UInt64) {
    Processes.lock.withLockIRQ {
      let now = Clock.nanoseconds
      guard deadline != 0 else { return (0, interval) }
      if deadline > now { return (deadline - now, interval) }
      if interval != 0 { return (interval - (now - deadline) % interval, interval) }
      // Its interrupt is about to come.
      let isDue = signal != nil && entry?.pointee.isQueued == false
      return (isDue ? 1 : 0, 0)
    }
  }

  /// Sets it to expire at a time of its clock, or after one; `first` 0 stops it.
  func set(first: UInt64, interval: UInt64, isAbsolute: Bool) {
    stop()
    guard first != 0 else { return }
    let now = Clock.nanoseconds
    var start = now &+ first
    if isAbsolute {
      let clockNow = Clock.now(clock) ?? now
      start = first > clockNow ? now &+ (first - clockNow) : now
    }
    Processes.lock.withLockIRQ {
      self.interval = interval
      deadline = start
    }
    if signal != nil { timer?.start(at: start) }
  }

  /// Stops it and takes back what it has sent; its callback is over when this returns.
  func stop() {
    Processes.lock.withLockIRQ { turnOff() }
    timer?.cancelAndWait()
  }

  private func turnOff() {
    deadline = 0
    interval = 0
    guard let entry, entry.pointee.isQueued else { return }
    process._withUnsafeGuaranteedRef { process in
      if process.pending.remove(entry) { return }
      for thread in process.threads where thread.user?.pending.remove(entry) == true { return }
    }
  }
}

// MARK: A process's timers

extension Process {
  /// Makes a timer; throws EAGAIN when there are too many.
  func addTimer(
    clock: Int32, _ signal: Signal?, thread: Int, value: UInt64
  ) throws(SystemFailure) -> Int {
    let timer = PosixTimer(self, clock: clock, signal, thread: thread, value: value)
    guard let timer else { throw SystemFailure(.tryAgain) }
    // Made here, since under the lock nobody may wait for memory.
    let fresh = [PosixTimer?](repeating: nil, count: timers.isEmpty ? PosixTimer.capacity : 0)
    let place = Processes.lock.withLockIRQ { () -> Int? in
      if timers.isEmpty { timers = fresh }
      for index in timers.indices where timers[index] == nil {
        timers[index] = timer
        return index
      }
      return nil
    }
    guard let place else { throw SystemFailure(.tryAgain) }
    return place
  }

  func timer(_ number: Int32) throws(SystemFailure) -> PosixTimer {
    let timer = Processes.lock.withLockIRQ { () -> PosixTimer? in
      number >= 0 && Int(number) < timers.count ? timers[Int(number)] : nil
    }
    guard let timer else { throw SystemFailure(.invalidArgument) }
    return timer
  }

  func deleteTimer(_ number: Int32) throws(SystemFailure) {
    let timer = try timer(number)
    Processes.lock.withLockIRQ {
      if timers[Int(number)] === timer { timers[Int(number)] = nil }
    }
    timer.stop()
  }

  /// At `exec` and at the end.
  func deleteTimers() {
    let old = Processes.lock.withLockIRQ {
      let old = timers
      timers = []
      return old
    }
    for timer in old { timer?.stop() }
  }
}

// MARK: Calls

extension SystemCalls {
  static func createTimer(
    _ clock: Int32, _ event: UInt64, _ number: UInt64
  ) throws(SystemFailure) -> UInt64 {
    guard Clock.now(clock) != nil else { throw SystemFailure(.invalidArgument) }
    let process = Process.current
    let wanted = event == 0 ? nil : try UserMemory.get(SignalEvent(), at: event)
    let what = wanted ?? SignalEvent()
    var thread = 0
    switch what.manner {
    case SignalEvent.none, SignalEvent.bySignal: break
    case SignalEvent.toThread:
      thread = Int(what.thread)
      let isOurs = Processes.lock.withLockIRQ { process.threads.contains { $0.id == thread } }
      guard isOurs else { throw SystemFailure(.invalidArgument) }
    default: throw SystemFailure(.invalidArgument)
    }
    let signal = what.manner == SignalEvent.none ? nil : Signal(what.signal)
    guard what.manner == SignalEvent.none || signal != nil else {
      throw SystemFailure(.invalidArgument)
    }
    let id = try process.addTimer(clock: clock, signal, thread: thread, value: what.value)
    do throws(SystemFailure) {
      try UserMemory.put(Int32(id), at: number)
    } catch {
      try process.deleteTimer(Int32(id))
      throw error
    }
    return 0
  }

  static func setTimerTime(
    _ number: Int32, _ flags: UInt64, _ new: UInt64, _ old: UInt64
  ) throws(SystemFailure) -> UInt64 {
    let value = try UserMemory.get(TimerValue(), at: new)
    guard let first = value.first.total, let interval = value.interval.total else {
      throw SystemFailure(.invalidArgument)
    }
    let timer = try Process.current.timer(number)
    let before = timer.state
    timer.set(
      first: first, interval: interval, isAbsolute: flags & ClockNumber.absolute != 0)
    if old != 0 { try put(before, at: old) }
    return 0
  }

  static func getTimerTime(_ number: Int32, _ value: UInt64) throws(SystemFailure) -> UInt64 {
    try put(try Process.current.timer(number).state, at: value)
    return 0
  }

  private static func put(
    _ state: (left: UInt64, interval: UInt64), at address: UInt64
  ) throws(SystemFailure) {
    var value = TimerValue()
    value.first = Timespec(total: state.left)
    value.interval = Timespec(total: state.interval)
    try UserMemory.put(value, at: address)
  }

  static func getTimerOverrun(_ number: Int32) throws(SystemFailure) -> UInt64 {
    let timer = try Process.current.timer(number)
    return UInt64(Processes.lock.withLockIRQ { timer.overrun })
  }

  static func deleteTimer(_ number: Int32) throws(SystemFailure) -> UInt64 {
    try Process.current.deleteTimer(number)
    return 0
  }
}
