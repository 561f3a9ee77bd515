/// A ring of bytes that moves whole runs: the store of a pipe.
package final class ByteRing {
  private var storage: UnsafeMutableRawPointer
  package private(set) var capacity: Int
  private var head = 0
  package private(set) var count = 0
  private let release: (UnsafeMutableRawPointer) -> Void

  package convenience init(capacity: Int) {
    self.init(storage: .allocate(byteCount: capacity, alignment: 16), capacity: capacity) {
      $0.deallocate()
    }
  }

  /// Takes over memory for so many bytes; it and all that `resize` gets goes back by `release`.
  package init(
    storage: UnsafeMutableRawPointer, capacity: Int,
    release: @escaping (UnsafeMutableRawPointer) -> Void
  ) {
    self.storage = storage
    self.capacity = capacity
    self.release = release
  }

  deinit { release(storage) }

  package var free: Int { capacity - count }

  /// Takes as much of `source` as fits; returns how much that was.
  package func write(_ source: UnsafeRawBufferPointer) -> Int {
    let amount = min(source.count, free)
    guard amount > 0, let base = source.baseAddress else { return 0 }
    let at = (head + count) % capacity
    let first = min(amount, capacity - at)
    (storage + at).copyMemory(from: base, byteCount: first)
    storage.copyMemory(from: base + first, byteCount: amount - first)
    count += amount
    return amount
  }

  /// Fills `target` as far as the ring's content goes; returns how far.
  package func read(into target: UnsafeMutableRawBufferPointer) -> Int {
    let amount = min(target.count, count)
    guard amount > 0, let base = target.baseAddress else { return 0 }
    let first = min(amount, capacity - head)
    base.copyMemory(from: storage + head, byteCount: first)
    (base + first).copyMemory(from: storage, byteCount: amount - first)
    head = (head + amount) % capacity
    count -= amount
    return amount
  }

  /// Keeps the content in a ring of another size; false when it does not fit, or when `allocate` has no
  /// memory for it.
  package func resize(
    to capacity: Int,
    allocate: (Int) -> UnsafeMutableRawPointer? = { .allocate(byteCount: $0, alignment: 16) }
  ) -> Bool {
    guard capacity >= count, capacity > 0, let other = allocate(capacity) else { return false }
    let amount = read(into: UnsafeMutableRawBufferPointer(start: other, count: capacity))
    release(storage)
    storage = other
    self.capacity = capacity
    head = 0
    count = amount
    return true
  }

  package func removeAll() {
    head = 0
    count = 0
  }
}
