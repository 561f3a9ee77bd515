import Emulator

/// Lets a monitor steer the machine of a session.
public final class MonitorController: SessionController {
  private static let prompt = "(emu) "

  private let machine: Machine
  private let input: any MonitorInput
  private let makeSymbols: () -> ProgramSymbols
  /// Runs the machine as long as there is no monitor.
  private let plain: any SessionController
  /// Look for mistakes of the guest, as long as there is no monitor and then with it.
  private let checks: CheckedRun?
  /// Made when it is needed first: from then on history is recorded.
  private var monitor: Monitor?
  /// Whether the user is asked even where the run has ended.
  private let staysAtEnd: Bool
  private var isWanted: Bool
  private var isAtEnd = false
  /// Whether the user asked for attention and was not given any yet.
  private var wasAsked = false
  /// Where a run of a certain length ends.
  private var target: UInt64?
  private var script: [String]

  /// Connects a monitor.
  ///
  /// - Parameters:
  ///   - machine: The machine.
  ///   - input: Where its lines come from.
  ///   - plain: Runs the machine as long as nobody wanted the monitor.
  ///   - checks: What looks for mistakes of the guest; a finding stops in the monitor, once there is one.
  ///   - symbols: Reads the symbols, when they are needed.
  ///   - stopsAtStart: Whether the machine stands at first, with its history recorded from there.
  ///   - script: Lines to do first.
  public init(
    machine: Machine, input: any MonitorInput, plain: any SessionController,
    checks: CheckedRun? = nil, symbols: @escaping () -> ProgramSymbols,
    stopsAtStart: Bool, script: [String] = []
  ) {
    self.machine = machine
    self.input = input
    self.plain = plain
    self.checks = checks
    self.script = script
    makeSymbols = symbols
    staysAtEnd = stopsAtStart
    isWanted = stopsAtStart || !script.isEmpty
    if isWanted { _ = openMonitor() }
    let socket = input as? SocketInput
    socket?.requested = { [unowned self] in attention() }
    socket?.waitsForClient = stopsAtStart
  }

  /// The monitor, if anybody wanted it yet.
  public var current: Monitor? { monitor }

  /// The monitor, made if there is none yet.
  public func openMonitor() -> Monitor {
    if let monitor { return monitor }
    let new = Monitor(Debuggee(machine), symbols: makeSymbols())
    new.isAttached = true
    if let checks { new.debuggee.attach(checks) }
    new.debuggee.looksForHangs = true
    new.isInterrupted = { [input] in input.takeInterruption() }
    input.completions = { Monitor.completions(of: $0, new.symbols) }
    monitor = new
    return new
  }

  // MARK: SessionController

  /// Not in the past.
  public var acceptsInput: Bool { monitor?.debuggee.isReplaying != true }

  /// The input's answer.
  public var usesTerminal: Bool { input.usesTerminal }

  /// Runs the machine for a slice, or not at all where the user is to be asked first.
  public func run(until condition: StopCondition, limit: UInt64, timeLimit: UInt64) -> StopReason {
    if isWanted || isAtEnd { return .stopped }
    guard let monitor else {
      return plain.run(until: condition, limit: limit, timeLimit: timeLimit)
    }
    let left = target.map { $0 - min($0, monitor.debuggee.position) }
    if left == 0 {
      isWanted = true
      return .stopped
    }
    let stop = monitor.debuggee.runSlice(
      until: condition, limit: min(limit, left ?? .max), timeLimit: timeLimit)
    return stop
  }

  /// Asks for the user's attention soon, also where the guest is idle.
  public func attention() {
    isWanted = true
    wasAsked = true
    machine.requestStop()
  }

  /// Lets the user look around, until the machine is to go on.
  public func decide(_ stop: StopReason) throws(HostError) -> SessionDecision {
    switch stop {
    case .instructionLimit, .conditionMet, .idle: return .end
    case .stopped, .breakpoint, .watchpoint: break
    default:
      guard staysAtEnd else { return .end }
      // Going on from an end ends the session.
      guard !isAtEnd else { return .end }
      isAtEnd = true
    }
    // The request was granted hereby.
    _ = machine.takeStopRequest()
    return TerminalInput.withInterruptions { converse(stop) }
  }

  private func converse(_ stop: StopReason) -> SessionDecision {
    let isFirst = monitor == nil || isWanted && monitor?.debuggee.lastStop == nil
    let monitor = openMonitor()
    isWanted = false
    if let motion = monitor.motion { monitor.end(motion) }
    target = nil
    show(greeting(monitor, stop, isFirst: isFirst))
    wasAsked = false
    while true {
      guard let line = nextLine(monitor) else {
        // Nobody asks any more: a script's end ends the run, a client's leave lets it go on.
        return input is SocketInput ? .goOn : isAtEnd ? .end : .quit
      }
      let wasAtEnd = isAtEnd
      let position = monitor.debuggee.position
      show(monitor.execute(line))
      if monitor.isQuitting { return .quit }
      if monitor.debuggee.position != position { isAtEnd = false }
      guard let motion = monitor.motion else { continue }
      if wasAtEnd && isAtEnd { return .end }
      if motion.limit != .max { target = monitor.debuggee.position.addingClamped(motion.limit) }
      return .goOn
    }
  }

  /// Lets a user steer a machine that nobody else runs, until there are no more lines.
  public static func converse(
    _ monitor: Monitor, _ input: any MonitorInput, script: [String] = []
  ) {
    monitor.isInterrupted = { input.takeInterruption() }
    monitor.debuggee.looksForHangs = true
    input.completions = { Monitor.completions(of: $0, monitor.symbols) }
    TerminalInput.withInterruptions {
      input.write(monitor.whereLines().joined(separator: "\n") + "\n")
      var lines = script[...]
      while !monitor.isQuitting {
        let scripted = lines.popFirst()
        if let scripted { input.write(prompt + scripted + "\n") }
        guard let line = scripted ?? input.readLine(prompt: prompt) else { return }
        let text = monitor.execute(line)
        if !text.isEmpty { input.write(text + "\n") }
      }
    }
  }

  private func nextLine(_ monitor: Monitor) -> String? {
    if !monitor.pendingLines.isEmpty { return monitor.pendingLines.removeFirst() }
    if !script.isEmpty {
      let line = script.removeFirst()
      show(Self.prompt + line)
      return line
    }
    return input.readLine(prompt: Self.prompt)
  }

  private func greeting(_ monitor: Monitor, _ stop: StopReason, isFirst: Bool) -> String {
    switch stop {
    case .stopped, .breakpoint, .watchpoint:
      guard let last = monitor.debuggee.lastStop, !isFirst else {
        return monitor.whereLines().joined(separator: "\n") + "\n`help` lists the commands"
      }
      guard wasAsked, last.cause == .arrived else { return monitor.report(last) }
      return (["interrupted"] + monitor.whereLines()).joined(separator: "\n")
    default:
      return ([Monitor.describe(stop)] + monitor.whereLines()).joined(separator: "\n")
    }
  }

  private func show(_ text: String) {
    if !text.isEmpty { input.write(text + "\n") }
  }
}
