import Emulator

/// GDB in a session: its socket, and the machine that it steers.
///
/// The machine runs while nobody is attached, stops when a client comes, and goes on when it leaves
/// with `detach`. One that leaves in another way leaves a stopped machine stopped, for the next.
public final class GDBConnection: SessionChannel, SessionController {
  private let server: GDBServer
  private let socket: SocketBackend
  private let say: (String) -> Void

  /// Serves the machine of `server` at a socket.
  ///
  /// - Parameters:
  ///   - server: What knows the protocol.
  ///   - socket: Where clients come.
  ///   - waits: Whether the machine waits for a client before its first instruction.
  ///   - say: Shows the user a line that is not the guest's.
  public init(
    _ server: GDBServer, socket: SocketBackend, waits: Bool, say: @escaping (String) -> Void
  ) {
    self.server = server
    self.socket = socket
    self.say = say
    socket.refusal = "emu: another debugger is attached"
    if !waits { server.goOn() }
  }

  // MARK: The session's controller

  /// While a client looks around, or is waited for.
  public var isHolding: Bool { !server.isRunning }
  /// After the client's `kill`.
  public var wantsEnd: Bool { server.isKilled }

  /// Not while the past is replayed.
  public var acceptsInput: Bool { !server.debuggee.isReplaying }
  /// Never: the user is at the other end of the socket.
  public var usesTerminal: Bool { false }

  /// What is left to decide has no client who would want to know.
  public func decide(_ stop: StopReason) -> SessionDecision { .end }

  /// Stops the machine as the client's Ctrl-C does.
  public func attention() {
    if server.isAttached {
      server.interrupt()
    } else {
      say("no debugger is attached")
    }
  }

  /// Lets the machine do what the client wants.
  public func run(
    until condition: StopCondition, limit: UInt64, timeLimit: UInt64
  ) -> StopReason {
    let reason = server.run(until: condition, limit: limit, timeLimit: timeLimit)
    // A client that is told of a stop says nothing before, so nothing would wake the session.
    sendOutput()
    return reason ?? .instructionLimit
  }

  // MARK: The session's channel

  /// The socket's.
  public var interests: [Interest] { socket.interests }
  /// Never: what comes is not for the guest.
  public var mayReceive: Bool { false }
  /// Never: the guest sends nothing here.
  public var isCongested: Bool { false }

  /// Passes packets to the server, and replies back.
  public func exchange() throws(HostError) {
    let wasConnected = socket.isConnected
    let bytes = try socket.receive()
    if !wasConnected && socket.isConnected { server.attach() }
    server.receive(bytes)
    sendOutput()
    try socket.flush()
    if server.isAttached && !socket.isConnected { lose() }
  }

  /// A socket that cannot be written to drops its client, which is found out by looking.
  private func sendOutput() {
    let output = server.takeOutput()
    if !output.isEmpty { try? socket.send(output) }
  }

  private func lose() {
    server.detach()
    if !server.isRunning && !server.isKilled {
      say("the debugger has gone; the machine stands still until one attaches")
    }
  }

  /// Ends the connection, telling a client that waits.
  public func close() {
    server.finish()
    sendOutput()
    socket.close()
  }
}
