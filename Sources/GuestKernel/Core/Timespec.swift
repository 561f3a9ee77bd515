/// A time or a duration as system calls pass it: whole seconds and nanoseconds.
package struct Timespec: BitwiseCopyable, Equatable {
  package var seconds: Int64
  package var nanoseconds: Int64

  package init(seconds: Int64 = 0, nanoseconds: Int64 = 0) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  package init(total: UInt64) {
    seconds = Int64(total / 1_000_000_000)
    nanoseconds = Int64(total % 1_000_000_000)
  }

  /// Nil when it is negative or has more than a second of nanoseconds; at most some 292 years.
  package var total: UInt64? {
    guard seconds >= 0, (0..<1_000_000_000).contains(nanoseconds) else { return nil }
    guard seconds < 9_223_372_036 else { return UInt64(Int64.max) }
    return UInt64(seconds) * 1_000_000_000 + UInt64(nanoseconds)
  }
}

/// The clocks of `clock_gettime`.
package enum ClockNumber {
  package static let realTime: Int32 = 0
  package static let monotonic: Int32 = 1
  package static let bootTime: Int32 = 7
  /// A flag of `clock_nanosleep`: the time is a point in time, not a duration.
  package static let absolute: UInt64 = 1
}
