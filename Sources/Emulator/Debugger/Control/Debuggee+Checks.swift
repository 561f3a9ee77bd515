import Emulator

/// Checks of the guest beside breakpoints, as long as the machine makes history.
extension Debuggee {
  /// Tells the engine where to stop on a way on which breakpoints count, or do not.
  func prepare(stops: Bool) {
    if stops { return arm() }
    disarm()
    guard activeChecks != nil else { return }
    setStopPoints()
    armEvents(stops: false)
  }

  /// Gives the engine what breakpoints and checks wait for.
  func setStopPoints() {
    let checks = activeChecks
    self.checks?.isResting = checks == nil
    var watchpoints = armedWatchpoints
    for point in checks?.watches.all ?? [] where !watchpoints.contains(point) {
      watchpoints.append(point)
    }
    machine.breakpoints = Set(armedNumbers.keys).union(checks?.calls.addresses ?? [])
    machine.watchpoints = watchpoints
  }

  /// Tells the checks, once, of the function that is entered or left where the machine stands.
  func meetChecks() -> Stop.Cause? {
    guard let checks = activeChecks else { return nil }
    // An interrupt may come first, or another processor.
    machine.settle()
    let address = machine.processor.cpu.instructionPointer.value
    let processor = machine.processors.firstIndex { $0 === machine.processor } ?? 0
    if checked?.position != position || checked?.processor != processor,
      checks.calls.addresses.contains(address)
    {
      checked = (position, processor)
      checks.handleCalls()
    }
    return takeFindings()
  }

  /// What the checks have found since the last call.
  func takeFindings() -> Stop.Cause? {
    guard let checks = activeChecks else { return nil }
    checks.followImage()
    if checks.takeHookChange() { setStopPoints() }
    let new = checks.takeNewFindings()
    return new.isEmpty ? nil : .finding(new)
  }
}
