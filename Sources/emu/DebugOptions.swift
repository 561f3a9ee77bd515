import ArgumentParser
import Debugger
import Emulator

/// Options that let a debugger attach.
struct DebugOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Let GDB attach: target remote :port. Others than this host can only where a host is told.",
      valueName: "[host:]port"))
  var gdb: DebugAddress?

  @Flag(help: "With --gdb, do nothing before a debugger has attached and says so.")
  var wait = false

  func validate() throws {
    if wait && gdb == nil { throw ValidationError("--wait waits for a debugger: it takes --gdb") }
  }

  /// Listens for a debugger, if one may come.
  func connect(
    _ machine: Machine, quiet: Bool, symbols: () throws -> ProgramSymbols
  ) throws -> GDBConnection? {
    guard let gdb else { return nil }
    let socket = try SocketBackend(host: gdb.host, port: gdb.port)
    if wait && !quiet { ExitStatus.say("waiting for gdb: target remote :\(gdb.port)") }
    let server = GDBServer(Debuggee(machine))
    let monitor = Monitor(server.debuggee, symbols: try symbols())
    server.monitor = { monitor.execute($0) }
    return GDBConnection(
      server, socket: socket, waits: wait, say: ExitStatus.say)
  }
}

/// Where a debugger attaches: `[HOST:]PORT`.
struct DebugAddress: ExpressibleByArgument {
  /// Empty for the loopback interface.
  let host: String
  let port: UInt16

  init?(argument: String) {
    let colon = argument.lastIndex(of: ":")
    let digits = colon.map { argument[argument.index(after: $0)...] } ?? argument[...]
    guard let port = UInt16(digits), port > 0 else { return nil }
    let name = colon.map { argument[..<$0] } ?? ""
    let isBracketed = name.hasPrefix("[") && name.hasSuffix("]")
    host = String(isBracketed ? name.dropFirst().dropLast() : name)
    self.port = port
  }
}
