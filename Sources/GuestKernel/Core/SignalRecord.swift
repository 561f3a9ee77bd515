/// What a program learns about a signal besides its number (`siginfo_t`): why it came, who sent it, and what
/// the sender wanted to say with it.
///
/// `code` says which of the other fields have a meaning.
package struct SignalRecord: BitwiseCopyable {
  package var signal: Int32 = 0
  package var error: Int32 = 0
  package var code: Int32 = 0
  /// Who sent it, or the child that it is about.
  package var pid: Int32 = 0
  /// How a child ended; how often a timer has expired besides (`si_overrun`).
  package var status: Int32 = 0
  /// The sender's real user.
  package var user: UInt32 = 0
  /// Of a fault.
  package var address: UInt64 = 0
  /// What `sigqueue` or the timer passes along; with `byFile` the descriptor; of a fault its vector.
  package var value: UInt64 = 0
  package init() {}

  /// `kill`.
  package static let byUser: Int32 = 0
  package static let byKernel: Int32 = 0x80
  /// `sigqueue`.
  package static let byQueue: Int32 = -1
  package static let byTimer: Int32 = -2
  /// A descriptor with O_ASYNC and F_SETSIG.
  package static let byFile: Int32 = -5
  /// `tgkill`.
  package static let byThread: Int32 = -6
  package static let notMapped: Int32 = 1
  package static let notAllowed: Int32 = 2
  package static let exited: Int32 = 1
  package static let killed: Int32 = 2
  package static let dumped: Int32 = 3
  package static let stopped: Int32 = 5
  package static let continued: Int32 = 6
}

/// How `timer_create` is to tell of a timer's end (`sigevent`).
package struct SignalEvent: BitwiseCopyable {
  package var value: UInt64 = 0
  package var signal: Int32 = 14
  package var manner: Int32 = SignalEvent.bySignal
  /// With `toThread`: which.
  package var thread: Int32 = 0
  package var reserved: Int32 = 0
  package init() {}

  package static let bySignal: Int32 = 0
  package static let none: Int32 = 1
  package static let toThread: Int32 = 4
}

/// What `timer_settime` takes: when first, and how often then (`itimerspec`).
package struct TimerValue: BitwiseCopyable {
  package var interval = Timespec()
  package var first = Timespec()
  package init() {}
}
