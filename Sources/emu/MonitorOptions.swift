import ArgumentParser
import Debugger
import Emulator

/// Where `--monitor` puts the monitor.
enum MonitorPlace: ExpressibleByArgument, Equatable {
  case stdio
  case socket(SerialOption)

  init?(argument: String) {
    switch SerialOption(argument: argument) {
    case .stdio: self = .stdio
    case .unix(let path): self = .socket(.unix(path))
    case .tcp(let host, let port): self = .socket(.tcp(host: host, port: port))
    default: return nil
    }
  }
}

/// Options of the commands that let a user look into the machine.
struct MonitorOptions: ParsableArguments {
  @Option(
    name: .customLong("monitor"),
    help: ArgumentHelp(
      "Where the monitor is: stdio (Ctrl-A c, the default at a terminal), unix:PATH or "
        + "tcp:HOST:PORT (both listen).", valueName: "where"))
  var place: MonitorPlace?

  @Flag(help: "Stop in the monitor before the first instruction.")
  var wait = false

  @Option(
    help: ArgumentHelp(
      "An ELF file with the kernel's symbols and debugging sections, if those are not in the image.",
      valueName: "file"))
  var symbols: String?

  @Option(
    help: ArgumentHelp("Do the monitor's commands in a file first.", valueName: "file"))
  var script: String?

  /// What the monitor at standard input or at a socket reads from; nil for no monitor.
  func openInput(atTerminal: Bool, isDebugging: Bool) throws -> (any MonitorInput)? {
    switch place {
    case .socket(let place)?:
      do {
        guard let backend = try place.open() as? SocketBackend else { return nil }
        return SocketInput(backend)
      } catch let error as HostError {
        throw Failure(error, status: ExitStatus.unusableFile)
      }
    case .stdio?: return TerminalInput()
    case nil: return atTerminal || isDebugging || script != nil ? TerminalInput() : nil
    }
  }

  /// The lines of the script.
  func scriptLines() throws -> [String] { try Self.lines(ofScript: script) }

  /// The lines of a script, none without one.
  static func lines(ofScript path: String?) throws -> [String] {
    guard let path else { return [] }
    let text = String(decoding: try MachineOptions.read(path), as: UTF8.self)
    return text.split(whereSeparator: \.isNewline).map(String.init)
  }

  /// The symbols of a machine's kernel.
  func readSymbols(of machine: Machine) throws -> ProgramSymbols {
    try Self.symbols(of: machine, file: symbols)
  }

  /// The symbols of a machine's kernel, from a file if one is named.
  static func symbols(of machine: Machine, file: String?) throws -> ProgramSymbols {
    do {
      return try ProgramSymbols(
        of: machine.image, symbolFile: file,
        others: BundledKernel.buildOutput(of: machine.image?.elf?.name))
    } catch let error as any CustomStringConvertible & Error {
      throw Failure(error, status: ExitStatus.unusableFile)
    }
  }
}
