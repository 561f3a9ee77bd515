extension LocalAPIC {
  /// The timer's input before division: one tick a nanosecond, as the time-stamp counter.
  public static let timerFrequency: UInt64 = 1_000_000_000

  /// The part of the state that is the timer's.
  public struct Timer: Codable, Equatable, Sendable {
    package var initialCount: UInt32 = 0
    /// The divide configuration register.
    package var divideConfiguration: UInt32 = 0
    /// What the current-count register held at the moment `start`.
    package var countAtStart: UInt32 = 0
    package var start: UInt64 = 0
    /// IA32_TSC_DEADLINE.
    package var deadline: UInt64 = 0
    /// What the time-stamp counter is ahead of virtual time.
    package var timeStampOffset: UInt64 = 0

    /// log2 of the divisor: 000 divides by 2, 110 by 128, 111 by 1.
    package var shift: UInt64 {
      let code = UInt64(divideConfiguration & 3 | divideConfiguration >> 1 & 4)
      return (code + 1) & 7
    }
  }

  private var mode: LocalVector.TimerMode {
    registers.localVectors[LocalInterrupt.timer.rawValue].timerMode
  }

  /// The current-count register, computed from the time.
  package var currentCount: UInt32 {
    let timer = registers.timer
    guard mode == .oneShot || mode == .periodic else { return 0 }
    let elapsed = (clock.now &- timer.start) &>> timer.shift
    if elapsed < UInt64(timer.countAtStart) {
      return UInt32(truncatingIfNeeded: UInt64(timer.countAtStart) - elapsed)
    }
    guard mode == .periodic, timer.initialCount != 0, timer.countAtStart != 0 else { return 0 }
    let excess = (elapsed - UInt64(timer.countAtStart)) % UInt64(timer.initialCount)
    return timer.initialCount &- UInt32(truncatingIfNeeded: excess)
  }

  func writeInitialCount(_ value: UInt32) {
    guard mode != .deadline else { return }
    registers.timer.initialCount = value
    registers.timer.countAtStart = value
    registers.timer.start = clock.now
    armTimer()
  }

  func writeDivideConfiguration(_ value: UInt32) {
    // The count goes on from where it is, at the new rate.
    registers.timer.countAtStart = currentCount
    registers.timer.start = clock.now
    registers.timer.divideConfiguration = value & 0xB
    armTimer()
  }

  func writeDeadline(_ value: UInt64) {
    guard mode == .deadline else { return }
    registers.timer.deadline = value
    armTimer()
  }

  var deadlineMSR: UInt64 { mode == .deadline ? registers.timer.deadline : 0 }

  func writeTimerVector(_ value: UInt32) {
    let old = mode
    registers.localVectors[LocalInterrupt.timer.rawValue].bits = value
    // SDM Vol. 3A, "TSC-Deadline Mode": a change to or from this mode disarms the timer.
    if (old == .deadline) != (mode == .deadline) {
      registers.timer.deadline = 0
      registers.timer.countAtStart = 0
      registers.timer.initialCount = 0
    }
    armTimer()
  }

  /// Tells that the time-stamp counter now reads virtual time plus `offset`.
  public func timeStampCounterMoved(offset: UInt64) {
    registers.timer.timeStampOffset = offset
    armTimer()
  }

  /// Arms the timer for what the registers say; a deadline in the past fires on the next look.
  func armTimer() {
    let state = registers.timer
    switch mode {
    case .deadline where state.deadline != 0:
      let timeStamp = clock.now &+ state.timeStampOffset
      let wait = state.deadline > timeStamp ? state.deadline - timeStamp : 0
      timer.arm(at: Self.saturatingSum(clock.now, wait))
    case .oneShot where state.countAtStart != 0, .periodic where state.countAtStart != 0:
      timer.arm(at: Self.saturatingSum(state.start, UInt64(state.countAtStart) &<< state.shift))
    default:
      timer.disarm()
    }
  }

  func timerExpired(at deadline: UInt64) {
    switch mode {
    case .deadline:
      registers.timer.deadline = 0
    case .periodic:
      let period = UInt64(registers.timer.initialCount) &<< registers.timer.shift
      guard period > 0 else { return }
      // Periods that went by unnoticed request the same bit of the IRR: one request is enough.
      registers.timer.start = deadline &+ (clock.now &- deadline) / period &* period
      registers.timer.countAtStart = registers.timer.initialCount
    case .oneShot, .reserved:
      registers.timer.countAtStart = 0
    }
    armTimer()
    signal(.timer)
  }

  /// Whether the timer runs and its expiry is an interrupt.
  public var hasRunningTimer: Bool {
    timer.deadline != .max && isSoftwareEnabled
      && !registers.localVectors[LocalInterrupt.timer.rawValue].isMasked
  }

  /// Lets a running timer expire now, as if its count had been shorter.
  public func expireTimer() {
    guard timer.deadline != .max else { return }
    timer.disarm()
    timerExpired(at: clock.now)
  }

  private static func saturatingSum(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
  }
}
