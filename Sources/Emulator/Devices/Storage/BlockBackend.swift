/// The content of a disk, as a controller sees it: bytes that are read and written at once.
///
/// A disk controller cuts sectors out of it. Calls return when the bytes have moved, so that the
/// moment at which a guest sees them depends on nothing but the guest.
public protocol BlockBackend: AnyObject {
  /// The size in bytes, a multiple of 512.
  var size: UInt64 { get }

  /// Whether writes are refused.
  var isReadOnly: Bool { get }

  /// Fills `buffer` with the bytes from `offset` on; false if they cannot be had.
  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool

  /// Replaces the bytes from `offset` on; false if they cannot be kept.
  func write(at offset: UInt64, _ bytes: UnsafeRawBufferPointer) -> Bool

  /// Makes everything written so far last; false if that fails.
  func flush() -> Bool
}

extension BlockBackend {
  /// Whether a range of bytes lies on the disk.
  public func contains(_ offset: UInt64, count: UInt64) -> Bool {
    offset <= size && count <= size - offset
  }

  /// The bytes from `offset` on, nil if they cannot be had.
  public func read(at offset: UInt64, count: Int) -> [UInt8]? {
    guard count >= 0, contains(offset, count: UInt64(count)) else { return nil }
    var isRead = false
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      isRead = read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
      initialized = isRead ? count : 0
    }
    return isRead ? bytes : nil
  }

  /// Replaces the bytes from `offset` on; false if they cannot be kept.
  public func write(at offset: UInt64, _ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { write(at: offset, $0) }
  }
}
