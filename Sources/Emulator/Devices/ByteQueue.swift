/// Bytes that wait in order; taking one costs the same however many wait.
public struct ByteQueue: Codable, Equatable, Sendable {
  private var bytes: [UInt8] = []
  private var head = 0

  /// Makes an empty queue.
  public init() {}

  /// The number of waiting bytes.
  public var count: Int { bytes.count - head }

  /// Whether nothing waits.
  public var isEmpty: Bool { head == bytes.count }

  /// The next byte.
  public var first: UInt8? { isEmpty ? nil : bytes[head] }

  mutating func append(_ byte: UInt8) { bytes.append(byte) }

  mutating func popFirst() -> UInt8? {
    guard let byte = first else { return nil }
    head += 1
    if head == bytes.count {
      removeAll()
    } else if head > 64, head > bytes.count / 2 {
      bytes.removeFirst(head)
      head = 0
    }
    return byte
  }

  mutating func removeAll() {
    bytes = []
    head = 0
  }
}
