import Emulator

/// Where and why a debugged machine stands.
public struct Stop: Equatable, Sendable {
  /// Why a run stopped.
  public enum Cause: Equatable, Sendable {
    /// As many steps as asked for were made, or the wanted moment was reached.
    case arrived
    /// Before an instruction, or behind an event, with these breakpoints.
    case breakpoint([BreakpointNumber])
    /// Behind an instruction that accessed watched bytes.
    case watchpoint(BreakpointNumber, WatchHit)
    /// Behind a mistake of the guest that the checks have found.
    case finding([Finding])
    /// Somebody called `interrupt`.
    case interrupted
    /// Going back, the beginning of the recorded history was reached.
    case historyBegins
    /// The machine itself ended its run: power off, shutdown, halted for ever, ...
    case machine(StopReason)
  }

  /// Why.
  public var cause: Cause
  /// The number of the processor that stopped, or would go on next.
  public var processor: Int
  /// The machine's instruction count.
  public var position: UInt64
}

/// Which way time goes.
public enum Direction: Sendable {
  case forward
  case backward
}
