import Emulator
import Glibc

/// A monitor at a socket, line by line; also the session's channel that notices a client.
public final class SocketInput: MonitorInput, SessionChannel {
  /// A line cannot be longer.
  private static let longest = 65536

  private let backend: SocketBackend
  private var received: [UInt8] = []
  /// Whether the first line is waited for even before there is a client.
  var waitsForClient = false
  /// Runs when a client has sent something while the guest runs.
  var requested: () -> Void = {}
  /// What completes a line: nobody asks for it here.
  public var completions: (String) -> [String] = { _ in [] }

  /// Takes a listening socket.
  public init(_ backend: SocketBackend) { self.backend = backend }

  /// False: the terminal stays the guest's.
  public var usesTerminal: Bool { false }

  /// False: no key comes by a socket.
  public func takeInterruption() -> Bool { false }

  private func takeLine() -> String? {
    guard let end = received.firstIndex(of: 10) else {
      if received.count > Self.longest { received = [] }
      return nil
    }
    let line = received[..<end].filter { $0 != 13 }
    received.removeFirst(end + 1)
    return String(decoding: line, as: UTF8.self)
  }

  /// Waits for a line; nil when the client has gone, or a signal came.
  public func readLine(prompt: String) -> String? {
    write(prompt)
    while true {
      if let line = takeLine() { return line }
      if backend.isConnected { waitsForClient = false }
      guard backend.isConnected || waitsForClient else { return nil }
      var requests = backend.interests.map {
        pollfd(
          fd: $0.descriptor,
          events: Int16(($0.input ? POLLIN : 0) | ($0.output ? POLLOUT : 0)), revents: 0)
      }
      guard poll(&requests, nfds_t(requests.count), -1) > 0 else { return nil }
      if requests.contains(where: { $0.revents & Int16(POLLOUT) != 0 }) { try? backend.flush() }
      guard requests.contains(where: { $0.revents & ~Int16(POLLOUT) != 0 }) else { continue }
      received += (try? backend.receive()) ?? []
    }
  }

  /// Sends text.
  public func write(_ text: String) { try? backend.send(Array(text.utf8)) }

  // MARK: While the guest runs

  /// A client, or its bytes.
  public var interests: [Interest] { backend.interests }
  /// True: a client may come.
  public var mayReceive: Bool { true }
  /// False: answers wait for the client.
  public var isCongested: Bool { false }

  /// Takes what came; a whole line asks for the monitor.
  public func exchange() throws(HostError) {
    try backend.flush()
    guard HostDescriptor.hasInput(backend.interests) else { return }
    received += try backend.receive()
    if received.contains(10) { requested() }
  }

  /// Ends the connection.
  public func close() { backend.close() }
}
