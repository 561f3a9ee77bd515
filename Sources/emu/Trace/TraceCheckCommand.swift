import ArgumentParser
import Debugger
import Emulator

/// Options that make a recorded machine with other files.
struct ReplacementOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Take this kernel instead of the recorded one.", valueName: "file"))
  var image: String?

  @Option(help: ArgumentHelp("Take this seed instead of the recorded one.", valueName: "n"))
  var seed: UInt64?

  @Option(
    help: ArgumentHelp(
      "Type the content of a file on the serial console instead of the recorded input.",
      valueName: "file"))
  var input: String?

  /// Makes the machine of a trace, with the replacements.
  func maker(_ trace: Trace, path: String) -> () throws -> Machine {
    var machine = trace.machine
    if let seed { machine.set("seed", "\(seed)") }
    let source = source(trace, path: path)
    return { [machine] in try machine.makeMachine(source) }
  }

  func source(_ trace: Trace, path: String) -> FileSource {
    FileSource(
      embedded: trace.embedded, replacements: image.map { [.image: $0] } ?? [:],
      folder: TraceFiles.folder(of: path))
  }

  /// What comes from outside instead of what was recorded, nil for that.
  func inputLog(_ make: () throws -> Machine) throws -> InputLog? {
    guard let input else { return nil }
    let machine = try make()
    machine.console.send(try HostFile.read(input))
    return machine.inputLog
  }
}

/// `emu trace check`: runs a recorded machine again and compares.
struct TraceCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Run again and compare; status 7 at the first difference.")

  @Argument(help: ArgumentHelp("The traces.", valueName: "file"))
  var files: [String]

  @OptionGroup var replacements: ReplacementOptions

  @Flag(help: "Say nothing where a run is as it was.")
  var quiet = false

  func run() throws {
    var diverged = 0
    for file in files {
      if let report = try check(file) {
        diverged += 1
        print(report.text, terminator: "")
      } else if !quiet {
        ExitStatus.say("\(file): as recorded")
      }
    }
    if diverged > 0 { throw ExitCode(ExitStatus.diverged) }
  }

  private func check(_ file: String) throws -> DivergenceReport? {
    let trace = try TraceFiles.read(file)
    let make = replacements.maker(trace, path: file)
    return try TraceFiles.failing {
      let input = try replacements.inputLog(make)
      let check = TraceCheck(
        trace, input: input, folder: TraceFiles.folder(of: file), make: make)
      guard let divergence = try check().divergence else { return nil }
      return DivergenceReport(divergence, name: file, input: input ?? trace.input, make: make)
    }
  }
}

/// `emu trace accept`: records anew what a check would compare.
struct TraceAccept: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "accept", abstract: "Record a trace anew, and show what has changed.")

  @Argument(help: ArgumentHelp("The traces.", valueName: "file"))
  var files: [String]

  @OptionGroup var replacements: ReplacementOptions

  func run() throws {
    for file in files {
      let old = try TraceFiles.read(file)
      let make = replacements.maker(old, path: file)
      let source = replacements.source(old, path: file)
      let new = try TraceFiles.failing {
        var machine = old.machine
        if let seed = replacements.seed { machine.set("seed", "\(seed)") }
        try machine.refresh(source)
        let input = try replacements.inputLog(make) ?? old.input
        var trace = try Trace.record(machine, input: input, options: old.options, make: make)
        if !old.embedded.isEmpty { trace.embedded = try machine.contents(source) }
        return trace
      }
      let symbols = SymbolTable(try? make().image?.elf)
      let difference = TraceDifference(
        old.lines(symbols: symbols).map(\.text), new.lines(symbols: symbols).map(\.text))
      print(
        difference.isEmpty ? "\(file): nothing changed\n" : difference.text(name: file),
        terminator: "")
      try TraceFiles.write(new, to: file, symbols: symbols)
    }
  }
}
