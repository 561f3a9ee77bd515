/// Text of any length, built line by line: what a file of /proc or /sys says when it is read.
package struct Text {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package var count: Int { bytes.count }

  /// Appends a literal with values in it: `text.append("free \(count)\n")`.
  package mutating func append(_ line: TextLine) {
    line.withBytes { bytes.append(contentsOf: $0) }
  }

  package mutating func append(bytes more: [UInt8]) { bytes += more }
  package mutating func append(byte: UInt8) { bytes.append(byte) }

  /// The part that a read of `count` bytes at `position` returns.
  package func slice(at position: UInt64, count: Int) -> ArraySlice<UInt8> {
    guard position < UInt64(bytes.count) else { return [] }
    let start = Int(position)
    return bytes[start..<min(bytes.count, start + max(0, count))]
  }
}
