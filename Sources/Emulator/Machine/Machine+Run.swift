extension Machine {
  /// Events without an instruction in between after which a halted machine counts as stuck:
  /// timers tick, but none of them is allowed to interrupt.
  private static let idleEventLimit = 1_000_000

  /// Instructions after which a request to stop is noticed at the latest.
  private static let stopRequestInterval: UInt64 = 10_000_000

  /// Instructions retired by all processors since power-on.
  public var instructionCount: UInt64 { processor.cpu.instructionCount &+ turn.othersCount }

  /// Virtual nanoseconds since power-on.
  public var now: UInt64 { processor.cpu.now }

  /// Runs until `condition` is met or the run ends for another reason.
  ///
  /// - Parameters:
  ///   - condition: What to wait for.
  ///   - limit: How many more instructions may retire.
  ///   - timeLimit: How many more nanoseconds of virtual time may pass.
  ///   - skipsBreakpoint: Whether a breakpoint at the first instruction does not count.
  /// - Returns: Why it stopped.
  public func run(
    until condition: StopCondition = .never, limit: UInt64 = .max, timeLimit: UInt64 = .max,
    skipsBreakpoint: Bool = false
  ) -> StopReason {
    requests.isConditionMet = false
    console.observer = condition.matches.map { matches in
      { [requests] byte in if matches(byte) { requests.isConditionMet = true } }
    }
    defer { console.observer = nil }
    return run(
      to: instructionCount.addingClamped(limit), time: now.addingClamped(timeLimit),
      skipsBreakpoint: skipsBreakpoint)
  }

  private func run(
    to limit: UInt64, time timeLimit: UInt64, skipsBreakpoint: Bool
  ) -> StopReason {
    var skipsBreakpoint = skipsBreakpoint
    var idleEvents = 0
    var lastCount = instructionCount
    while true {
      runDueEvents()
      if !requests.signals.isEmpty { deliverSignals() }
      if let stop = takeStop() ?? takeWatchHits() { return stop }
      if instructionCount >= limit || now >= timeLimit { return .instructionLimit }
      var look = nextLook(limit: limit, timeLimit: timeLimit)
      if processors.count > 1 { look = min(look, changeTurn()) }
      let exit = processor.run(
        until: look &- turn.othersCount, skipsBreakpoint: skipsBreakpoint)
      skipsBreakpoint = false
      switch exit {
      case .limit, .lookup, .stopRequested: break
      case .breakpoint: return .breakpoint
      case .yielded: endTurn()
      // Quirk: triple-fault. Hardware would reset.
      case .shutdown: return .shutdown
      case .halted:
        if nextInTurn != nil { continue }
        if instructionCount != lastCount {
          lastCount = instructionCount
          idleEvents = 0
        }
        idleEvents += 1
        if let stop = idle(timeLimit: timeLimit, events: idleEvents) { return stop }
      }
    }
  }

  /// Does what is due at this boundary before the next instruction: events, messages between
  /// processors, the change of turn, interrupts.
  ///
  /// For a debugger, so that what it shows is what executes next. A run does the same by itself.
  package func settle() {
    runDueEvents()
    if !requests.signals.isEmpty { deliverSignals() }
    if processors.count > 1 { _ = changeTurn() }
    processor.deliverPending()
  }

  /// The accesses to watched bytes since the last look, if there were any.
  private func takeWatchHits() -> StopReason? {
    let hits = processor.takeWatchHits()
    guard !hits.isEmpty else { return nil }
    return .watchpoint(
      hits.map { hit in
        var hit = hit
        hit.position = hit.rip == nil ? instructionCount : hit.position &+ turn.othersCount
        return hit
      })
  }

  /// Brings devices to the present and delivers what is due now, also from a log.
  func runDueEvents() {
    clock.now = now
    clock.runDueEvents()
    while let entry = replay?.next(at: clock.now) {
      deliver(entry)
      clock.runDueEvents()
    }
    if !heldInput.isEmpty { releaseHeldInput() }
    if !heldKeys.isEmpty { releaseHeldKeys() }
  }

  /// When the next thing happens by itself.
  private var nextEvent: UInt64 {
    min(clock.nextDeadline, replay?.nextTime ?? .max)
  }

  /// The instruction count at which the next event is due.
  private func nextLook(limit: UInt64, timeLimit: UInt64) -> UInt64 {
    let event = min(nextEvent, timeLimit)
    let limit = min(limit, instructionCount.addingClamped(Self.stopRequestInterval))
    // Quirk: one-nanosecond. That is what an instruction takes.
    return min(limit, instructionCount.addingClamped(event - min(event, now)))
  }

  /// What was asked for since the last look: stop, reset, or the condition.
  private func takeStop() -> StopReason? {
    if let stop = requests.stop {
      requests.stop = nil
      return stop
    }
    if requests.isResetRequested {
      requests.isResetRequested = false
      if configuration.resetBehavior == .stop { return .reset }
      do {
        try reset()
      } catch {
        // The image fitted before, and the configuration is the same.
        return .reset
      }
    }
    if requests.isDebuggerStop {
      requests.isDebuggerStop = false
      return .breakpoint
    }
    if requests.isConditionMet {
      requests.isConditionMet = false
      return .conditionMet
    }
    guard requests.isStopRequested.load(ordering: .relaxed) else { return nil }
    requests.isStopRequested.store(false, ordering: .relaxed)
    return .stopped
  }

  // MARK: Idling

  /// Skips to the next event while every processor is halted, or says why there is none.
  private func idle(timeLimit: UInt64, events: Int) -> StopReason? {
    guard processors.contains(where: \.cpu.mayWake) else { return .haltedForever }
    let event = nextEvent
    let mayReceive = awaitsInput && replay?.nextTime == nil
    if event == .max || events > Self.idleEventLimit, !mayReceive { return .haltedForever }
    if pausesWhenIdle || event == .max { return .idle(until: event) }
    advanceIdle(to: min(event, timeLimit))
    return nil
  }

  /// Lets virtual time pass up to `time` while every processor is halted, and runs what is due.
  ///
  /// For a front end that got `.idle`; a time in the past changes nothing.
  public func advanceIdle(to time: UInt64) {
    let target = min(time, nextEvent)
    if target > now { processor.setTime(target) }
    runDueEvents()
  }
}

extension UInt64 {
  /// The sum, at most `.max`.
  package func addingClamped(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
