import Emulator

/// Runs the machine of a session, and now and then looks whether it can ever make progress.
public final class HangWatch: SessionController {
  /// Instructions before the first look.
  private static let interval: UInt64 = 20_000_000
  private static let longest: UInt64 = 2_000_000_000
  /// Instructions of a look, for each processor.
  static let window: UInt64 = 100_000

  private let machine: Machine
  private var nextLook: UInt64
  /// Why the machine can never make progress, once that is known.
  public private(set) var proof: HangProof?

  /// Instructions between a look and the next.
  ///
  /// The longer a run, the rarer the looks: they never cost more than a small part of it.
  static func distance(at position: UInt64) -> UInt64 {
    min(max(position / 2, interval), longest)
  }

  /// Watches a machine.
  public init(_ machine: Machine) {
    self.machine = machine
    nextLook = machine.instructionCount &+ Self.interval
  }

  /// Always.
  public var acceptsInput: Bool { true }
  /// Never.
  public var usesTerminal: Bool { false }
  /// Nothing stops here but the end.
  public func decide(_ stop: StopReason) -> SessionDecision { .end }
  /// Does nothing: there is nobody to ask.
  public func attention() {}

  /// Runs for a slice; `.haltedForever` where the machine goes round for ever.
  public func run(until condition: StopCondition, limit: UInt64, timeLimit: UInt64) -> StopReason {
    guard machine.instructionCount >= nextLook else {
      let left = nextLook - machine.instructionCount
      return run(condition, min(limit, left), timeLimit)
    }
    let distance = Self.distance(at: machine.instructionCount)
    nextLook = machine.instructionCount.addingClamped(distance)
    guard let check = HangCheck(machine) else {
      return run(condition, min(limit, distance), timeLimit)
    }
    let window = Self.window * UInt64(machine.processors.count)
    let stop = check.run(until: condition, limit: min(limit, window), timeLimit: timeLimit)
    guard check.isProven, stop == .instructionLimit else { return stop }
    proof = HangProof(spins: check.spins)
    return .haltedForever
  }

  private func run(
    _ condition: StopCondition, _ limit: UInt64, _ timeLimit: UInt64
  ) -> StopReason {
    let stop = machine.run(until: condition, limit: limit, timeLimit: timeLimit)
    // What is left of a look that was ended early.
    return stop == .breakpoint ? .instructionLimit : stop
  }
}
