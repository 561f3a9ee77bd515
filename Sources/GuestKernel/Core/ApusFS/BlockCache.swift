/// Blocks of a disk in memory: what was read or changed lately.
///
/// A buffer that belongs to a transaction stays until the journal lets it go; the others leave, the
/// longest unused first, when there are too many.
package final class BlockBuffer {
  package enum State {
    /// As on the disk.
    case clean
    /// Changed by the running transaction.
    case running
    /// In the journal, not yet in its place.
    case committed
  }

  package let block: UInt32
  package let bytes: UnsafeMutableRawPointer
  package fileprivate(set) var state = State.clean
  /// Set with `running` when an older version of it is committed and still to be put in its place.
  package fileprivate(set) var wasCommitted = false
  fileprivate var lastUse: UInt64 = 0

  fileprivate init(block: UInt32) {
    self.block = block
    bytes = .allocate(byteCount: diskBlockSize, alignment: diskBlockSize)
  }

  deinit { bytes.deallocate() }
}

package final class BlockCache {
  package let store: BlockStore
  private let capacity: Int
  private var buckets = [[BlockBuffer]](repeating: [], count: 128)
  private var clock: UInt64 = 0
  package private(set) var count = 0
  package private(set) var hits: UInt64 = 0
  package private(set) var misses: UInt64 = 0

  package init(store: BlockStore, capacity: Int) {
    self.store = store
    self.capacity = capacity
  }

  /// The buffer of a block with its content.
  package func read(_ block: UInt32) throws(DiskFailure) -> BlockBuffer {
    // A number from a damaged inode or table.
    guard block < store.blockCount else { throw DiskFailure(.badMessage) }
    if let buffer = find(block) {
      hits += 1
      return buffer
    }
    misses += 1
    let buffer = BlockBuffer(block: block)
    try store.read(block, into: buffer.bytes)
    insert(buffer)
    return buffer
  }

  /// The buffer of a block that will be filled as a whole: nothing is read.
  package func blank(_ block: UInt32) -> BlockBuffer {
    let buffer: BlockBuffer
    if let known = find(block) {
      buffer = known
    } else {
      buffer = BlockBuffer(block: block)
      insert(buffer)
    }
    buffer.bytes.clearBlock()
    return buffer
  }

  package func find(_ block: UInt32) -> BlockBuffer? {
    for buffer in buckets[Int(block) & 127] where buffer.block == block {
      clock += 1
      buffer.lastUse = clock
      return buffer
    }
    return nil
  }

  private func insert(_ buffer: BlockBuffer) {
    if count >= capacity { evict() }
    clock += 1
    buffer.lastUse = clock
    buckets[Int(buffer.block) & 127].append(buffer)
    count += 1
  }

  /// Lets a quarter of the clean buffers go: those not used for longest.
  private func evict() {
    let limit = clock - min(clock, UInt64(capacity * 3 / 4))
    for index in buckets.indices {
      let before = buckets[index].count
      buckets[index].removeAll { $0.state == .clean && $0.lastUse < limit }
      count -= before - buckets[index].count
    }
  }

  /// Lets all clean buffers go; returns how many there were.
  package func dropClean() -> Int {
    var dropped = 0
    for index in buckets.indices {
      let before = buckets[index].count
      buckets[index].removeAll { $0.state == .clean }
      dropped += before - buckets[index].count
    }
    count -= dropped
    return dropped
  }

  // MARK: For the journal

  func markRunning(_ buffer: BlockBuffer) {
    buffer.wasCommitted = buffer.state == .committed || buffer.wasCommitted
    buffer.state = .running
  }

  func markCommitted(_ buffer: BlockBuffer) {
    buffer.state = .committed
    buffer.wasCommitted = false
  }

  func markClean(_ buffer: BlockBuffer) { buffer.state = .clean }

  /// A change is taken back: the buffer is what it was before `markRunning`.
  func unmarkRunning(_ buffer: BlockBuffer) {
    buffer.state = buffer.wasCommitted ? .committed : .clean
    buffer.wasCommitted = false
  }
}
