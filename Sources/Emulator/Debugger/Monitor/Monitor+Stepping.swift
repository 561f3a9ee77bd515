import Emulator

extension Monitor {
  /// The most instructions that a step to another line may take.
  private static let lineLimit = 100_000
  /// Instructions between two looks at whether the user wants to stop.
  private static let stepSlice: UInt64 = 20_000_000

  /// Executes or undoes instructions of the processor that is looked at.
  func step(_ direction: Direction, _ count: UInt64) -> Stop {
    machine.pausesWhenIdle = false
    // One that does not run now may never make a step.
    let isRunning = cpu.state.pointee.activity == Activity.running.rawValue
    let number = isRunning ? selected : nil
    selected = nil
    var left = count
    while true {
      let part = min(left, Self.stepSlice)
      let stop = debuggee.step(direction, count: part, processor: number)
      left -= part
      guard left > 0, stop.cause == .arrived, !isInterrupted() else { return stop }
    }
  }

  /// Goes to a position, in slices so that the user can stop it.
  func go(to target: UInt64) -> Stop {
    machine.pausesWhenIdle = false
    selected = nil
    while true {
      let known = debuggee.history.upperBound.addingClamped(Self.stepSlice)
      let stop = debuggee.go(to: min(target, known))
      guard debuggee.position < target, stop.cause == .arrived, !isInterrupted() else {
        return stop
      }
    }
  }

  /// Does something as often as the argument says, until it is stopped on the way.
  func repeated(
    _ text: String, _ body: () throws(MonitorError) -> Stop
  ) throws(MonitorError) -> String {
    var left = text.isEmpty ? 1 : try value(text)
    var stop = Stop(cause: .arrived, processor: processorNumber, position: debuggee.position)
    while left > 0 {
      stop = try body()
      left -= 1
      guard stop.cause == .arrived, !isInterrupted() else { break }
    }
    return report(stop)
  }

  // MARK: Over calls

  /// One instruction, a call as a whole.
  func next() -> Stop {
    let address = instructionPointer
    guard let line = instruction(at: address), Self.isOneStep(line.text) == false else {
      return step(.forward, 1)
    }
    let pointer = cpu[.rsp]
    return run(.forward, to: address &+ UInt64(line.length)) { machine in
      machine.processor.cpu[.rsp] >= pointer
    }
  }

  /// Whether an instruction is over after one step: no call, and not repeated.
  private static func isOneStep(_ text: String) -> Bool {
    !text.hasPrefix("call") && !text.hasPrefix("rep") && !text.hasPrefix("int")
      && !text.hasPrefix("syscall")
  }

  /// Undoes one instruction, a call as a whole.
  func reverseNext() -> Stop {
    let pointer = cpu[.rsp]
    let address = instructionPointer
    let stop = step(.backward, 1)
    guard stop.cause == .arrived, let line = instruction(at: instructionPointer) else {
      return stop
    }
    if line.text.hasPrefix("ret"), let call = call(before: address) {
      return run(.backward, to: call.address) { $0.processor.cpu[.rsp] == pointer }
    }
    if line.text.hasPrefix("rep"),
      instructionPointer == address || instructionPointer == line.address
    {
      // Behind the last iteration: back to the first.
      return backToFirstIteration(line.address)
    }
    return stop
  }

  private func backToFirstIteration(_ address: UInt64) -> Stop {
    var stop = Stop(cause: .arrived, processor: processorNumber, position: debuggee.position)
    for _ in 0..<Self.lineLimit where cpu.state.pointee.isBetweenIterations {
      guard instructionPointer == address else { break }
      stop = step(.backward, 1)
      guard stop.cause == .arrived else { break }
    }
    return stop
  }

  // MARK: Lines

  private func sourceLine() -> SourcePlace? {
    guard var place = symbols.places(at: instructionPointer).first, place.path != nil else {
      return nil
    }
    place.column = 0
    return place
  }

  /// Goes on to another line.
  func line(entersCalls: Bool) -> Stop {
    guard let start = sourceLine() else { return entersCalls ? step(.forward, 1) : next() }
    var stop = Stop(cause: .arrived, processor: processorNumber, position: debuggee.position)
    for _ in 0..<Self.lineLimit {
      stop = entersCalls ? step(.forward, 1) : next()
      guard stop.cause == .arrived, !isInterrupted() else { return stop }
      if let place = sourceLine(), place.line != 0, place != start { return stop }
    }
    return stop
  }

