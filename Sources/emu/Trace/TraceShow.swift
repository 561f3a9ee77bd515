import ArgumentParser
import Debugger
import Emulator

/// `emu trace show`: a trace as text.
struct TraceShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show a trace as text.")

  @Argument(help: ArgumentHelp("The trace.", valueName: "file"))
  var file: String

  @Option(help: ArgumentHelp("How events are written: exact or semantic.", valueName: "mode"))
  var mode: TraceMode?

  @Option(help: ArgumentHelp(EventList.help, valueName: "list"))
  var events: EventList?

  @Flag(help: "Show control flow instead of events.")
  var flow = false

  @Flag(help: "Show changes of registers and memory instead of events.")
  var deltas = false

  @Flag(help: "Show how many bytes each track has, unpacked.")
  var sizes = false

  func run() throws {
    var trace = try TraceFiles.read(file)
    if let events { trace.keep(events.kinds) }
    if sizes {
      for (name, size) in trace.trackSizes { print("\(name) \(size)") }
      return
    }
    let source = FileSource(embedded: trace.embedded, folder: TraceFiles.folder(of: file))
    let symbols = trace.symbols(source)
    print(trace.headerText, terminator: "")
    if flow {
      print(trace.flowText(symbols), terminator: "")
    } else if deltas {
      print(trace.deltaText(symbols), terminator: "")
    } else {
      for line in trace.lines(mode, symbols: symbols) { print(line.text) }
    }
  }
}

/// `emu trace diff`: what two traces have in common, and what not.
struct TraceDiff: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Compare two traces; status 7 if they differ.")

  @Argument(help: ArgumentHelp("The first trace.", valueName: "first"))
  var first: String

  @Argument(help: ArgumentHelp("The second trace.", valueName: "second"))
  var second: String

  @Option(help: ArgumentHelp("How events are compared: exact or semantic.", valueName: "mode"))
  var mode: TraceMode?

  func run() throws {
    let lines = try [first, second].map { path in
      let trace = try TraceFiles.read(path)
      let source = FileSource(embedded: trace.embedded, folder: TraceFiles.folder(of: path))
      return trace.lines(mode, symbols: trace.symbols(source)).map(\.text)
    }
    let difference = TraceDifference(lines[0], lines[1])
    guard !difference.isEmpty else { return ExitStatus.say("the events are the same") }
    print(difference.text(name: "\(first) \(second)"), terminator: "")
    throw ExitCode(ExitStatus.diverged)
  }
}
