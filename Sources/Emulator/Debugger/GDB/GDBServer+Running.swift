import Emulator

/// Letting the machine run, and telling the client where it stopped.
extension GDBServer {
  /// Steps in a range that one slice makes at most.
  private static let stepsPerSlice = 2000

  /// Lets the machine do what the client wants.
  ///
  /// - Parameters:
  ///   - condition: What ends the run, too, whatever the client wants.
  ///   - limit: About how many instructions may pass.
  ///   - timeLimit: How many nanoseconds of virtual time may pass.
  /// - Returns: Why it did not go on though it has not arrived: it idles or its run has ended, and
  ///   no client is there to be told. Otherwise nil; `isRunning` says whether there is more to do.
  public func run(
    until condition: StopCondition = .never, limit: UInt64, timeLimit: UInt64 = .max
  ) -> StopReason? {
    switch plan {
    case nil: return nil
    case .resume(let direction):
      let stop = debuggee.resume(
        direction, until: condition, limit: limit, timeLimit: timeLimit)
      if stop.cause == .arrived { return nil }
      return report(stop)
    case .step(let direction, let processor):
      return step(direction, processor).flatMap(report)
    case .range(let processor, let range): return stepThrough(range, processor)
    case .handler(let processor, let range, let end):
      return finishHandler(processor, range, end, limit)
    }
  }

  /// Ctrl-C.
  func interrupt() {
    guard let plan else { return }
    if case .handler(_, _, let end) = plan { _ = debuggee.remove(end) }
    self.plan = nil
    tell(signal: 2, processor: currentProcessor)
  }

  // MARK: Stepping

  /// Steps a processor, which has arrived even if another one has the next turn.
  ///
  /// - Returns: Nil if it has had no turn yet, but others have: it may be halted.
  private func step(_ direction: Direction, _ processor: Int) -> Stop? {
    let cpu = machine.processors[processor].cpu
    if direction == .backward {
      // What has never executed anything has nothing to undo.
      if cpu.instructionCount == 0 { return stop(.historyBegins, processor) }
      let before = debuggee.step(.backward, count: 1, processor: processor)
      return before.cause == .arrived ? stop(.arrived, processor) : before
    }
    let count = cpu.instructionCount
    for _ in 0..<Self.stepsPerSlice {
      let next = debuggee.step(.forward)
      if next.cause != .arrived { return next }
      if cpu.instructionCount != count { return stop(.arrived, processor) }
    }
    return nil
  }

  private func stop(_ cause: Stop.Cause, _ processor: Int) -> Stop {
    Stop(cause: cause, processor: processor, position: debuggee.position)
  }

  /// Steps while the instruction pointer stays in the range.
  private func stepThrough(_ range: Range<UInt64>, _ processor: Int) -> StopReason? {
    let cpu = machine.processors[processor].cpu
    for _ in 0..<Self.stepsPerSlice {
      let count = cpu.instructionCount
      guard let stop = step(.forward, processor) else { return nil }
      guard stop.cause == .arrived else { return report(stop) }
      guard !range.contains(cpu.instructionPointer.value) else { continue }
      if let end = handlerEnd(processor, since: count, range) {
        plan = .handler(processor: processor, range, end: end)
        return nil
      }
      return report(stop)
    }
    return nil
  }

  /// A breakpoint where the handler of an interrupt that has just come returns to, if one has come
  /// and it will return into the range: stepping over a line steps over what interrupts it.
  private func handlerEnd(
    _ number: Int, since count: UInt64, _ range: Range<UInt64>
  ) -> BreakpointNumber? {
    let processor = machine.processors[number]
    guard let delivery = processor.recorder.deliveries.last,
      delivery.source == .external || delivery.source == .nonMaskable,
      delivery.outcome == .delivered, delivery.instructionCount > count
    else { return nil }
    // The handler's code need not have the base that the interrupted code had.
    guard range.contains(delivery.rip) else { return nil }
    var breakpoint = Breakpoint(.execution(LinearAddress(delivery.rip)))
    breakpoint.processor = number
    breakpoint.condition = { $0.processors[number].cpu[.rsp] == delivery.rsp }
    return debuggee.add(breakpoint)
  }

