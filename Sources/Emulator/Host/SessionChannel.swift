/// Something of the host that a session connects to a machine beside its console.
public protocol SessionChannel: AnyObject {
  /// The descriptors to wait on now.
  var interests: [Interest] { get }

  /// Whether input may still come, so that an idle machine must wait for it.
  var mayReceive: Bool { get }

  /// Whether so much output waits that the guest must not make more.
  var isCongested: Bool { get }

  /// Passes on what came from either side, without waiting.
  func exchange() throws(HostError)

  /// Ends the connection.
  func close()
}

/// A console of a machine and what it is connected to.
public final class ConsoleChannel: SessionChannel {
  private let console: SerialConsole
  private let backend: any SerialBackend
  private var output: [UInt8] = []

  /// Connects `console` to `backend`.
  public init(_ console: SerialConsole, _ backend: any SerialBackend) {
    self.console = console
    self.backend = backend
    console.keepsOutput = false
    console.transmitted = { [unowned self] byte in output.append(byte) }
  }

  /// The other end's.
  public var interests: [Interest] { backend.interests }
  /// The other end's answer.
  public var mayReceive: Bool { backend.mayReceive }
  /// The other end's answer.
  public var isCongested: Bool { backend.isCongested }

  /// Sends output, and types what has come.
  public func exchange() throws(HostError) {
    if !output.isEmpty {
      let bytes = output
      output = []
      try backend.send(bytes)
    } else {
      try backend.flush()
    }
    if HostDescriptor.hasInput(backend.interests) { console.send(try backend.receive()) }
  }

  /// Ends the connection.
  public func close() {
    console.transmitted = nil
    backend.close()
  }
}
