/// Virtual time of one machine: nanoseconds since reset, and the timers that wait for them.
///
/// One retired instruction is one nanosecond, so the time-stamp counter of a processor that never
/// wrote it equals `now`. Whoever retires instructions keeps `now` current before any device is
/// accessed, and calls `runDueEvents()` when it reaches `nextDeadline`.
public final class VirtualClock {
  /// Nanoseconds of virtual time since reset.
  public var now: UInt64

  /// The earliest deadline of any armed timer, `.max` when none is armed.
  public private(set) var nextDeadline: UInt64 = .max

  private var timers: [VirtualTimer] = []

  /// Makes a clock that reads `now`, with no timers.
  public init(now: UInt64 = 0) {
    self.now = now
  }

  /// Fires every timer whose deadline is not after `now`: earlier deadlines first, then the timer
  /// that was made first.
  ///
  /// A handler finds `now` at or after its own deadline, which it is given, so that periodic
  /// timers do not drift however late they are noticed.
  public func runDueEvents() {
    while nextDeadline <= now {
      let deadline = nextDeadline
      guard let timer = timers.first(where: { $0.deadline == deadline }) else {
        return refreshNextDeadline()
      }
      timer.disarm()
      timer.handler(deadline)
    }
  }

  /// The names of the timers that will fire some time.
  package var armedTimers: [String] {
    timers.filter { $0.deadline != .max }.map(\.name)
  }

  func add(_ timer: VirtualTimer) {
    timers.append(timer)
  }

  func deadlineMoved(from old: UInt64, to new: UInt64) {
    if new <= nextDeadline {
      nextDeadline = new
    } else if old == nextDeadline {
      refreshNextDeadline()
    }
  }

  private func refreshNextDeadline() {
    var earliest = UInt64.max
    for timer in timers where timer.deadline < earliest {
      earliest = timer.deadline
    }
    nextDeadline = earliest
  }
}
