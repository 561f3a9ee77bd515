/// Why a machine stopped running.
public enum StopReason: Equatable, Sendable {
  /// The guest switched the power off.
  case poweredOff
  /// The guest wrote this value to the debug-exit port.
  case debugExit(UInt32)
  /// The guest asked for a reset, and the machine is not to restart by itself.
  case reset
  /// A fault while delivering a double fault ("triple fault"): the processor shut down.
  case shutdown
  /// Every processor is halted and nothing can wake one.
  case haltedForever
  /// As many instructions as allowed have retired.
  case instructionLimit
  /// What the run waited for has happened.
  case conditionMet
  /// Somebody called `requestStop`.
  case stopped
  /// The instruction that comes next has a breakpoint.
  case breakpoint
  /// Watched bytes were accessed.
  case watchpoint([WatchHit])
  /// Every processor is halted until this moment of virtual time at the latest (`.max`: until
  /// input comes). Only a machine that `pausesWhenIdle` stops for this.
  case idle(until: UInt64)
}

/// What a run waits for.
public struct StopCondition {
  /// Is given each byte of the first serial port and answers whether the condition is met.
  let matches: ((UInt8) -> Bool)?

  private init(matches: ((UInt8) -> Bool)?) { self.matches = matches }

  /// Nothing: the run ends for another reason.
  public static var never: StopCondition { StopCondition(matches: nil) }

  /// The first serial port has sent `text` since the run began.
  public static func console(_ text: String) -> StopCondition {
    let wanted = Array(text.utf8)
    var last: [UInt8] = []
    return StopCondition { byte in
      last.append(byte)
      if last.count > wanted.count { last.removeFirst(last.count - wanted.count) }
      return last == wanted
    }
  }

  /// `matcher`, given each byte that the first serial port sends, answers true.
  public static func output(_ matcher: @escaping (UInt8) -> Bool) -> StopCondition {
    StopCondition(matches: matcher)
  }
}
