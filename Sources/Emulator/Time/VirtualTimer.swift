/// One alarm of a `VirtualClock`.
///
/// The deadline is data, which a device derives from its state whenever that is restored; the
/// handler is wiring, made once. Timers that are due together fire in the order they were made, so
/// a machine that is built the same way runs the same way.
public final class VirtualTimer {
  /// What the timer is for, as shown by a monitor.
  public let name: String

  /// When the timer fires, `.max` while it is disarmed.
  public private(set) var deadline: UInt64 = .max

  /// Runs when the timer fires and is given the deadline that was reached; the timer is then
  /// disarmed and may be armed again.
  public var handler: (_ deadline: UInt64) -> Void

  // Not strong, since the clock holds its timers; not weak, which would make every retain of the
  // clock slow.
  private unowned let clock: VirtualClock

  /// Makes a disarmed timer of `clock`.
  public init(
    _ clock: VirtualClock, name: String, handler: @escaping (_ deadline: UInt64) -> Void = { _ in }
  ) {
    self.clock = clock
    self.name = name
    self.handler = handler
    clock.add(self)
  }

  /// Sets the deadline; one in the past fires at the clock's next opportunity.
  public func arm(at deadline: UInt64) {
    let old = self.deadline
    guard deadline != old else { return }
    self.deadline = deadline
    clock.deadlineMoved(from: old, to: deadline)
  }

  /// Withdraws the deadline.
  public func disarm() {
    arm(at: .max)
  }

  /// Fires now if the deadline has been reached, for a device that is accessed before the clock
  /// has run its events.
  func fireIfDue() {
    guard deadline <= clock.now else { return }
    let reached = deadline
    disarm()
    handler(reached)
  }
}
