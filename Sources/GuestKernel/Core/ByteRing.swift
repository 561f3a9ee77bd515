/// A ring of bytes that moves whole runs: the store of a pipe.
package struct ByteRing {
  private var storage: [UInt8]
  private var head = 0
  package private(set) var count = 0

  package init(capacity: Int) { storage = [UInt8](repeating: 0, count: capacity) }

  package var capacity: Int { storage.count }
  package var free: Int { storage.count - count }

  /// Takes as much of `source` as fits; returns how much that was.
  package mutating func write(_ source: UnsafeRawBufferPointer) -> Int {
    let amount = min(source.count, free)
    guard amount > 0, let base = source.baseAddress else { return 0 }
    let at = (head + count) % storage.count
    let first = min(amount, storage.count - at)
    storage.withUnsafeMutableBytes { ring in
      guard let start = ring.baseAddress else { return }
      (start + at).copyMemory(from: base, byteCount: first)
      start.copyMemory(from: base + first, byteCount: amount - first)
    }
    count += amount
    return amount
  }

  /// Fills `target` as far as the ring's content goes; returns how far.
  package mutating func read(into target: UnsafeMutableRawBufferPointer) -> Int {
    let amount = min(target.count, count)
    guard amount > 0, let base = target.baseAddress else { return 0 }
    let first = min(amount, storage.count - head)
    storage.withUnsafeBytes { ring in
      guard let start = ring.baseAddress else { return }
      base.copyMemory(from: start + head, byteCount: first)
      (base + first).copyMemory(from: start, byteCount: amount - first)
    }
    head = (head + amount) % storage.count
    count -= amount
    return amount
  }

  /// Keeps the content in a ring of another size; false when it does not fit.
  package mutating func resize(to capacity: Int) -> Bool {
    guard capacity >= count, capacity > 0 else { return false }
    var other = [UInt8](repeating: 0, count: capacity)
    let amount = other.withUnsafeMutableBytes { read(into: $0) }
    storage = other
    head = 0
    count = amount
    return true
  }

  package mutating func removeAll() {
    head = 0
    count = 0
  }
}
