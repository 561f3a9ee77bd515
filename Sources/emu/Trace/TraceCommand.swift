import ArgumentParser
import Debugger
import Emulator

/// `emu trace`: records runs, and finds out where others differ from them.
struct TraceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace", abstract: "Record a run, and find out where another one differs from it.",
    discussion: """
      A trace has digests, events and, if asked for, control flow and every change of a register \
      or of memory. FILE.golden is text for reviews and tests, any other name is binary. A check \
      makes the recorded machine anew, gives it the recorded input, and ends with status 7 at the \
      first difference.
      """,
    subcommands: [
      TraceRecord.self, TraceCheckCommand.self, TraceAccept.self, TraceDiff.self, TraceShow.self,
      TraceExport.self,
    ])
}

/// What commands about traces have in common.
enum TraceFiles {
  /// Reads a trace.
  static func read(_ path: String) throws -> Trace {
    try failing { try Trace(path: path) }
  }

  /// Writes a file.
  static func write(_ bytes: [UInt8], to path: String) throws {
    try failing { try FileBackend(path: path).send(bytes) }
  }

  /// Writes a trace, as text if the name says so.
  static func write(_ trace: Trace, to path: String, symbols: SymbolTable? = nil) throws {
    let bytes =
      path.hasSuffix(".golden")
      ? Array(trace.golden(symbols: symbols).utf8) : try failing { try trace.binary() }
    try write(bytes, to: path)
  }

  /// The folder that a file is in.
  static func folder(of path: String) -> String? {
    path.lastIndex(of: "/").map { String(path[..<$0]) }
  }

  /// Does something with files, and says what went wrong as the command does.
  static func failing<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as Failure {
      throw error
    } catch let error as any CustomStringConvertible & Error {
      throw Failure(error, status: ExitStatus.unusableFile)
    }
  }
}

/// Which kinds of events, as an argument.
struct EventList: ExpressibleByArgument {
  let kinds: EventKinds

  init(_ kinds: EventKinds) { self.kinds = kinds }

  init?(argument: String) {
    guard case .success(let kinds) = EventKinds.parse(argument) else { return nil }
    self.kinds = kinds
  }

  static let help =
    "The kinds of events, with commas: "
    + EventKinds.names.map(\.name).joined(separator: ", ") + ", usual, all."
}

extension TraceMode: ExpressibleByArgument {}

/// Options about what a trace has.
struct TrackOptions: ParsableArguments {
  @Option(help: ArgumentHelp(EventList.help, valueName: "list"))
  var events: EventList?

  @Option(
    help: ArgumentHelp(
      "exact: counts and addresses, for the same kernel file; semantic: names instead, for a "
        + "kernel that is built anew.", valueName: "mode"))
  var mode = TraceMode.exact

  @Flag(help: "Record control flow.")
  var flow = false

  @Flag(help: "Record every change of a register and of memory.")
  var deltas = false

  @Option(
    name: .customLong("from"),
    help: ArgumentHelp(
      "Where events, flow and changes begin: an instruction count or a function's name.",
      valueName: "moment"))
  var start: String?

  @Option(
    name: .customLong("to"),
    help: ArgumentHelp(
      "Where the run ends: an instruction count or a function's name.", valueName: "moment"))
  var stop: String?

  /// The options as the library wants them.
  func options(limit: UInt64?) -> TraceOptions {
    var options = TraceOptions(mode)
    if let events {
      options.kinds = events.kinds
    } else if mode == .exact {
      options.kinds.insert(.thread)
    }
    options.recordsFlow = flow
    options.recordsDeltas = deltas
    options.start = start.map { TraceOptions.Moment($0) }
    options.stop = stop.map { TraceOptions.Moment($0) }
    options.limit = limit
    return options
  }
}

/// A machine with what comes from outside, as options or a recorded run say.
struct RunOptions: ParsableArguments {
  @OptionGroup var options: MachineOptions

  @Option(
    help: ArgumentHelp(
      "Type the content of a file on the serial console.", valueName: "file"))
  var input: String?

  @Option(help: ArgumentHelp("End the run after so many instructions.", valueName: "n"))
  var limit: UInt64?

  @Flag(help: "Say nothing but errors.")
  var quiet = false

  @Option(
    help: ArgumentHelp(
      "Repeat a run that was recorded (by boot --record, or as a trace) instead of what the other "
        + "options say.", valueName: "file"))
  var log: String?

  /// The description of the machine, its input, where its files are, and how far it goes.
  func recorded() throws -> (
    machine: MachineDescription, input: InputLog, source: FileSource, limit: UInt64?,
    endTime: UInt64?
  ) {
    if let log {
      let trace = try TraceFiles.read(log)
      let source = FileSource(embedded: trace.embedded, folder: TraceFiles.folder(of: log))
      return (
        trace.machine, trace.input, source, trace.options.limit ?? limit,
        trace.options.endTime
      )
    }
    let machine = try options.makeMachine(console: 0)
    if options.hvc == .stdio { machine.console = machine.virtioConsole }
    if let input {
      let bytes = try MachineOptions.read(input)
      if options.firmware.keyboard { machine.typeKeys(bytes) } else { machine.console.send(bytes) }
    }
    return (
      try options.description(of: machine), machine.inputLog, FileSource(), limit, nil
    )
  }
}
