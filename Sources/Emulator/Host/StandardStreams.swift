import Glibc

/// Connects the serial port to standard input and output.
public final class StandardStreams: SerialBackend {
  /// What the user asked for by a key, when standard input is a terminal.
  public private(set) var command: EscapeFilter.Command?

  private let terminal: Terminal?
  private var escape = EscapeFilter()
  private var isInputOpen: Bool

  /// Connects the streams.
  ///
  /// - Parameters:
  ///   - readsInput: Whether standard input is the guest's at all.
  ///   - terminal: The terminal at standard input, in raw mode, if there is one.
  public init(readsInput: Bool, terminal: Terminal?) {
    self.terminal = terminal
    isInputOpen = readsInput && fcntl(STDIN_FILENO, F_GETFD) >= 0
  }

  /// Standard input until its end.
  public var interests: [Interest] {
    isInputOpen ? [Interest(descriptor: STDIN_FILENO, input: true)] : []
  }

  /// Until the end of standard input.
  public var mayReceive: Bool { isInputOpen }

  /// Never: standard output waits for its reader.
  public var isCongested: Bool { false }

  /// Takes what was typed; the escape key's commands are kept in `command`.
  public func receive() -> [UInt8] {
    guard isInputOpen else { return [] }
    guard let bytes = HostDescriptor.read(STDIN_FILENO) else {
      isInputOpen = false
      return []
    }
    guard terminal != nil else { return bytes }
    let (forGuest, command) = escape.filter(bytes)
    if let command { self.command = command }
    return forGuest
  }

  /// Takes the command that was asked for last.
  public func takeCommand() -> EscapeFilter.Command? {
    defer { command = nil }
    return command
  }

  /// Writes to standard output.
  public func send(_ bytes: [UInt8]) throws(HostError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      switch HostDescriptor.write(STDOUT_FILENO, rest) {
      case .written(let count):
        rest = rest.dropFirst(count)
        // Another process may have made the terminal non-blocking.
        if !rest.isEmpty { waitForRoom() }
      case .closed:
        throw HostError("standard output", "nobody reads it any more", kind: .closedOutput)
      case .failed(let number):
        throw HostError("standard output", "cannot be written", errno: number)
      }
    }
  }

  private func waitForRoom() {
    var request = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
    poll(&request, 1, 100)
  }

  /// Does nothing: nothing is kept.
  public func flush() {}

  /// Does nothing: the terminal is restored by whoever changed it.
  public func close() {}
}
