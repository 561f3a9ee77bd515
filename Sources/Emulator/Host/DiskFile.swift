import Glibc

/// A file or block device of the host as the content of a disk.
///
/// A size that is no multiple of 512 is rounded up; what lies behind the end reads as zeroes. The
/// file is locked, so that nobody else writes to it meanwhile.
public final class DiskFile: BlockBackend, Sendable {
  private let descriptor: Int32

  /// The size in bytes, rounded up to whole sectors.
  public let size: UInt64
  /// Whether the file was opened for reading only.
  public let isReadOnly: Bool

  /// Opens the file at `path`.
  public init(path: String, isReadOnly: Bool) throws(HostError) {
    let mode = isReadOnly ? O_RDONLY : O_RDWR
    descriptor = open(path, mode | O_CLOEXEC)
    self.isReadOnly = isReadOnly
    guard descriptor >= 0 else {
      size = 0
      throw HostError(
        path, isReadOnly ? "cannot be opened" : "cannot be opened for writing", errno: errno)
    }
    size = try Self.sectorBytes(descriptor, path)
    guard flock(descriptor, (isReadOnly ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 else {
      throw HostError(
        path,
        isReadOnly
          ? "another machine or program writes to it"
          : "it is in use; only one machine can write to it, or several read it")
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  private static func sectorBytes(
    _ descriptor: Int32, _ path: String
  ) throws(HostError) -> UInt64 {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw HostError(path, "cannot be examined", errno: errno)
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: throw HostError(path, "this is a directory, not a disk")
    case S_IFREG, S_IFBLK: break
    default: throw HostError(path, "this is neither a file nor a block device")
    }
    // A block device has no size in its status.
    let end = lseek(descriptor, 0, SEEK_END)
    guard end > 0 else { throw HostError(path, "this file is empty; a disk needs a sector") }
    return (UInt64(end) + 511) / 512 * 512
  }

  /// Reads from the file.
  public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    guard contains(offset, count: UInt64(buffer.count)) else { return false }
    var done = 0
    while done < buffer.count, let base = buffer.baseAddress {
      let count = pread(descriptor, base + done, buffer.count - done, Int(offset) + done)
      if count < 0 {
        guard errno == EINTR else { return false }
      } else if count == 0 {
        (base + done).initializeMemory(as: UInt8.self, repeating: 0, count: buffer.count - done)
        return true
      } else {
        done += count
      }
    }
    return true
  }

  /// Writes to the file.
  public func write(at offset: UInt64, _ bytes: UnsafeRawBufferPointer) -> Bool {
    guard !isReadOnly, contains(offset, count: UInt64(bytes.count)) else { return false }
    var done = 0
    while done < bytes.count, let base = bytes.baseAddress {
      let count = pwrite(descriptor, base + done, bytes.count - done, Int(offset) + done)
      if count < 0 {
        guard errno == EINTR else { return false }
      } else {
        done += count
      }
    }
    return true
  }

  /// Waits until the host's disk has everything.
  public func flush() -> Bool { isReadOnly || fdatasync(descriptor) == 0 }
}
