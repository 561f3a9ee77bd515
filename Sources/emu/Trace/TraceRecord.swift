import ArgumentParser
import Debugger
import Emulator

/// `emu trace record`: runs a machine and records it.
struct TraceRecord: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record", abstract: "Run a machine and record it.")

  @OptionGroup var recorded: RunOptions
  @OptionGroup var tracks: TrackOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("The trace to write.", valueName: "file"))
  var output: String

  @Flag(help: "Put the image and all other files into the trace, so that it runs anywhere.")
  var embed = false

  func run() throws {
    let (machine, input, source, limit, endTime) = try recorded.recorded()
    var options = tracks.options(limit: limit)
    options.endTime = endTime
    let trace = try TraceFiles.failing {
      var trace = try Trace.record(machine, input: input, options: options, source: source)
      if embed { trace.embedded = try machine.contents(source) }
      return trace
    }
    try TraceFiles.write(trace, to: output, symbols: trace.symbols(source))
    guard !recorded.quiet, let end = trace.end else { return }
    ExitStatus.say(
      "\(output): \(trace.eventCount) events of \(end.instructionCount) instructions; \(end.reason)"
    )
  }
}

/// `emu bundle`: one file that replays anywhere.
struct Bundle: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Put a run into one small file that replays anywhere.",
    discussion: """
      The file has the image and everything else that the machine is made of, what came from \
      outside, digests and events, and a snapshot near the end. emu replay runs it again and compares.
      """)

  @OptionGroup var recorded: RunOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "file"))
  var output: String

  @Option(
    help: ArgumentHelp(
      "Where a snapshot is taken, from which emu replay --to goes on: a million instructions before "
        + "the end unless told otherwise; 0 for none.", valueName: "n"))
  var checkpoint: UInt64?

  @Flag(help: "Name the files by their digests only: they are wanted at the same places again.")
  var withoutFiles = false

  func run() throws {
    let (machine, input, source, limit, endTime) = try recorded.recorded()
    var options = TraceOptions()
    options.limit = limit
    options.endTime = endTime
    let trace = try TraceFiles.failing {
      var trace = try Trace.record(machine, input: input, options: options, source: source)
      if !withoutFiles { trace.embedded = try machine.contents(source) }
      let end = trace.end?.instructionCount ?? 0
      let position = checkpoint ?? (end > 1_000_000 ? end - 1_000_000 : 0)
      if position > 0 {
        let (made, _, _) = try trace.machine(at: min(position, end)) {
          try machine.makeMachine(source)
        }
        trace.checkpoint = try Trace.Checkpoint(made)
      }
      return trace
    }
    let bytes = try TraceFiles.failing { try trace.binary() }
    try TraceFiles.write(bytes, to: output)
    guard !recorded.quiet, let end = trace.end else { return }
    ExitStatus.say(
      "\(output): \(bytes.count) bytes for \(end.instructionCount) instructions; \(end.reason)")
  }
}
