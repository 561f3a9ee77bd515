/// What steers the machine of a session, instead of plain running: a debugger.
public protocol SessionController: AnyObject {
  /// Whether the machine stands still until something comes in by a channel.
  var isHolding: Bool { get }

  /// Whether the user asked for the end of the session.
  var wantsEnd: Bool { get }

  /// Runs the machine for a slice, as `Machine.run` does.
  ///
  /// - Returns: `.instructionLimit` where the session is to go on, also if the machine is to stand
  ///   still from now on.
  func run(until condition: StopCondition, limit: UInt64, timeLimit: UInt64) -> StopReason
}
