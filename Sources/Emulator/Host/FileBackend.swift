import Glibc

/// Writes what the guest sends to a file.
public final class FileBackend: SerialBackend {
  private let path: String
  private var descriptor: Int32

  /// Makes the file, or empties it.
  public init(path: String) throws(HostError) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw HostError(path, "cannot be written", errno: errno) }
  }

  deinit { close() }

  /// Nothing: files do not keep anybody waiting.
  public var interests: [Interest] { [] }
  /// Never.
  public var mayReceive: Bool { false }
  /// Never.
  public var isCongested: Bool { false }
  /// Nothing.
  public func receive() -> [UInt8] { [] }

  /// Writes the bytes.
  public func send(_ bytes: [UInt8]) throws(HostError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      switch HostDescriptor.write(descriptor, rest) {
      case .written(let count) where count > 0: rest = rest.dropFirst(count)
      case .written, .closed: throw HostError(path, "nobody reads it any more")
      case .failed(let number): throw HostError(path, "cannot be written", errno: number)
      }
    }
  }

  /// Does nothing: nothing is kept.
  public func flush() {}

  /// Closes the file.
  public func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }
}
