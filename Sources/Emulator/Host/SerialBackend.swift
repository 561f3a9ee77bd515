/// What a serial port of the guest is connected to on the host.
public protocol SerialBackend: AnyObject {
  /// The descriptors to wait on, and whether for input, output or both.
  var interests: [Interest] { get }

  /// Whether input may still come.
  var mayReceive: Bool { get }

  /// Whether so much output waits that the guest must not make more.
  var isCongested: Bool { get }

  /// Takes what has arrived, without waiting. Call it when a descriptor is ready for input.
  func receive() throws(HostError) -> [UInt8]

  /// Sends bytes, or keeps them until the other end takes them.
  func send(_ bytes: [UInt8]) throws(HostError)

  /// Sends what was kept, as far as the other end takes it without waiting.
  func flush() throws(HostError)

  /// Ends the connection and removes what was made for it.
  func close()
}

/// A descriptor that a backend waits for.
public struct Interest: Equatable, Sendable {
  /// The descriptor.
  public let descriptor: Int32
  /// Whether to wake when there is input.
  public var input = false
  /// Whether to wake when there is room for output.
  public var output = false
}

/// Connects the serial port to nothing.
public final class NullBackend: SerialBackend {
  /// Makes a backend.
  public init() {}

  /// Nothing.
  public var interests: [Interest] { [] }
  /// Never.
  public var mayReceive: Bool { false }
  /// Never.
  public var isCongested: Bool { false }
  /// Nothing.
  public func receive() -> [UInt8] { [] }
  /// Drops the bytes.
  public func send(_ bytes: [UInt8]) {}
  /// Does nothing.
  public func flush() {}
  /// Does nothing.
  public func close() {}
}
