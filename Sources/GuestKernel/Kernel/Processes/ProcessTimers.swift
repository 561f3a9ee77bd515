/// Timers that send signals: `alarm`, `setitimer`.
///
/// ITIMER_REAL counts time as it passes and sends SIGALRM from the timer interrupt; the timers that would
/// count only while the process runs are refused.
import KernelArch

/// What `setitimer` takes: microseconds, as POSIX has it.
struct IntervalValue: BitwiseCopyable {
  var intervalSeconds: Int64 = 0
  var intervalMicroseconds: Int64 = 0
  var seconds: Int64 = 0
  var microseconds: Int64 = 0

  init() {}

  init(interval: UInt64, left: UInt64) {
    intervalSeconds = Int64(interval / 1_000_000_000)
    intervalMicroseconds = Int64(interval % 1_000_000_000 / 1000)
    seconds = Int64(left / 1_000_000_000)
    microseconds = Int64(left % 1_000_000_000 / 1000)
  }

  var isValid: Bool {
    seconds >= 0 && intervalSeconds >= 0 && seconds < 1 << 32 && intervalSeconds < 1 << 32
      && (0..<1_000_000).contains(microseconds) && (0..<1_000_000).contains(intervalMicroseconds)
  }

  var left: UInt64 { UInt64(seconds) * 1_000_000_000 + UInt64(microseconds) * 1000 }
  var interval: UInt64 {
    UInt64(intervalSeconds) * 1_000_000_000 + UInt64(intervalMicroseconds) * 1000
  }
}

/// ITIMER_REAL of a process.
final class RealTimer {
  private let pid: Int
  private var timer: Timer?
  /// Lock for these: `Processes.lock`.
  private var interval: UInt64 = 0
  private var deadline: UInt64 = 0

  init(pid: Int) {
    self.pid = pid
    // By its number: the timer must not keep the process.
    timer = Timer { _ in Processes.find(pid)?.realTimer?.expire() }
  }

  /// In the timer's interrupt.
  fileprivate func expire() {
    let next = Processes.lock.withLockIRQ { () -> UInt64 in
      guard deadline != 0, let process = Processes.locked(pid) else { return 0 }
      var record = SignalRecord()
      record.code = SignalRecord.byTimer
      Signals.sendLocked(.alarm, to: process, record)
      deadline = interval == 0 ? 0 : max(deadline &+ interval, Clock.nanoseconds)
      return deadline
    }
    if next != 0 { timer?.start(at: next) }
  }

  /// What is left and the interval.
  var value: (left: UInt64, interval: UInt64) {
    Processes.lock.withLockIRQ {
      let now = Clock.nanoseconds
      return deadline == 0 ? (0, interval) : (deadline > now ? deadline - now : 1, interval)
    }
  }

  func set(left: UInt64, interval: UInt64) {
    timer?.cancelAndWait()
    let start = Processes.lock.withLockIRQ { () -> UInt64 in
      self.interval = interval
      deadline = left == 0 ? 0 : Clock.nanoseconds &+ left
      return deadline
    }
    if start != 0 { timer?.start(at: start) }
  }

  /// The process ends.
  func cancel() { set(left: 0, interval: 0) }
}

extension SystemCalls {
  private static let realTimer: Int32 = 0

  private static func timer() -> RealTimer {
    let process = Process.current
    if let timer = process.realTimer { return timer }
    let timer = RealTimer(pid: process.pid)
    process.realTimer = timer
    return timer
  }

  static func setTimer(_ which: Int32, _ new: UInt64, _ old: UInt64) throws(SystemFailure) -> UInt64
  {
    guard which == realTimer else { throw SystemFailure(.invalidArgument) }
    let timer = timer()
    let before = timer.value
    if new != 0 {
      let value = try UserMemory.get(IntervalValue(), at: new)
      guard value.isValid else { throw SystemFailure(.invalidArgument) }
      timer.set(left: value.left, interval: value.interval)
    }
    if old != 0 {
      try UserMemory.put(IntervalValue(interval: before.interval, left: before.left), at: old)
    }
    return 0
  }

  static func getTimer(_ which: Int32, _ value: UInt64) throws(SystemFailure) -> UInt64 {
    guard which == realTimer else { throw SystemFailure(.invalidArgument) }
    let now = timer().value
    try UserMemory.put(IntervalValue(interval: now.interval, left: now.left), at: value)
    return 0
  }

  /// Seconds that were left of the alarm before.
  static func alarm(_ seconds: UInt32) -> Answer {
    let timer = timer()
    let before = timer.value.left
    timer.set(left: UInt64(seconds) * 1_000_000_000, interval: 0)
    return .success((before + 999_999_999) / 1_000_000_000)
  }
}
