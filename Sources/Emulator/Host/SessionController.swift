/// What steers the machine of a session, instead of plain running: a debugger.
public protocol SessionController: AnyObject {
  /// Whether the machine takes input from outside now; one that replays its past does not.
  var acceptsInput: Bool { get }

  /// Whether `decide` reads and writes the terminal, which is then in its usual mode meanwhile.
  var usesTerminal: Bool { get }

  /// Runs the machine for a slice, as `Machine.run` does.
  func run(until condition: StopCondition, limit: UInt64, timeLimit: UInt64) -> StopReason

  /// Says how to go on after a stop; blocks while a user looks around.
  func decide(_ stop: StopReason) throws(HostError) -> SessionDecision

  /// The user wants the debugger's attention: the machine is to stop soon.
  func attention()
}

/// How a session goes on after a stop.
public enum SessionDecision: Sendable {
  /// The machine runs on.
  case goOn
  /// The session ends as it would without a debugger.
  case end
  /// The user has had enough.
  case quit
}
