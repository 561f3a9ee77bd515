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

  /// Whether the machine is to stand still until something comes in by a channel.
  var isHolding: Bool { get }

  /// Whether the session is to end.
  var wantsEnd: Bool { get }

  /// The user wants the debugger's attention: the machine is to stop soon.
  func attention()
}

extension SessionController {
  /// Never, for one that waits in `decide`.
  public var isHolding: Bool { false }
  /// Never, for one that says so in `decide`.
  public var wantsEnd: Bool { false }
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
