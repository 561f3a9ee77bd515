import Emulator

/// A machine's whole run once more, under a debugger: what a run without one did not keep.
public struct Rerun {
  /// The longest run that is worth it.
  private static let longest: UInt64 = 500_000_000

  /// The debugged machine, where the first one stands.
  public let debuggee: Debuggee

  /// Runs a machine of the same image and configuration, with the same inputs, as far.
  ///
  /// Nil where that would take too long, would change something outside, or came to something else.
  public init?(of machine: Machine) {
    let writesOutside = machine.configuration.disks.contains { $0.access == .writable }
    guard machine.instructionCount <= Self.longest, machine.resetCount == 0, !writesOutside,
      machine.configuration.network == nil, !machine.isReplaying,
      let copy = try? Machine(image: machine.image, configuration: machine.configuration)
    else { return nil }
    copy.firmwareLog.keepsOutput = false
    copy.debugConsole.keepsOutput = false
    copy.console.keepsOutput = false
    debuggee = Debuggee(copy, replaying: machine.inputLog)
    _ = debuggee.go(to: machine.instructionCount)
    guard copy.processorDigest() == machine.processorDigest() else { return nil }
  }
}
