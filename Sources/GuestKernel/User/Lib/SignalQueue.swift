/// Signals that carry a word and are waited for instead of handled, and timers that send them.
///
/// POSIX.1: sigqueue, sigtimedwait, timer_create, timer_settime.

extension Signal {
  /// The signals that queue: each that is sent arrives, in order.
  package static func realTime(_ number: Int32) -> Signal { Signal(32 + number) }

  /// Sends it with a value for the receiver.
  package func queue(to pid: Int32, value: UInt64) throws(SystemError) {
    var record = SignalRecord()
    record.signal = rawValue
    record.code = SignalRecord.byQueue
    record.value = value
    let outcome = withUnsafeBytes(of: &record) {
      Call.rt_sigqueueinfo(pid, rawValue, $0.baseAddress)
    }
    try outcome.check()
  }

  /// Takes the next of these signals, which should be blocked, as an answer instead of by a handler; the
  /// error is EAGAIN when the time is over.
  package static func wait(
    for signals: UInt64, nanoseconds: UInt64? = nil
  ) throws(SystemError) -> SignalRecord {
    var set = signals
    var record = SignalRecord()
    var span = TimeSpan(nanoseconds: nanoseconds ?? 0)
    let outcome = withUnsafeBytes(of: &set) { set in
      withUnsafeMutableBytes(of: &record) { record in
        withUnsafeBytes(of: &span) { span in
          Call.rt_sigtimedwait(
            set.baseAddress, record.baseAddress, nanoseconds == nil ? nil : span.baseAddress, 8)
        }
      }
    }
    try outcome.check()
    return record
  }
}

/// A timer of the process that sends a signal with a value.
package struct SignalTimer {
  package let number: Int32

  package init(
    _ signal: Signal, value: UInt64 = 0, clock: Int32 = ClockNumber.monotonic
  ) throws(SystemError) {
    var event = SignalEvent()
    event.signal = signal.rawValue
    event.value = value
    var number: Int32 = 0
    let outcome = withUnsafeBytes(of: &event) { event in
      withUnsafeMutableBytes(of: &number) { number in
        Call.timer_create(clock, event.baseAddress, number.baseAddress)
      }
    }
    try outcome.check()
    self.number = number
  }

  /// Expires after so many nanoseconds, and then each `interval` unless that is 0.
  package func start(after first: UInt64, every interval: UInt64 = 0) throws(SystemError) {
    var value = TimerValue()
    value.first = Timespec(total: first)
    value.interval = Timespec(total: interval)
    let outcome = withUnsafeBytes(of: &value) {
      Call.timer_settime(number, 0, $0.baseAddress, nil)
    }
    try outcome.check()
  }

  package func stop() throws(SystemError) { try start(after: 0) }

  /// Nanoseconds until it expires; 0 when it is off.
  package var left: UInt64 {
    var value = TimerValue()
    withUnsafeMutableBytes(of: &value) { _ = Call.timer_gettime(number, $0.baseAddress) }
    return value.first.total ?? 0
  }

  package func delete() { Call.timer_delete(number) }
}
