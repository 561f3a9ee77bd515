import Glibc

/// One run of a machine with its serial port connected to the host.
///
/// The machine runs in slices; between two of them output goes out, input comes in, and limits
/// and signals are looked at. While the guest is idle and input may come, the process sleeps and
/// virtual time follows the wall clock; otherwise idle time is skipped.
public final class Session {
  /// What ends a run from outside.
  public struct Limits {
    /// Instructions that may retire.
    public var instructions: UInt64 = .max
    /// Seconds of wall-clock time, nil for no limit.
    public var seconds: Double?
    /// Ends the run when it answers true for a byte of serial output.
    public var outputMatcher: ((UInt8) -> Bool)?
    /// Lines that are typed one by one.
    public var script: InputScript?
    /// Whether input is typed on the keyboard instead of going to the console.
    public var typesOnKeyboard = false

    /// No limits.
    public init() {}
  }

  /// Why a run ended.
  public enum End: Equatable, Sendable {
    /// The machine stopped.
    case machine(StopReason)
    /// The wall-clock limit was reached.
    case timeout
    /// The user asked for it.
    case quit
    /// A signal asked for it.
    case signal(Int32)
  }

  private static let interactiveSlice: UInt64 = 2_000_000
  private static let plainSlice: UInt64 = 20_000_000
  private static let timeSlice: UInt64 = 1_000_000_000

  private let machine: Machine
  private let backend: any SerialBackend
  private let channels: [any SessionChannel]
  private let limits: Limits
  private let controller: (any SessionController)?
  private let terminal: Terminal?
  private let signals: SignalWatch
  private let say: (String) -> Void
  private let output = OutputBuffer()
  private var typed: [UInt8] = []
  private var pacing: Pacing
  private let deadline: UInt64?
  private let lastInstruction: UInt64

  /// Connects a machine.
  ///
  /// - Parameters:
  ///   - machine: The machine, ready to run.
  ///   - backend: What its first serial port is connected to.
  ///   - channels: What else of the machine is connected to the host.
  ///   - limits: What ends the run.
  ///   - controller: A debugger that steers the machine.
  ///   - terminal: The terminal that is to be in raw mode meanwhile.
  ///   - signals: Where signals are noticed.
  ///   - say: Shows the user a line that is not the guest's.
  public init(
    machine: Machine, backend: any SerialBackend, channels: [any SessionChannel] = [],
    limits: Limits, controller: (any SessionController)? = nil, terminal: Terminal?,
    signals: SignalWatch, say: @escaping (String) -> Void
  ) {
    self.machine = machine
    self.backend = backend
    self.channels = channels
    self.limits = limits
    self.controller = controller
    self.terminal = terminal
    self.signals = signals
    self.say = say
    let start = WallClock.now
    pacing = Pacing(wall: start, virtual: machine.now)
    deadline = limits.seconds.map { start &+ UInt64(max(0, $0) * 1e9) }
    lastInstruction = machine.instructionCount.addingClamped(limits.instructions)
    machine.console.keepsOutput = false
    machine.console.transmitted = { [output] byte in output.bytes.append(byte) }
  }

  /// Runs the machine to its end.
  public func run() throws(HostError) -> End {
    terminal?.enterRawMode()
    defer { terminal?.restore() }
    while true {
      var stop = isCongested || isHeld ? nil : runSlice()
      try sendOutput()
      if let reason = stop, let controller, reason.isForDebugger {
        switch try ask(controller, reason) {
        case .goOn: stop = nil
        case .quit: return .quit
        case .end: break
        }
      }
      if let end = try exchange(stop) { return end }
    }
  }

  private var isCongested: Bool {
    backend.isCongested || channels.contains(where: \.isCongested)
  }

  private var isHeld: Bool { controller?.isHolding ?? false }

  /// Runs the machine for a slice; nil when it could go on at once.
  private func runSlice() -> StopReason? {
    let isLive = backend.mayReceive || channels.contains(where: \.mayReceive)
    machine.pausesWhenIdle = isLive
    machine.awaitsInput = isLive
    let slice = isLive ? Self.interactiveSlice : Self.plainSlice
    let rest = lastInstruction - min(lastInstruction, machine.instructionCount)
    let limit = min(slice, rest)
    let stop =
      controller?.run(until: condition, limit: limit, timeLimit: Self.timeSlice)
      ?? machine.run(until: condition, limit: limit, timeLimit: Self.timeSlice)
    if stop == .conditionMet, !output.isLast, let script = limits.script {
      typed += script.nextLine()
      type()
      return nil
    }
    if stop == .instructionLimit, machine.instructionCount < lastInstruction { return nil }
    return stop
  }

