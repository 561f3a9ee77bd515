import ArgumentParser
import Debugger
import Emulator

/// Options of a run that is measured.
struct MeasuredRun: ParsableArguments {
  @OptionGroup var run: RunOptions

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Where to; otherwise standard output.", valueName: "file"))
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

  @OptionGroup var measured: MeasuredRun

  @Option(
    name: .customLong("as"),
    help: ArgumentHelp(
      "functions, lines, calls (who called whom), folded (for flame graphs) or speedscope.",
      valueName: "form"))
  var form = Form.functions

  func run() throws {
    let run = try measured.measure()
    switch form {
    case .functions: try measured.write(run.tree.table())
    case .calls: try measured.write(run.tree.callGraph)
    case .folded: try measured.write(run.tree.folded)
    case .speedscope: try measured.write(run.tree.speedscope(name: run.name))
    case .lines: try measured.write(try CoverageRun.coverage(run).table())
    }
  }
}

/// `emu coverage`: which lines and branches of a kernel were executed.
struct CoverageRun: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coverage",
    abstract: "Run a machine and write which lines and branches were executed, for lcov.")

  @OptionGroup var measured: MeasuredRun

  func run() throws {
    try measured.write(try Self.coverage(try measured.measure()).lcov())
  }

  /// The coverage of a run, whose kernel must know its source lines.
  static func coverage(_ run: ProfileRun) throws -> Coverage {
    let lines = LineRange.table(of: run.image, slide: run.slide)
    guard !lines.isEmpty else {
      throw Failure(
        "\(run.name): the kernel has no line table (DWARF); build it with -g",
        status: ExitStatus.unusableFile)
    }
    var symbols = SymbolTable(run.image?.elf)
    symbols.slide = run.slide
    return Coverage(run.counts, lines: lines, symbols: symbols)
  }
}
