import ArgumentParser
import Debugger
import Emulator
import Glibc

/// `emu replay`: runs what was recorded again, and compares as it goes.
struct Replay: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run again what boot --record, bundle or trace record wrote, and compare.")

  @Argument(help: ArgumentHelp("The recorded run.", valueName: "file"))
  var file: String

  @Option(
    name: .customLong("to"),
    help: ArgumentHelp(
      "Stop when so many instructions have retired, and show where.", valueName: "n"))
  var position: UInt64?

  @Flag(
    help:
      "Look into the run in the monitor instead of comparing it; from --to on, if that is given.")
  var debug = false

  @Option(
    help: ArgumentHelp("For --debug: do the monitor's commands in a file first.", valueName: "file")
  )
  var script: String?

  @Option(
    help: ArgumentHelp(
      "For --debug: an ELF file with the kernel's symbols and debugging sections.",
      valueName: "file"))
  var symbols: String?

  @Flag(help: "Show nothing but differences.")
  var quiet = false

  func run() throws {
    let trace = try TraceFiles.read(file)
    let source = FileSource(embedded: trace.embedded, folder: TraceFiles.folder(of: file))
    let quiet = quiet
    let make = {
      let machine = try trace.machine.makeMachine(source)
      machine.console.keepsOutput = false
      guard !quiet else { return machine }
      machine.console.transmitted = { byte in
        var byte = byte
        write(STDOUT_FILENO, &byte, 1)
      }
      return machine
    }
    if debug { return try debug(trace, make) }
    if let position { return try show(trace, at: position, make) }
    try TraceFiles.failing {
      // What is compared is made once; looking for the place of a difference makes no output.
      var isFirst = true
      let check = TraceCheck(trace, folder: TraceFiles.folder(of: file)) {
        defer { isFirst = false }
        return isFirst ? try trace.machine.makeMachine(source) : try make()
      }
      let result = try check()
      guard let divergence = result.divergence else {
        if !quiet {
          ExitStatus.say(
            "\(file): \(result.end.instructionCount) instructions, \(trace.digests.count) digests "
              + "and \(trace.eventCount) events as recorded; \(result.end.reason)")
        }
        return
      }
      let report = DivergenceReport(divergence, name: file, input: trace.input) {
        try trace.machine.makeMachine(source)
      }
      print(report.text, terminator: "")
      throw Failure("\(file): the replay diverges", status: ExitStatus.diverged)
    }
  }

  /// The recorded run in the monitor, forwards and backwards.
  private func debug(_ trace: Trace, _ make: () throws -> Machine) throws {
    let (machine, _, _) = try TraceFiles.failing {
      try trace.machine(at: position ?? 0, make: make)
    }
    let monitor = Monitor(
      Debuggee(machine, replaying: trace.input),
      symbols: try MonitorOptions.symbols(of: machine, file: symbols))
    let script = try MonitorOptions.lines(ofScript: script)
    MonitorController.converse(monitor, TerminalInput(), script: script)
  }

  private func show(_ trace: Trace, at position: UInt64, _ make: () throws -> Machine) throws {
    let (machine, stop, executed) = try TraceFiles.failing {
      try trace.machine(at: position, make: make)
    }
    if !quiet, executed < machine.instructionCount {
      ExitStatus.say("from the checkpoint at \(machine.instructionCount - executed) instructions")
    }
    ExitStatus.say(machine.diagnosis(of: stop).lines.joined(separator: "\n"))
  }
}
