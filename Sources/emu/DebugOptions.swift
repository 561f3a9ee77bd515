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

  /// Listens for a debugger, if one may come.
  func connect(
    _ machine: Machine, symbols: ProgramSymbols, waits: Bool, quiet: Bool
  ) throws -> GDBConnection? {
    guard let gdb else { return nil }
    let socket = try SocketBackend(host: gdb.host, port: gdb.port)
    if waits && !quiet { ExitStatus.say("waiting for gdb: target remote :\(gdb.port)") }
    let debuggee = Debuggee(machine)
    let server = GDBServer(debuggee)
    let monitor = Monitor(debuggee, symbols: symbols)
    server.monitor = { monitor.execute($0) }
    return GDBConnection(server, socket: socket, waits: waits, say: ExitStatus.say)
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
