import ArgumentParser
import Debugger
import Emulator

/// `emu trace export`: a trace for other programs.
struct TraceExport: ParsableCommand {
  /// What can be written.
  enum Format: String, CaseIterable, ExpressibleByArgument {
    /// A timeline for Perfetto and Chrome.
    case perfetto
    /// Stacks for flame graphs.
    case folded
    /// A profile for speedscope.
    case speedscope
    /// Coverage for lcov and genhtml.
    case lcov
    /// Changes for the Tenet trace explorer.
    case tenet
  }

  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a trace for another program.",
    discussion: "What the trace does not have, the recorded machine is run again for.")

  @Argument(help: ArgumentHelp("The trace.", valueName: "file"))
  var file: String

  @Option(name: .shortAndLong, help: "What to write.")
  var format: Format

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Where to; otherwise standard output.", valueName: "file"))
  var output: String?

  func run() throws {
    let trace = try TraceFiles.read(file)
    let source = FileSource(embedded: trace.embedded, folder: TraceFiles.folder(of: file))
    let text = try TraceFiles.failing { try self.text(trace, source) }
    guard let output else { return print(text, terminator: "") }
    try TraceFiles.write(Array(text.utf8), to: output)
  }

  private func text(_ trace: Trace, _ source: FileSource) throws -> String {
    switch format {
    case .perfetto:
      var whole = trace
      if trace.text != nil || !trace.options.kinds.contains(.thread) {
        whole = try again(trace, source) { $0.kinds = [.usual, .thread, trace.options.kinds] }
      }
      return ChromeTrace(
        whole.decodedEvents(), symbols: trace.symbols(source), processors: trace.processors
      ).json
    case .tenet:
      var whole = trace
      if trace.deltas.isEmpty { whole = try again(trace, source) { $0.recordsDeltas = true } }
      return TenetTrace.text(whole.deltas, processors: trace.processors)
    case .folded, .speedscope:
      let run = try ProfileRun(trace.machine, input: trace.input, options: trace.options, source)
      return format == .folded ? run.tree.folded : run.tree.speedscope(name: file)
    case .lcov:
      let run = try ProfileRun(trace.machine, input: trace.input, options: trace.options, source)
      return try CoverageRun.coverage(run).lcov(name: "emu")
    }
  }

  private func again(
    _ trace: Trace, _ source: FileSource, _ change: (inout TraceOptions) -> Void
  ) throws -> Trace {
    var options = trace.options
    change(&options)
    return try Trace.record(trace.machine, input: trace.input, options: options, source: source)
  }
}
