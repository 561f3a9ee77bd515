/// A disk whose writes stay in memory: what lies below is only read.
///
/// What was written is part of the machine's state, so a run with a snapshot of a disk repeats.
public final class DiskOverlay: BlockBackend, StatefulDevice {
  /// A piece of the disk that was written to.
  public struct Chunk: Codable, Equatable, Sendable {
    package let index: UInt64
    package let bytes: [UInt8]
  }

  /// Every piece that was written to, in ascending order.
  public struct State: Codable, Equatable, Sendable {
    package var chunks: [Chunk] = []
  }

  private static let chunkSize = 4096

  private let below: any BlockBackend
  private var chunks: [UInt64: [UInt8]] = [:]

  /// Makes a disk that begins with the content of `below`.
  public init(over below: any BlockBackend) { self.below = below }

  /// Every piece that was written to.
  public var state: State {
    get {
      State(
        chunks: chunks.keys.sorted().compactMap { index in
          chunks[index].map { Chunk(index: index, bytes: $0) }
        })
    }
    set {
      chunks = [:]
      for chunk in newValue.chunks where chunk.bytes.count == Self.chunkSize {
        chunks[chunk.index] = chunk.bytes
      }
    }
  }

  /// The size of what lies below.
  public var size: UInt64 { below.size }

  /// Never.
  public var isReadOnly: Bool { false }

  /// Takes each piece from memory, or else from below.
  public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    guard contains(offset, count: UInt64(buffer.count)) else { return false }
    return eachPiece(offset, count: buffer.count) { index, first, range in
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[range])
      guard let chunk = chunks[index] else {
        return below.read(at: offset + UInt64(range.lowerBound), into: target)
      }
      target.copyBytes(from: chunk[first..<first + range.count])
      return true
    }
  }

  /// Keeps the bytes in memory.
  public func write(at offset: UInt64, _ bytes: UnsafeRawBufferPointer) -> Bool {
    guard contains(offset, count: UInt64(bytes.count)) else { return false }
    return eachPiece(offset, count: bytes.count) { index, first, range in
      if chunks[index] == nil {
        guard let chunk = load(index, isReplaced: range.count == Self.chunkSize) else {
          return false
        }
        chunks[index] = chunk
      }
      let source = UnsafeRawBufferPointer(rebasing: bytes[range])
      chunks[index]?.withUnsafeMutableBytes { target in
        UnsafeMutableRawBufferPointer(rebasing: target[first..<first + range.count])
          .copyMemory(from: source)
      }
      return true
    }
  }

  /// Nothing has to last.
  public func flush() -> Bool { true }

  /// A piece as it is below; the last may end behind the disk.
  private func load(_ index: UInt64, isReplaced: Bool) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: Self.chunkSize)
    if isReplaced { return bytes }
    let start = index * UInt64(Self.chunkSize)
    let count = Int(min(UInt64(Self.chunkSize), size - start))
    let isRead = bytes.withUnsafeMutableBytes {
      below.read(at: start, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<count]))
    }
    return isRead ? bytes : nil
  }

  /// Cuts a range at the borders of pieces, until `body` answers false.
  private func eachPiece(
    _ offset: UInt64, count: Int,
    _ body: (_ index: UInt64, _ first: Int, _ range: Range<Int>) -> Bool
  ) -> Bool {
    var done = 0
    while done < count {
      let at = offset + UInt64(done)
      let first = Int(at % UInt64(Self.chunkSize))
      let length = min(count - done, Self.chunkSize - first)
      guard body(at / UInt64(Self.chunkSize), first, done..<done + length) else { return false }
      done += length
    }
    return true
  }
}
