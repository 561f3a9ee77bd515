import Emulator

extension Debuggee {
  /// Whether it is time to look whether the machine can ever make progress, and it cannot.
  func isHung() -> Bool {
    guard looksForHangs, !isReplaying, position >= nextHangLook else { return false }
    nextHangLook = position.addingClamped(HangWatch.distance(at: position))
    timeline.inputs = machine.inputLog
    disarm()
    defer { arm() }
    takeCheckpoint()
    guard let present = timeline.checkpoint(at: position), let check = HangCheck(machine) else {
      return false
    }
    machine.repeatsOutput = true
    let window = HangWatch.window * UInt64(machine.processors.count)
    _ = check.run(until: .never, limit: window, timeLimit: .max)
    restore(present)
    if check.isProven { proof = (position, HangProof(spins: check.spins)) }
    return check.isProven
  }
}
