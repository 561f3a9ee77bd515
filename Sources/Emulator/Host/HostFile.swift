import Glibc

/// Reading files of the host.
public enum HostFile {
  /// The most that is read from a pipe or device, which have no size.
  private static let streamLimit = 256 << 20

  /// The whole content of the file at `path`.
  public static func read(_ path: String) throws(HostError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw HostError(path, "cannot be opened", errno: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw HostError(path, "cannot be examined", errno: errno)
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: throw HostError(path, "this is a directory, not a file")
    case S_IFREG: return try readAll(descriptor, path, expected: Int(status.st_size))
    default: return try readAll(descriptor, path, expected: 0)
    }
  }

  private static func readAll(
    _ descriptor: Int32, _ path: String, expected: Int
  ) throws(HostError) -> [UInt8] {
    var bytes: [UInt8] = []
    var capacity = max(expected, 65536)
    while true {
      let room = capacity - bytes.count
      let piece = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
        count = max(0, Glibc.read(descriptor, buffer.baseAddress, room))
      }
      if piece.isEmpty {
        // An empty piece is the end, or an error that repeats itself here.
        var byte: UInt8 = 0
        guard Glibc.read(descriptor, &byte, 1) >= 0 else {
          throw HostError(path, "cannot be read", errno: errno)
        }
        return bytes
      }
      bytes = bytes.isEmpty ? piece : bytes + piece
      if bytes.count >= capacity { capacity = bytes.count + 65536 }
      guard expected > 0 || bytes.count <= streamLimit else {
        throw HostError(path, "has no end, as far as \(streamLimit >> 20) MiB were read")
      }
    }
  }
}

extension KernelImage {
  /// The kernel in the file at `path`.
  public static func file(
    _ path: String, bootProtocol: BootProtocol? = nil
  ) throws -> KernelImage {
    try KernelImage(HostFile.read(path), name: path, bootProtocol: bootProtocol)
  }
}
