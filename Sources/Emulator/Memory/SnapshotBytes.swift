/// Why bytes are no snapshot of a machine.
package enum SnapshotCodingError: Error, Equatable {
  /// They end too early, or say what cannot be.
  case malformed
  /// They belong to another version of this program.
  case otherVersion
  /// They belong to a machine of another configuration.
  case otherMachine
}

/// Writes the parts of a snapshot one behind the other, little-endian.
struct SnapshotWriter {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ number: UInt64) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Bytes, with their count before them.
  mutating func append(_ more: [UInt8]) {
    append(UInt64(more.count))
    bytes += more
  }

  /// A value of plain memory, with its size before it.
  mutating func append(plain value: some BitwiseCopyable) {
    append(withUnsafeBytes(of: value) { Array($0) })
  }
}

/// Reads what `SnapshotWriter` wrote.
struct SnapshotReader {
  private let content: [UInt8]
  private var position = 0

  init(_ content: [UInt8]) { self.content = content }

  private mutating func take(_ count: Int) throws(SnapshotCodingError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= content.count - position else { throw .malformed }
    defer { position += count }
    return content[position..<position + count]
  }

  mutating func number() throws(SnapshotCodingError) -> UInt64 {
    try take(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A number that counts something in memory.
  mutating func count() throws(SnapshotCodingError) -> Int {
    guard let count = Int(exactly: try number()), count < 1 << 40 else { throw .malformed }
    return count
  }

  mutating func bytes() throws(SnapshotCodingError) -> [UInt8] { Array(try take(count())) }

  /// A value of plain memory.
  mutating func plain<Value: BitwiseCopyable>(
    _ type: Value.Type
  ) throws(SnapshotCodingError) -> Value {
    let bytes = try bytes()
    guard bytes.count == MemoryLayout<Value>.size else { throw .malformed }
    return bytes.withUnsafeBytes { $0.loadUnaligned(as: Value.self) }
  }
}