  private func finishHandler(
    _ processor: Int, _ range: Range<UInt64>, _ end: BreakpointNumber, _ limit: UInt64
  ) -> StopReason? {
    let stop = debuggee.resume(.forward, limit: limit)
    switch stop.cause {
    case .arrived: return nil
    case .machine(.idle): return report(stop)
    case .breakpoint(let numbers) where numbers == [end]:
      _ = debuggee.remove(end)
      plan = .range(processor: processor, range)
      return nil
    default:
      _ = debuggee.remove(end)
      return report(stop)
    }
  }

  // MARK: Stop replies

  /// Tells the client of a stop; a machine that merely idles goes on later.
  private func report(_ stop: Stop) -> StopReason? {
    if case .machine(let reason) = stop.cause {
      switch reason {
      case .idle, .conditionMet: return reason
      default: break
      }
      guard isAttached else { return reason }
    }
    // Whose breakpoint it was has gone.
    guard isAttached else { return nil }
    plan = nil
    let processor = stop.processor
    switch stop.cause {
    case .arrived, .finding: tell(signal: 5, processor: processor)
    case .breakpoint(let numbers):
      if let key = point(numbered: numbers) {
        tell(signal: 5, processor: processor, "\(key.stopName):;")
      } else {
        show("breakpoint \(numbers.map(String.init).joined(separator: ", "))\n")
        tell(signal: 5, processor: processor)
      }
    case .watchpoint(let number, let hit):
      if let key = point(numbered: [number]) {
        // GDB looks for the watchpoint by an address in it.
        let address = max(hit.address, key.address)
        tell(signal: 5, processor: processor, "\(key.stopName):\(address.packetText);")
      } else {
        show("watchpoint \(number)\n")
        tell(signal: 5, processor: processor)
      }
    case .interrupted: tell(signal: 2, processor: processor)
    case .historyBegins: tell(signal: 5, processor: processor, "replaylog:begin;")
    case .machine(let reason): tellEnd(reason, processor)
    }
    return nil
  }

  /// The end of the run, as a signal: it can still be looked at, and gone back from.
  private func tellEnd(_ reason: StopReason, _ processor: Int) {
    // Numbers of GDB's signals: SIGTERM, SIGSEGV, SIGSTOP, SIGXCPU.
    let (text, signal): (String, Int) =
      switch reason {
      case .poweredOff: ("the guest switched the power off", 15)
      case .debugExit(let value): ("the guest ended the run by the debug-exit port: \(value)", 15)
      case .reset: ("the guest reset the machine", 15)
      case .shutdown:
        ("shutdown: an exception while delivering a double fault (triple fault)", 11)
      case .haltedForever: ("every processor is halted and nothing can wake one", 17)
      case .instructionLimit: ("the instruction limit is reached", 24)
      default: ("the run was stopped", 2)
      }
    show("\(text); reverse-stepi and reverse-continue go back\n")
    tell(signal: signal, processor: processor)
  }

  private func tell(signal: Int, processor: Int, _ cause: String = "") {
    selectedProcessor = processor
    lastReply = stopText(signal: signal, processor: processor, cause)
    reply(lastReply)
  }

  /// A T packet with the registers that the client asks for first.
  func stopText(signal: Int, processor: Int, _ cause: String = "") -> String {
    let file = RegisterFile(machine, processor: processor)
    let digits = String(signal, radix: 16)
    var text = "T" + (digits.count == 1 ? "0" : "") + digits + cause
    for register in [GuestRegister.general(.rbp), .general(.rsp), .instructionPointer] {
      guard let number = layout.number(of: register) else { continue }
      let value = UInt64(truncatingIfNeeded: file.read(register))
      let bytes = (0..<layout.fields[number].size).map {
        UInt8(truncatingIfNeeded: value >> UInt64($0 * 8))
      }
      text += number.packetText + ":" + String(decoding: HexDigits.encode(bytes), as: UTF8.self)
      text += ";"
    }
    return text + "thread:\((processor + 1).packetText);"
  }
}
