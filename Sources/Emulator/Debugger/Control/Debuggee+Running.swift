import Emulator

extension Debuggee {
  /// Runs until a breakpoint, the end, an interruption, or `limit` further instructions.
  ///
  /// A breakpoint at the present position is not met again.
  ///
  /// - Parameters:
  ///   - direction: Which way.
  ///   - condition: What of the console's output ends a run forwards, too.
  ///   - limit: How many instructions may pass.
  ///   - timeLimit: How many nanoseconds of virtual time may pass, forwards.
  /// - Returns: Where and why it stopped.
  public func resume(
    _ direction: Direction = .forward, until condition: StopCondition = .never,
    limit: UInt64 = .max, timeLimit: UInt64 = .max
  ) -> Stop {
    switch direction {
    case .forward:
      let target = position.addingClamped(limit)
      return finish(
        advance(
          to: target, until: condition, timeLimit: machine.now.addingClamped(timeLimit),
          stops: true))
    case .backward:
      let oldest = position - min(limit, position)
      return finish(retreat(to: max(oldest, timeline.start)))
    }
  }

  /// Executes instructions of the processor `number` (nil: whichever comes next), or undoes them.
  ///
  /// One iteration of a repeated string instruction is one; so is an interrupt's delivery with the
  /// instruction before it. Breakpoints at steps on the way stop it.
  public func step(
    _ direction: Direction = .forward, count: UInt64 = 1, processor number: Int? = nil
  ) -> Stop {
    if let number, machine.processors.count > 1 {
      return step(direction, count: count, of: number)
    }
    switch direction {
    case .forward:
      return finish(advance(to: position.addingClamped(count), stops: true))
    case .backward:
      guard position > timeline.start else { return finish(.historyBegins) }
      return finish(travel(to: max(timeline.start, position - min(count, position))))
    }
  }

  /// Goes to a position, forwards or backwards, past breakpoints.
  public func go(to position: UInt64) -> Stop { finish(travel(to: position)) }

  /// Makes a stop of the state that was reached.
  func finish(_ cause: Stop.Cause) -> Stop {
    let number = machine.processors.firstIndex { $0 === machine.processor } ?? 0
    let stop = Stop(cause: cause, processor: number, position: position)
    for case .breakpoint(let numbers) in [cause] {
      for number in numbers where breakpoints[number]?.isTemporary == true { remove(number) }
    }
    lastStop = stop
    return stop
  }

  // MARK: Forwards

  /// Runs forwards to a position, from the past into the present if need be.
  func advance(
    to target: UInt64, until condition: StopCondition = .never, timeLimit: UInt64 = .max,
    stops: Bool
  ) -> Stop.Cause {
    prepare(stops: stops)
    var skips = true
    while position < target {
      let wasReplaying = isReplaying
      if let cause = meetChecks() { return cause }
      machine.repeatsOutput = position < timeline.end
      if wasReplaying { machine.pausesWhenIdle = false }
      let limit = nextLook(to: target) - position
      let rest = timeLimit - min(timeLimit, machine.now)
      let reason = machine.run(
        until: wasReplaying ? .never : condition, limit: limit, timeLimit: rest,
        skipsBreakpoint: skips)
      skips = false
      noteProgress(wasReplaying: wasReplaying)
      if wasReplaying, activeChecks != nil { prepare(stops: stops) }
      switch reason {
      case .instructionLimit:
        activeChecks?.arrive()
        if let cause = takeFindings() { return cause }
        if machine.now >= timeLimit && position < target { return .arrived }
        arrive()
        if stops, isHung() { return .machine(.haltedForever) }
      case .breakpoint:
        // Other processors may have gone first.
        machine.settle()
        if placed != program?.table.slide { prepare(stops: stops) }
        if let cause = meetChecks() { return cause }
        if !eventHits.isEmpty {
          defer { eventHits = [] }
          return .breakpoint(eventHits)
        }
        if stops, let numbers = hits() { return .breakpoint(numbers) }
        skips = true
      case .watchpoint(let all):
        machine.settle()
        activeChecks?.handleAccesses(all)
        if let cause = takeFindings() { return cause }
        if stops, let cause = cause(of: all) { return cause }
      case .stopped:
        machine.settle()
        return .interrupted
      default:
        return .machine(reason)
      }
    }
    machine.settle()
    if let cause = meetChecks() { return cause }
    // The step ended where another breakpoint is.
    if stops, machine.isAtBreakpoint, let numbers = hits() { return .breakpoint(numbers) }
    return .arrived
  }