  /// Lets the debugger decide, with the terminal as it was before the session if it wants that.
  private func ask(
    _ controller: any SessionController, _ stop: StopReason
  ) throws(HostError) -> SessionDecision {
    guard controller.usesTerminal else { return try controller.decide(stop) }
    terminal?.restore()
    defer { terminal?.enterRawMode() }
    return try controller.decide(stop)
  }

  /// What output may interrupt a slice: the last of the run, or a prompt.
  private var condition: StopCondition {
    let (matcher, script) = (limits.outputMatcher, limits.script)
    guard matcher != nil || script != nil else { return .never }
    return .output { [output] byte in
      if matcher?(byte) == true { output.isLast = true }
      return script?.isPrompt(next: byte) == true || output.isLast
    }
  }

  private func sendOutput() throws(HostError) {
    guard !output.bytes.isEmpty else { return }
    let bytes = output.bytes
    output.bytes.removeAll(keepingCapacity: true)
    try backend.send(bytes)
  }

  /// Looks at everything outside, sleeping first if the machine idles.
  private func exchange(_ stop: StopReason?) throws(HostError) -> End? {
    var sleep: UInt64? = 0
    if case .idle(let time) = stop {
      sleep = time == .max ? nil : pacing.wait(until: time, wall: WallClock.now)
    } else if let stop {
      try finishOutput()
      return .machine(stop)
    } else if isCongested || isHeld {
      sleep = nil
    }
    if let deadline {
      let left = deadline - min(deadline, WallClock.now)
      if left == 0 { return .timeout }
      sleep = min(sleep ?? left, left)
    }
    let ready = signals.wait(
      for: backend.interests + channels.flatMap(\.interests), nanoseconds: sleep)
    if let end = handleSignal() { return end }
    if ready.contains(where: \.output) { try backend.flush() }
    if ready.contains(where: \.input) { typed += try backend.receive() }
    if case .idle(let time) = stop {
      let shown = pacing.virtualTime(wall: WallClock.now, virtual: machine.now)
      machine.advanceIdle(to: min(time, shown))
    }
    type()
    for channel in channels { try channel.exchange() }
    if controller?.wantsEnd == true { return .quit }
    return handleCommand()
  }

  /// Gives the machine what was typed, unless it is one that replays its past.
  private func type() {
    guard controller?.acceptsInput ?? true, !typed.isEmpty else { return }
    if limits.typesOnKeyboard { machine.typeKeys(typed) } else { machine.console.send(typed) }
    typed = []
  }

  /// Gives the other end a moment to take the last bytes.
  private func finishOutput() throws(HostError) {
    try backend.flush()
    for channel in channels { try channel.exchange() }
    for _ in 0..<20 where backend.interests.contains(where: \.output) {
      _ = signals.wait(for: backend.interests.filter(\.output), nanoseconds: 50_000_000)
      try backend.flush()
    }
  }

  // MARK: Signals and keys

  private func handleSignal() -> End? {
    guard let number = signals.takeSignal() else { return nil }
    switch number {
    case SIGTSTP:
      terminal?.restore()
      raise(SIGSTOP)
      terminal?.enterRawMode()
      return nil
    case SIGCONT:
      terminal?.enterRawMode()
      return nil
    default:
      return .signal(number)
    }
  }

  private func handleCommand() -> End? {
    guard let streams = backend as? StandardStreams, let command = streams.takeCommand() else {
      return nil
    }
    switch command {
    case .quit: return .quit
    case .help:
      say(
        "Ctrl-A x quits, Ctrl-A h shows this, Ctrl-A Ctrl-A sends Ctrl-A to the guest, "
          + "Ctrl-A c stops it in the monitor")
    case .monitor: controller?.attention() ?? say("there is no monitor here")
    case .unknown: say("no such key; Ctrl-A h shows those there are")
    }
    return nil
  }
}

extension StopReason {
  /// Whether a debugger wants to know, because the machine does not go on by itself.
  fileprivate var isForDebugger: Bool {
    if case .idle = self { return false }
    return true
  }
}

/// Output of the guest that is on its way.
private final class OutputBuffer {
  var bytes: [UInt8] = []
  /// Whether the run ends with it.
  var isLast = false
}
