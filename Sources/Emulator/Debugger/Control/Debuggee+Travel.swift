import Emulator

extension Debuggee {
  /// Distances before the present at which going back leaves more checkpoints, so that the next
  /// steps back are short.
  private static let ladder: [UInt64] = [1_000_000, 100_000, 10_000, 1_000]

  /// Goes to a position, past breakpoints.
  func travel(to target: UInt64) -> Stop.Cause {
    if target < position {
      goBack(to: target)
    } else if let nearer = nearerCheckpoint(to: target) {
      restore(nearer)
    }
    let rungs = Self.ladder.compactMap { target > position + 2 * $0 ? target - $0 : nil }
    if target <= timeline.end {
      for rung in rungs {
        guard advance(to: rung, stops: false) == .arrived else { break }
        takeCheckpoint()
      }
    }
    let cause = advance(to: target, stops: false)
    if case .arrived = cause, target < timeline.start { return .historyBegins }
    return cause
  }

  /// A checkpoint of the future that saves running there.
  private func nearerCheckpoint(to target: UInt64) -> Timeline.Checkpoint? {
    guard position < timeline.end else { return nil }
    let candidate = timeline.checkpoints[timeline.index(at: target)]
    return candidate.position > position ? candidate : nil
  }

  /// Returns to the last checkpoint at or before a position.
  private func goBack(to target: UInt64) {
    keepPresent()
    restore(timeline.checkpoints[timeline.index(at: target)])
  }

  /// Before leaving the present: makes it reachable at once, and what came from outside known.
  private func keepPresent() {
    guard !isReplaying else { return }
    timeline.inputs = machine.inputLog
    timeline.end = max(timeline.end, position)
    if timeline.checkpoint(at: position) == nil { takeCheckpoint() }
  }

  /// Puts the machine to a checkpoint, with the inputs that followed.
  func restore(_ checkpoint: Timeline.Checkpoint) {
    machine.restore(checkpoint.snapshot)
    hasRunApplications = false
    let rest = timeline.inputs.entries.dropFirst(checkpoint.snapshot.inputCount)
    if rest.isEmpty { machine.stopReplay() } else { machine.replay(InputLog(Array(rest))) }
    machine.repeatsOutput = position < timeline.end
  }

  // MARK: Backwards

  /// Runs backwards to the last breakpoint before the present, or to `oldest`.
  func retreat(to oldest: UInt64) -> Stop.Cause {
    let present = position
    guard present > timeline.start else { return .historyBegins }
    keepPresent()
    var end = present
    while end > oldest {
      let checkpoint = timeline.checkpoints[timeline.index(at: end - 1)]
      if let hit = lastHit(from: checkpoint, before: end, notBefore: oldest) {
        let interrupted = travel(to: hit.position)
        if case .interrupted = interrupted { return interrupted }
        return hit.cause
      }
      if machine.takeStopRequest() { return .interrupted }
      end = checkpoint.position
    }
    let cause = travel(to: oldest)
    return oldest == timeline.start && cause == .arrived ? .historyBegins : cause
  }

  /// The last breakpoint that is met on the way from a checkpoint to a position.
  private func lastHit(
    from checkpoint: Timeline.Checkpoint, before end: UInt64, notBefore oldest: UInt64
  ) -> (position: UInt64, cause: Stop.Cause)? {
    let counts = (breakpoints, placed)
    defer { (breakpoints, placed) = counts }
    restore(checkpoint)
    machine.settle()
    var last: (position: UInt64, cause: Stop.Cause)?
    // A breakpoint at the checkpoint itself belongs to this part of history.
    arm()
    if position >= oldest, machine.isAtBreakpoint, let numbers = hits() {
      last = (position, .breakpoint(numbers))
    }
    while position < end {
      let cause = advance(to: end, stops: true)
      switch cause {
      case .breakpoint where position < end:
        if position >= oldest { last = (position, cause) }
      case .watchpoint(_, let hit) where hit.position < end:
        if hit.position >= oldest { last = (hit.position, cause) }
      default: return last
      }
    }
    return last
  }

  /// Steps of one processor among several.
  func step(_ direction: Direction, count: UInt64, of number: Int) -> Stop {
    var left = count
    guard direction == .backward else {
      while left > 0 {
        machine.settle()
        let isOwn = machine.processors[number] === machine.processor
        let cause = advance(to: position + 1, stops: true)
        guard cause == .arrived else { return finish(cause) }
        if isOwn { left -= 1 }
      }
      return finish(.arrived)
    }
    while left > 0 {
      guard let target = lastInstruction(of: number, before: position) else {
        _ = travel(to: timeline.start)
        return finish(.historyBegins)
      }
      _ = travel(to: target)
      left -= 1
    }
    return finish(.arrived)
  }

  /// The position before the last instruction of a processor, whose own count tells on which side of
  /// a moment that is.
  private func lastInstruction(of number: Int, before end: UInt64) -> UInt64? {
    let cpu = machine.processors[number].cpu
    let count = cpu.instructionCount
    var later = end
    var distance: UInt64 = 1
    while true {
      guard later > timeline.start else { return nil }
      let earlier = max(timeline.start, end - min(distance, end))
      _ = travel(to: earlier)
      if cpu.instructionCount < count { break }
      later = earlier
      distance *= 8
    }
    var earlier = position
    while later - earlier > 1 {
      let middle = earlier + (later - earlier) / 2
      _ = travel(to: middle)
      if cpu.instructionCount < count { earlier = middle } else { later = middle }
    }
    return earlier
  }

  // MARK: Who wrote this

  /// The last write to linear bytes before the present, in the present address space.
  public func lastWrite(linear address: UInt64, count: UInt64) -> WatchHit? {
    guard let page = machine.processor.cpu.peekTranslation(LinearAddress(address)) else {
      return nil
    }
    let physical = page.physicalPage | address & 0xFFF
    return lastWrite(physical: physical, count: min(count, 4096 - address & 0xFFF))
  }

  /// The last write to physical bytes before the present; the machine stays where it is.
  public func lastWrite(physical address: UInt64, count: UInt64) -> WatchHit? {
    let present = position
    keepPresent()
    defer { _ = travel(to: present) }
    let watchpoint = Watchpoint(address: address, count: count, kind: .write, isPhysical: true)
    let saved = (breakpoints, placed)
    defer { (breakpoints, placed) = saved }
    var end = present
    while end > timeline.start {
      let index = timeline.index(at: end - 1)
      let checkpoint = timeline.checkpoints[index]
      if mayHaveWritten(address, count, behind: index) {
        breakpoints = [0: Breakpoint(.access(watchpoint))]
        if let hit = lastHit(from: checkpoint, before: end, notBefore: timeline.start),
          case .watchpoint(_, let write) = hit.cause
        {
          return write
        }
      }
      end = checkpoint.position
    }
    return nil
  }

  /// Whether bytes may have been written between a checkpoint and the next.
  private func mayHaveWritten(_ address: UInt64, _ count: UInt64, behind index: Int) -> Bool {
    guard index + 1 < timeline.checkpoints.count else { return true }
    let pages = timeline.checkpoints[index + 1].writtenPages
    return machine.ramPages(address, count: count).contains { pages.contains($0) }
  }
}