  /// The next position at which something has to be done on the way to `target`.
  private func nextLook(to target: UInt64) -> UInt64 {
    let interval = Self.checkpointInterval
    var next = min(target, (position / interval + 1) * interval)
    if position < timeline.end { next = min(next, timeline.end) }
    if let look = activeChecks?.nextLook(after: position) { next = min(next, look) }
    if let change = timeline.nextModification(after: position) { next = min(next, change.position) }
    return next
  }

  /// Does what is due at a position where a run was cut: a change by the user, a checkpoint.
  private func arrive() {
    var isChanged = false
    for change in timeline.modifications where change.position == position {
      if !isChanged { machine.settle() }
      change.body(machine)
      isChanged = true
    }
    if position % Self.checkpointInterval == 0 { takeCheckpoint() }
  }

  private func noteProgress(wasReplaying: Bool) {
    timeline.end = max(timeline.end, position)
    if !wasReplaying {
      timeline.inputs = machine.inputLog
    } else if !isReplaying {
      goLive()
    }
  }

  /// Keeps the present as a checkpoint; where there is one already, compares.
  func takeCheckpoint() {
    if let known = timeline.checkpoint(at: position) {
      if divergence == nil && !machine.matches(known.snapshot) { divergence = position }
      return
    }
    let pages = machine.writtenPages
    timeline.insert(Timeline.Checkpoint(snapshot: machine.snapshot(), writtenPages: pages))
    timeline.thin(
      to: checkpointBudget,
      bytes: { machine.snapshotBytes + $0 * (256 << 10) },
      present: position)
  }

  // MARK: Breakpoints

  /// Tells the engine where to stop: at breakpoints, and where checks want to look.
  func arm() {
    placeBreakpoints()
    var numbers: [UInt64: [BreakpointNumber]] = [:]
    var watched: [Watchpoint] = []
    for number in breakpoints.keys.sorted() {
      guard let breakpoint = breakpoints[number], breakpoint.isEnabled else { continue }
      switch breakpoint.trigger {
      case .execution(let address): numbers[address.value, default: []].append(number)
      case .access(let watchpoint): watched.append(watchpoint)
      default: break
      }
    }
    armedNumbers = numbers
    armedWatchpoints = watched
    setStopPoints()
    armEvents(stops: true)
  }

  /// Tells the engine to stop nowhere, not even for the checks.
  func disarm() {
    armedNumbers = [:]
    armedWatchpoints = []
    checks?.isResting = true
    machine.breakpoints = []
    machine.watchpoints = []
    disarmEvents()
  }

  /// The execution breakpoints that are met at the present RIP; nil if none counts.
  func hits() -> [BreakpointNumber]? {
    let address = machine.processor.cpu.instructionPointer.value
    guard let numbers = armedNumbers[address]?.filter({ meets($0) }) else { return nil }
    return numbers.isEmpty ? nil : numbers
  }

  private func cause(of hits: [WatchHit]) -> Stop.Cause? {
    for hit in hits {
      for number in breakpoints.keys.sorted() {
        guard let breakpoint = breakpoints[number],
          case .access(hit.watchpoint) = breakpoint.trigger, meets(number)
        else { continue }
        return .watchpoint(number, hit)
      }
    }
    return nil
  }

  /// Whether a breakpoint whose trigger has happened counts; counts the hit.
  func meets(_ number: BreakpointNumber) -> Bool {
    guard let breakpoint = breakpoints[number], breakpoint.isEnabled else { return false }
    let processor = machine.processor
    if let space = breakpoint.addressSpace,
      (processor.cpu.state.pointee.cr3 ^ space) & ~0xFFF != 0
    {
      return false
    }
    if let wanted = breakpoint.processor, machine.processors[wanted] !== processor { return false }
    if let condition = breakpoint.condition, !condition(machine) { return false }
    breakpoints[number]?.hitCount += 1
    guard breakpoint.ignoreCount == 0 else {
      breakpoints[number]?.ignoreCount -= 1
      return false
    }
    return true
  }
}