  /// Goes back to the beginning of the line before.
  func reverseLine(entersCalls: Bool) -> Stop {
    func back() -> Stop { entersCalls ? step(.backward, 1) : reverseNext() }
    guard let start = sourceLine() else { return back() }
    var stop = back()
    var target = sourceLine()
    for _ in 0..<Self.lineLimit {
      guard stop.cause == .arrived, !isInterrupted() else { return stop }
      target = sourceLine()
      if let target, target.line != 0, target != start { break }
      stop = back()
    }
    // To the first instruction of that line: as long as the one before is of it too.
    for _ in 0..<Self.lineLimit {
      let position = debuggee.position
      let earlier = back()
      guard earlier.cause == .arrived else { return earlier }
      guard sourceLine() == target else { return debuggee.go(to: position) }
      stop = earlier
    }
    return stop
  }

  // MARK: To a place

  /// The frame that the innermost one returns to.
  func caller() throws(MonitorError) -> StackFrame {
    let frames = Unwinder(machine, processor: processor, symbols: symbols).frames(limit: 2)
    guard frames.count > 1 else { throw MonitorError("no caller is known here") }
    return frames[1]
  }

  /// Goes back to the call that made the innermost frame.
  func reverseFinish() throws(MonitorError) -> String {
    let caller = try caller()
    let pointer = caller.stackPointer
    if caller.entry == nil, let call = call(before: caller.address) {
      let stop = run(.backward, to: call.address) { $0.processor.cpu[.rsp] == pointer }
      return report(stop)
    }
    guard caller.entry != nil,
      let delivery = processor.recorder.deliveries.last(where: {
        $0.rip == caller.address && $0.rsp == pointer
      })
    else { throw MonitorError("the call of this function is not known") }
    // What other processors executed meanwhile does not count here.
    let distance = cpu.instructionCount &- delivery.instructionCount
    guard machine.processors.count == 1 else {
      throw MonitorError("with several processors, use reverse-until \(caller.address.hex)")
    }
    let target = debuggee.position - min(distance, debuggee.position)
    return report(debuggee.go(to: target == debuggee.position ? target : max(target, 1) - 1))
  }

  /// What `until` asks for.
  func untilMotion(_ direction: Direction, _ text: String) throws(MonitorError) -> Motion {
    if text.isEmpty {
      let address = instructionPointer
      guard let line = instruction(at: address) else {
        throw MonitorError("there is no instruction at \(address.hex)")
      }
      let pointer = cpu[.rsp]
      let number = debuggee.add(
        temporary(address &+ UInt64(line.length)) { $0.processor.cpu[.rsp] >= pointer })
      return Motion(direction: direction, temporaries: [number])
    }
    let (place, conditionText) = text.splitAt(" if ")
    let condition = try conditionText.map { text throws(MonitorError) in try self.condition(text) }
    var numbers: [BreakpointNumber] = []
    let (addresses, isNamed) = try addresses(place)
    for address in addresses {
      var breakpoint = temporary(address, condition)
      breakpoint.isNamed = isNamed
      numbers.append(debuggee.add(breakpoint))
    }
    return Motion(direction: direction, temporaries: numbers)
  }

  /// The addresses of a place: of an expression, of a function with its copies, or of every piece of
  /// a line's code; and whether they move with the program.
  func addresses(_ text: String) throws(MonitorError) -> ([UInt64], isNamed: Bool) {
    if let colon = text.lastIndex(of: ":"), let line = Int(text[text.index(after: colon)...]),
      !text.contains("["), let debugFile = symbols.debugFile
    {
      guard let code = debugFile.code(file: String(text[..<colon]), line: line),
        !code.addresses.isEmpty
      else { throw MonitorError("there is no code for \(text)") }
      return (code.addresses, true)
    }
    let expression = try ExpressionParser.parse(text, symbols)
    if case .symbol(let addresses, _) = expression { return (addresses, true) }
    return ([try expression.value(machine, processor)], expression.isNamed)
  }
}

extension String {
  /// What stands before and behind the first of a text; all of it where there is none.
  func splitAt(_ separator: String) -> (String, String?) {
    guard let range = firstRange(of: separator) else { return (self, nil) }
    return (self[..<range.lowerBound].trimmed, self[range.upperBound...].trimmed)
  }
}
