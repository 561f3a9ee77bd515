import Emulator

/// A run that a command asked for.
struct Motion {
  var direction: Direction
  /// Breakpoints that end it and go away with it.
  var temporaries: [BreakpointNumber] = []
  /// How many instructions it may take.
  var limit: UInt64 = .max
}

extension Monitor {
  /// Instructions between two looks at whether the user wants to stop.
  private static let slice: UInt64 = 20_000_000

  /// Runs until something stops the machine, and says what.
  func runToStop(_ motion: Motion) -> String {
    defer { end(motion) }
    return report(run(motion.direction, limit: motion.limit))
  }

  /// Takes a motion's breakpoints away.
  func end(_ motion: Motion) {
    for number in motion.temporaries { debuggee.remove(number) }
    self.motion = nil
  }

  /// Runs in slices, so that the user can stop it.
  func run(_ direction: Direction, limit: UInt64 = .max) -> Stop {
    selected = nil
    machine.pausesWhenIdle = false
    var left = limit
    while true {
      let before = debuggee.position
      let stop = debuggee.resume(direction, limit: min(left, Self.slice))
      guard stop.cause == .arrived else { return stop }
      let moved =
        direction == .forward
        ? debuggee.position - min(before, debuggee.position)
        : before - min(before, debuggee.position)
      left -= min(left, moved)
      if left == 0 { return stop }
      if isInterrupted() {
        return Stop(cause: .interrupted, processor: stop.processor, position: stop.position)
      }
    }
  }

  /// Runs to an address, past nothing else that would stop; where the stack pointer fits.
  func run(
    _ direction: Direction, to address: UInt64, where condition: ((Machine) -> Bool)? = nil
  ) -> Stop {
    let number = debuggee.add(temporary(address, condition))
    defer { debuggee.remove(number) }
    var stop = run(direction)
    if stop.cause == .breakpoint([number]) { stop.cause = .arrived }
    return stop
  }

  /// A breakpoint for one motion.
  func temporary(_ address: UInt64, _ condition: ((Machine) -> Bool)?) -> Breakpoint {
    var breakpoint = Breakpoint(.execution(LinearAddress(address)))
    breakpoint.condition = condition
    breakpoint.isTemporary = true
    return breakpoint
  }

  // MARK: Saying where

  /// Why and where the machine stopped.
  public func report(_ stop: Stop) -> String {
    symbols.follow(cpu)
    let cause = describe(stop.cause)
    return ([cause] + whereLines()).filter { !$0.isEmpty }.joined(separator: "\n")
  }

  private func describe(_ cause: Stop.Cause) -> String {
    switch cause {
    case .arrived: return ""
    case .breakpoint(let numbers):
      let names = numbers.filter { labels[$0] != nil }.map {
        "breakpoint \($0): \(labels[$0] ?? "")"
      }
      return names.joined(separator: "\n")
    case .watchpoint(let number, let hit):
      let verb = hit.isWrite ? "wrote" : "read"
      let label = labels[number] ?? "watchpoint"
      return "watchpoint \(number): \(label)\n"
        + "\(author(hit)) \(verb) \(hit.size) bytes at \(hit.address.hex), instruction "
        + "\(hit.position)"
    case .finding(let findings): return findings.flatMap(\.lines).joined(separator: "\n")
    case .interrupted: return "interrupted"
    case .historyBegins: return "the recorded history begins here"
    case .machine(let reason): return Self.describe(reason)
    }
  }

  /// Who made a watched access.
  func author(_ hit: WatchHit) -> String { hit.rip.map { describe($0) } ?? "a device" }

  /// What a machine's own end is.
  static func describe(_ reason: StopReason) -> String {
    switch reason {
    case .poweredOff: "the guest switched the power off"
    case .debugExit(let value): "the guest wrote \(UInt64(value).hex) to the debug-exit port"
    case .reset: "the guest asked for a reset"
    case .shutdown: "triple fault: the processor shut down (`diagnose` explains)"
    case .haltedForever: "halted for ever: nothing can wake a processor (`diagnose` explains)"
    case .idle(.max): "the guest waits for input"
    case .idle: "the guest waits"
    default: ""
    }
  }

  /// The place where the machine stands: a line with its address, the instruction, the source.
  func whereLines() -> [String] {
    let address = instructionPointer
    let number = machine.processors.count > 1 ? "processor \(processorNumber), " : ""
    var lines = ["\(debuggee.position): \(number)CPL \(cpu.cpl), \(describe(address))"]
    if cpu.state.pointee.activity != Activity.running.rawValue { lines.append("  (halted)") }
    if let line = instruction(at: address) {
      lines.append("  " + line.text)
    } else {
      lines.append("  nothing can be executed there")
    }
    if let place = symbols.places(at: address).first, let path = place.path,
      let text = SourceText.line(place.line, of: path)
    {
      lines.append("  \(place.line)\t\(text)")
    }
    return lines
  }

  /// The instruction at an address.
  func instruction(at address: UInt64) -> Disassembler.Line? {
    Disassembler(mode: cpu.mode).line(memory.readable(address, count: 15)[...], at: address)
  }

  /// The call whose return address this is.
  func call(before address: UInt64) -> Disassembler.Line? {
    for length in UInt64(2)...8 {
      if let line = instruction(at: address &- length), line.length == Int(length),
        line.text.hasPrefix("call")
      {
        return line
      }
    }
    return nil
  }
}
