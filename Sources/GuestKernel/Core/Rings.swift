/// A queue of bytes of fixed capacity: when it is full, new bytes are refused.
///
/// Lock: none; the console's input queue is used with interrupts off.
package struct ByteQueue {
  private var storage: [UInt8]
  private var head = 0
  package private(set) var count = 0

  package init(capacity: Int) { storage = [UInt8](repeating: 0, count: capacity) }

  package mutating func push(_ byte: UInt8) -> Bool {
    guard count < storage.count else { return false }
    storage[(head + count) % storage.count] = byte
    count += 1
    return true
  }

  package mutating func pop() -> UInt8? {
    guard count > 0 else { return nil }
    defer {
      head = (head + 1) % storage.count
      count -= 1
    }
    return storage[head]
  }

  package mutating func removeAll() { count = 0 }
}

/// The last lines of a log in a fixed space: when it is full, the oldest whole lines make room.
///
/// Positions count every byte ever written, so that a reader who comes back finds where it was, and
/// can tell that it missed some.
package struct LogBuffer {
  private var storage: [UInt8]
  /// The position of the oldest byte kept: always the start of a line.
  package private(set) var start = 0
  package private(set) var end = 0

  package init(capacity: Int) { storage = [UInt8](repeating: 0, count: capacity) }

  /// Appends a line and its newline.
  package mutating func append(_ line: borrowing TextLine) {
    let needed = line.count + 1
    guard needed <= storage.count else { return }
    while end + needed - start > storage.count { dropLine() }
    for index in 0..<line.count { put(line[index]) }
    put(0x0a)
  }

  /// The byte at `position`, if it is still (and already) there.
  package func byte(at position: Int) -> UInt8? {
    guard position >= start, position < end else { return nil }
    return storage[position % storage.count]
  }

  private mutating func put(_ byte: UInt8) {
    storage[end % storage.count] = byte
    end += 1
  }

  private mutating func dropLine() {
    while start < end {
      start += 1
      if storage[(start - 1) % storage.count] == 0x0a { return }
    }
  }
}
