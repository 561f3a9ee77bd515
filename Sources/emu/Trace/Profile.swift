import ArgumentParser
import Debugger
import Emulator

/// Options of a run that is measured.
struct MeasuredRun: ParsableArguments {
  @OptionGroup var run: RunOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("Where to; otherwise standard output.", valueName: "file"))
  var output: String?

  func measure() throws -> ProfileRun {
    let (machine, input, source, limit, endTime) = try run.recorded()
    var options = TraceOptions()
    options.limit = limit
    options.endTime = endTime
    return try TraceFiles.failing {
      try ProfileRun(machine, input: input, options: options, source)
    }
  }

  func write(_ text: String) throws {
    guard let output else { return print(text, terminator: "") }
    try TraceFiles.write(Array(text.utf8), to: output)
  }
}

/// `emu profile`: where a run spends its instructions.
struct Profile: ParsableCommand {
  /// What is shown.
  enum Form: String, CaseIterable, ExpressibleByArgument {
    case functions
    case lines
    case calls
    case folded
    case speedscope
  }

  static let configuration = CommandConfiguration(
    abstract: "Run a machine and say where it spends its instructions, exactly.")

  @OptionGroup var run: MeasuredRun

  @Option(
    name: .customLong("as"),
    help: ArgumentHelp(
      "functions, lines, calls (who called whom), folded (for flame graphs) or speedscope.",
      valueName: "form"))
  var form = Form.functions

  func run() throws {
    let measured = try run.measure()
    switch form {
    case .functions: try run.write(measured.tree.table())
    case .calls: try run.write(measured.tree.callGraph)
    case .folded: try run.write(measured.tree.folded)
    case .speedscope: try run.write(measured.tree.speedscope(name: measured.name))
    case .lines: try run.write(try CoverageRun.coverage(measured).table())
    }
  }
}

/// `emu coverage`: which lines and branches of a kernel were executed.
struct CoverageRun: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coverage",
    abstract: "Run a machine and write which lines and branches were executed, for lcov.")

  @OptionGroup var run: MeasuredRun

  func run() throws {
    try run.write(try Self.coverage(try run.measure()).lcov())
  }

  /// The coverage of a run, whose kernel must know its source lines.
  static func coverage(_ run: ProfileRun) throws -> Coverage {
    guard let lines = SourceLines.table(of: run.image), !lines.isEmpty else {
      throw Failure(
        "\(run.name): the kernel has no line table (DWARF); build it with -g",
        status: ExitStatus.unusableFile)
    }
    return Coverage(run.counts, lines: lines, symbols: SymbolTable(run.image?.elf))
  }
}
