import Emulator
import Synchronization

/// A disk whose writes stay in memory and are remembered one by one, so that the disk can be had
/// again as it was after each of them.
///
/// What lies below is only read. A machine gets it as a `writable` drive.
public final class RecordedDisk: BlockBackend, Sendable {
  /// A write of the guest's.
  public struct Write: Equatable, Sendable {
    /// Where it begins, in bytes.
    public let offset: UInt64
    /// What was written.
    public let bytes: [UInt8]
    /// Writes that the last flush before this one made last.
    package let flushedCount: Int
  }

  /// All that changes.
  private struct Content {
    let overlay: DiskOverlay
    var writes: [Write] = []
    var flushedCount = 0
  }

  private let below: any BlockBackend & Sendable
  private let content: Mutex<Content>

  /// Makes a disk that begins with the content of `below`.
  public init(over below: any BlockBackend & Sendable) {
    self.below = below
    content = Mutex(Content(overlay: DiskOverlay(over: below)))
  }

  /// The size of what lies below.
  public var size: UInt64 { below.size }

  /// Never.
  public var isReadOnly: Bool { false }

  /// Every write so far, in the order in which they came.
  public var writes: [Write] { content.withLock { $0.writes } }

  /// Fills `buffer` with what was written last, or else with what lies below.
  public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    guard contains(offset, count: UInt64(buffer.count)) else { return false }
    let bytes = content.withLock { $0.overlay.read(at: offset, count: buffer.count) }
    guard let bytes else { return false }
    buffer.copyBytes(from: bytes)
    return true
  }

  /// Remembers the write.
  public func write(at offset: UInt64, _ bytes: UnsafeRawBufferPointer) -> Bool {
    let bytes = [UInt8](bytes)
    return content.withLock { content in
      guard content.overlay.write(at: offset, bytes) else { return false }
      content.writes.append(
        Write(offset: offset, bytes: bytes, flushedCount: content.flushedCount))
      return true
    }
  }

  /// Makes what was written so far last, whatever is lost later.
  public func flush() -> Bool {
    content.withLock { $0.flushedCount = $0.writes.count }
    return true
  }

  /// The disk as it is when the power fails behind a write.
  ///
  /// - Parameters:
  ///   - count: The writes that came before the power failed.
  ///   - isLost: Whether a write, counted from 0, was still in the disk's own memory. It is asked
  ///     about those behind the last flush: a disk may write them in any order.
  /// - Returns: A disk of its own, over the same below.
  public func disk(after count: Int, losing isLost: (Int) -> Bool = { _ in false }) -> RecordedDisk
  {
    let writes = writes.prefix(max(0, count))
    let flushedCount = writes.last?.flushedCount ?? 0
    let copy = RecordedDisk(over: below)
    for (index, write) in writes.enumerated() where index < flushedCount || !isLost(index) {
      _ = copy.write(at: write.offset, write.bytes)
    }
    return copy
  }
}
