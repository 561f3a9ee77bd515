import ArgumentParser
import Debugger
import Emulator
import Glibc

/// `emu boot`: boots a kernel and attaches the terminal to its serial console.
struct Boot: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Boot a kernel and attach the terminal to its serial console.",
    discussion: """
      Keys: Ctrl-A x quits, Ctrl-A c stops the guest in the monitor, Ctrl-A h lists the keys, \
      Ctrl-A Ctrl-A sends Ctrl-A.
      \(ExitStatus.help)
      """)

  @OptionGroup var options: MachineOptions
  @OptionGroup var checking: CheckArguments
  @OptionGroup var debugging: DebugOptions
  @OptionGroup var monitor: MonitorOptions

  /// Whether this is `emu debug`.
  var isDebugging = false

  private enum CodingKeys: CodingKey {
    case options, checking, debugging, monitor, serial, serial2, input, prompt, limit, timeout
    case exitOn, record, quiet, statistics
  }

  @Option(
    help: ArgumentHelp(
      "The serial console: stdio, null, file:PATH, unix:PATH or tcp:HOST:PORT (both listen).",
      valueName: "where"))
  var serial = SerialOption.stdio

  @Option(
    help: ArgumentHelp(
      "The second serial port, as --serial but not stdio: for a kernel's own debugger, say.",
      valueName: "where"))
  var serial2 = SerialOption.null

  @Option(
    help: ArgumentHelp(
      "Type the content of a file on the serial console; standard input is not read then.",
      valueName: "file"))
  var input: String?

  @Option(
    help: ArgumentHelp(
      "Type the lines of --input one by one, each when a line of output matches (POSIX extended "
        + "syntax).", valueName: "regex"))
  var prompt: String?

  @Option(help: ArgumentHelp("End the run after so many instructions.", valueName: "n"))
  var limit: UInt64?

  @Option(help: ArgumentHelp("End the run after so many seconds.", valueName: "s"))
  var timeout: Double?

  @Option(
    name: .customLong("exit-on"),
    help: ArgumentHelp(
      "End the run when a line of serial output matches (POSIX extended syntax).",
      valueName: "regex"))
  var exitOn: String?

  @Option(
    help: ArgumentHelp(
      "Write what the machine is made of and what came from outside to a file, for emu replay.",
      valueName: "file"))
  var record: String?

  @Flag(help: "Say nothing but errors.")
  var quiet = false

  @Flag(help: "Say at the end how many instructions ran, and how fast.")
  var statistics = false

  func validate() throws {
    if debugging.gdb != nil && (monitor.place != nil || monitor.script != nil) {
      throw ValidationError(
        "--gdb has the monitor's commands as monitor COMMAND; it goes without --monitor and --script"
      )
    }
    do {
      if let exitOn { _ = try OutputPattern(exitOn) }
      if let prompt { _ = try OutputPattern(prompt, option: "--prompt") }
    } catch {
      throw ValidationError(error.description)
    }
    if serial2 == .stdio {
      throw ValidationError("--serial2 takes file:PATH, unix:PATH or tcp:HOST:PORT, not stdio")
    }
    if debugging.gdb != nil && checking.isAsked {
      throw ValidationError("--check and --torture steer the run themselves: they exclude --gdb")
    }
    if prompt != nil, input == nil {
      throw ValidationError("--prompt waits for what --input types; name a file with --input")
    }
    if let timeout, !(timeout >= 0 && timeout < 1e9) {
      throw ValidationError("--timeout takes a number of seconds, not \(timeout)")
    }
  }

  func run() throws {
    let machine = try options.makeMachine(console: serial == .null ? nil : 0)
    if options.hvc == .stdio { machine.console = machine.virtioConsole }
    if let input, prompt == nil {
      let bytes = try MachineOptions.read(input)
      if options.firmware.keyboard { machine.typeKeys(bytes) } else { machine.console.send(bytes) }
    }
    machine.debugConsole.keepsOutput = false
    machine.debugConsole.transmitted = { byte in
      var byte = byte
      write(STDERR_FILENO, &byte, 1)
    }
    try options.firmware.connect(machine)
    let checks = try checking.attach(to: machine, seed: options.seed)
    let ending = Ending()
    let end = try runSession(machine, ending, checks)
    checks?.finish()
    try options.firmware.saveScreen(of: machine)
    if let record { try options.writeRecord(of: machine, to: record) }
    if statistics { ExitStatus.say(Self.statistics(of: machine)) }
    let outcome = Result { try finish(machine, end, ending) }
    if let checks, !isDebugging { try checking.conclude(checks, outcome, quiet: quiet) }
    try outcome.get()
  }

  // MARK: Running it

  private func runSession(
    _ machine: Machine, _ ending: Ending, _ checks: CheckedRun?
  ) throws -> Session.End {
    let main = options.hvc == .stdio ? .stdio : serial
    let terminal = main == .stdio && input == nil ? Terminal() : nil
    let monitorInput =
      debugging.gdb == nil
      ? try monitor.openInput(atTerminal: terminal != nil, isDebugging: isDebugging) : nil
    // What is no terminal is the monitor's alone.
    let isShared = terminal != nil || !(monitorInput is TerminalInput)
    let streams = StandardStreams(readsInput: input == nil && isShared, terminal: terminal)
    let watch = HangWatch(machine)
    let controller = try makeController(machine, monitorInput, watch, checks)
    defer {
      ending.debuggee = controller?.current?.debuggee
      ending.hang = watch.proof ?? ending.debuggee?.hang
    }
    let backend: any SerialBackend
    let channels: [any SessionChannel]
    let debugger: GDBConnection?
    do {
      backend = try main.open(standardStreams: streams)
      let mirror = options.firmware.vga == .text ? [ScreenMirror(machine, streams)] : []
      debugger = try connectDebugger(machine)
      let debuggers = [debugger, monitorInput as? any SessionChannel].compactMap { $0 }
      channels = try openChannels(machine) + mirror + debuggers
    } catch let error as HostError {
      throw Failure(error, status: ExitStatus.unusableFile)
    }
    defer { for channel in channels { channel.close() } }
    defer { backend.close() }
    let session = Session(
      machine: machine, backend: backend, channels: channels, limits: try limits(),
      controller: debugger ?? controller ?? checks ?? watch, terminal: terminal,
      signals: SignalWatch(), say: ExitStatus.say)
    if terminal != nil, !quiet { ExitStatus.say("Ctrl-A x quits, Ctrl-A h helps") }
    do {
      return try session.run()
    } catch {
      if case .closedOutput = error.kind { return .signal(SIGPIPE) }
      throw Failure(error, status: ExitStatus.hostFailure)
    }
  }

  /// What steers the machine, if anybody may look into it.
  private func makeController(
    _ machine: Machine, _ input: (any MonitorInput)?, _ watch: HangWatch, _ checks: CheckedRun?
  ) throws -> MonitorController? {
    guard let input else { return nil }
    // A file that was named and is unusable is better said at once.
    let symbols = monitor.symbols == nil ? nil : try monitor.readSymbols(of: machine)
    return MonitorController(
      machine: machine, input: input, plain: checks ?? watch, checks: checks,
      symbols: {
        symbols ?? (try? monitor.readSymbols(of: machine)) ?? ProgramSymbols(machine.image?.elf)
      },
      stopsAtStart: isDebugging || monitor.wait, script: try monitor.scriptLines())
  }

  /// Listens for GDB, if it may come; its `monitor` commands are our monitor's.
  private func connectDebugger(_ machine: Machine) throws -> GDBConnection? {
    guard debugging.gdb != nil else { return nil }
    let symbols = try monitor.readSymbols(of: machine)
    return try debugging.connect(
      machine, symbols: symbols, waits: isDebugging || monitor.wait, quiet: quiet)
  }

  /// What is connected beside the main console.
  private func openChannels(_ machine: Machine) throws -> [any SessionChannel] {
    var channels: [any SessionChannel] = []
    if options.hvc == .stdio {
      // Without a place of its own the serial port goes nowhere.
      let other = serial == .stdio ? .null : serial
      channels.append(
        ConsoleChannel(
          machine.serialPorts[0], try other.open()))
    } else if let hvc = options.hvc {
      channels.append(
        ConsoleChannel(
          machine.virtioConsole, try hvc.open()))
    }
    if serial2 != .null {
      channels.append(ConsoleChannel(machine.serialPorts[1], try serial2.open()))
    }
    if options.net != nil { channels.append(try UserNetwork(machine.network)) }
    return channels
  }

  private func limits() throws -> Session.Limits {
    var limits = Session.Limits()
    limits.instructions = limit ?? .max
    limits.seconds = timeout
    limits.typesOnKeyboard = options.firmware.keyboard
    if let input, let prompt {
      limits.script = InputScript(
        try MachineOptions.read(input), prompt: try OutputPattern(prompt, option: "--prompt"))
    }
    if let pattern = try exitOn.map({ try OutputPattern($0) }) {
      limits.outputMatcher = { pattern.matches(next: $0) }
    }
    return limits
  }

  // MARK: The end

  private func finish(_ machine: Machine, _ end: Session.End, _ ending: Ending) throws {
    switch end {
    case .quit, .machine(.poweredOff), .machine(.conditionMet): return
    case .machine(.debugExit(let value)):
      throw ExitCode(Int32(truncatingIfNeeded: value << 1 | 1) & 0xFF)
    case .machine(.shutdown):
      explain(machine, .shutdown, ending)
      throw ExitCode(ExitStatus.shutdown)
    case .machine(.haltedForever), .machine(.idle):
      explain(machine, .haltedForever, ending)
      throw ExitCode(ExitStatus.haltedForever)
    case .machine(.instructionLimit):
      remark("\(machine.instructionCount) instructions: the limit is reached")
      throw ExitCode(ExitStatus.instructionLimit)
    case .timeout:
      remark("the timeout is over, after \(machine.instructionCount) instructions")
      throw ExitCode(ExitStatus.timeout)
    case .signal(let number):
      ExitStatus.leave(bySignal: number)
    case .machine(.reset), .machine(.stopped), .machine(.breakpoint), .machine(.watchpoint): return
    }
  }

  private static func statistics(of machine: Machine) -> String {
    let seconds = Double(clock()) / Double(CLOCKS_PER_SEC)
    let count = machine.instructionCount
    let virtual = Double(machine.now) / 1e9
    let rate = Int(Double(count) / max(seconds, 1e-6) / 1e6)
    return "\(count) instructions in \(seconds) s of processor time, \(rate) million a second; "
      + "\(virtual) s of virtual time"
  }

  /// Prints what is known about a bad end.
  private func explain(_ machine: Machine, _ stop: StopReason, _ ending: Ending) {
    let symbols = try? monitor.readSymbols(of: machine)
    let debuggee = ending.debuggee ?? Rerun(of: machine)?.debuggee
    let lines = machine.diagnosis(
      of: stop, symbols: symbols, debuggee: debuggee, hang: ending.hang
    ).lines
    ExitStatus.say(lines.joined(separator: "\n"))
  }

  private func remark(_ text: String) {
    if !quiet { ExitStatus.say(text) }
  }
}

/// What a session leaves behind for the explanation of its end.
private final class Ending {
  var hang: HangProof?
  var debuggee: Debuggee?
}
