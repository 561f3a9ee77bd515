import Emulator

extension Debuggee {
  /// Runs forwards for a slice of a session, with the machine's own words for how it ended; the
  /// breakpoints that were met are in `lastStop`.
  public func runSlice(
    until condition: StopCondition, limit: UInt64, timeLimit: UInt64
  ) -> StopReason {
    switch resume(until: condition, limit: limit, timeLimit: timeLimit).cause {
    case .arrived, .historyBegins: .instructionLimit
    case .breakpoint, .finding: .breakpoint
    case .watchpoint(_, let hit): .watchpoint([hit])
    case .interrupted: .stopped
    case .machine(let reason): reason
    }
  }
}
