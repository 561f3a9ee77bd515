/// The write-ahead journal: changes to several blocks become one step that a crash cannot halve.
///
/// Changed blocks are collected in a running transaction. `commit` writes them one after another into
/// the journal, behind a descriptor that says where they belong and before a commit record with a
/// checksum of it all; then a flush. From that moment the transaction has happened. Only afterwards,
/// at a checkpoint, are the blocks written to their places and the journal is emptied. After a crash
/// `recover` repeats every transaction whose checksum is right and forgets the rest.
///
/// Because a checksum covers descriptor and blocks, no flush is needed between them and the commit
/// record: if the disk has written the record but not the rest, the checksum says so. Old records
/// cannot be mistaken for new ones, since each transaction has a number of its own.
///
///     block 0            header: number of the first transaction that may be in the journal
///     1 ... 1+n+1        transaction: descriptor, n blocks, commit record; the next one follows
package final class Journal {
  private enum Kind {
    static let header: UInt32 = 1
    static let descriptor: UInt32 = 2
    static let commit: UInt32 = 3
  }
  private static let magic: UInt32 = 0x4c4e_524a  // JRNL
  /// In a target number: the block begins with our magic number, which the journal keeps as zeroes, so
  /// that a file's content can never be mistaken for a record.
  private static let escaped: UInt32 = 1 << 31
  /// Target numbers begin here in a descriptor.
  private static let targetsOffset = 32
  package static let maximumBlocks = (diskBlockSize - targetsOffset) / 4

  package let cache: BlockCache
  private let start: UInt32
  private let length: UInt32
  /// The number that the running transaction will have.
  package private(set) var sequence: UInt64 = 1
  /// Where it will begin, counted from `start`.
  private var position: UInt32 = 1
  private var running: [BlockBuffer] = []
  private var committed: [BlockBuffer] = []
  private let record: UnsafeMutableRawPointer
  private let trailer: UnsafeMutableRawPointer

  // What the operation under way has changed, as it was before. Lock: whoever uses the file system.
  private var undo: [(buffer: BlockBuffer, old: UnsafeMutableRawPointer, wasRunning: Bool)] = []
  private var isOpen = false

  package private(set) var commits: UInt64 = 0
  package private(set) var checkpoints: UInt64 = 0
  package private(set) var blocksLogged: UInt64 = 0
  /// Transactions repeated by `recover`.
  package private(set) var replayed = 0

  package init(cache: BlockCache, start: UInt32, length: UInt32) {
    self.cache = cache
    self.start = start
    self.length = length
    record = .allocate(byteCount: diskBlockSize, alignment: diskBlockSize)
    trailer = .allocate(byteCount: diskBlockSize, alignment: diskBlockSize)
  }

  deinit {
    record.deallocate()
    trailer.deallocate()
  }

  package var runningBlocks: Int { running.count }

  // MARK: Records

  private func fill(
    _ record: UnsafeMutableRawPointer, _ kind: UInt32, _ number: UInt64, _ count: Int
  ) {
    record.clearBlock()
    record.put(Journal.magic, 0)
    record.put(kind, 4)
    record.put(number, 8)
    record.put(UInt32(count), 16)
  }

  private static func matches(_ record: UnsafeRawPointer, _ kind: UInt32) -> Bool {
    record.word32(0) == magic && record.word32(4) == kind
  }

  private static func headerChecksum(_ header: UnsafeRawPointer) -> UInt32 {
    var sum = CRC32C()
    sum.add(header, count: 20)
    return sum.value
  }

  /// The header fits into a sector, so it is written whole or not at all.
  private func writeHeader() throws(DiskFailure) {
    fill(record, Kind.header, sequence, 0)
    record.put(Journal.headerChecksum(record), 20)
    try cache.store.write([BlockWrite(block: start, bytes: record)])
    try cache.store.flush()
  }

  /// Makes an empty journal, for `mkfs`.
  ///
  /// What was there before must not look like a transaction, so numbers go on after it.
  package func format() throws(DiskFailure) {
    try cache.store.read(start, into: record)
    let isOld =
      Journal.matches(record, Kind.header) && record.word32(20) == Journal.headerChecksum(record)
    sequence = isOld ? record.word64(8) &+ 1_000_000 : 1
    try writeHeader()
  }
}

// MARK: Operations

extension Journal {
  /// Begins an operation that will change at most `blocks` blocks: makes room for it.
  package func begin(_ blocks: Int) throws(DiskFailure) {
    let needed = running.count + blocks
    if needed > Journal.maximumBlocks || Int(position) + needed + 2 > Int(length) {
      try commit()
      if Int(position) + blocks + 2 > Int(length) { try checkpoint() }
      guard Int(position) + blocks + 2 <= Int(length) else { throw DiskFailure(.fileTooLarge) }
    }
    isOpen = true
  }

  /// Announces a change to a block: it joins the running transaction.
  package func change(_ buffer: BlockBuffer) {
    for step in undo where step.buffer === buffer { return }
    let old = UnsafeMutableRawPointer.allocate(byteCount: diskBlockSize, alignment: 16)
    old.copyMemory(from: buffer.bytes, byteCount: diskBlockSize)
    let wasRunning = buffer.state == .running
    undo.append((buffer, old, wasRunning))
    if !wasRunning {
      cache.markRunning(buffer)
      running.append(buffer)
    }
  }

  /// The operation is complete: it will be in one transaction as a whole.
  package func end() {
    for step in undo { step.old.deallocate() }
    undo = []
    isOpen = false
  }

  /// The operation failed: the blocks are what they were before it.
  package func cancel() {
    for step in undo {
      step.buffer.bytes.copyMemory(from: step.old, byteCount: diskBlockSize)
      step.old.deallocate()
      if !step.wasRunning {
        cache.unmarkRunning(step.buffer)
        running.removeAll { $0 === step.buffer }
      }
    }
    undo = []
    isOpen = false
  }
}

// MARK: Commit and checkpoint

extension Journal {
  /// Makes everything that operations have changed safe.
  package func commit() throws(DiskFailure) {
    guard !running.isEmpty else { return }
    fill(record, Kind.descriptor, sequence, running.count)
    var copies: [UnsafeMutableRawPointer] = []
    defer { for copy in copies { copy.deallocate() } }
    for (index, buffer) in running.enumerated() {
      let mark = buffer.bytes.word32(0) == Journal.magic ? Journal.escaped : 0
      record.put(buffer.block | mark, Journal.targetsOffset + index * 4)
    }
    var sum = CRC32C()
    sum.add(record, count: diskBlockSize)
    var writes = [BlockWrite(block: start + position, bytes: record)]
    for (index, buffer) in running.enumerated() {
      var bytes = buffer.bytes
      if bytes.word32(0) == Journal.magic {
        bytes = Journal.escapedCopy(of: bytes)
        copies.append(bytes)
      }
      sum.add(bytes, count: diskBlockSize)
      writes.append(BlockWrite(block: start + position + 1 + UInt32(index), bytes: bytes))
    }
    fill(trailer, Kind.commit, sequence, running.count)
    trailer.put(sum.value, 20)
    writes.append(
      BlockWrite(block: start + position + 1 + UInt32(running.count), bytes: trailer))
    try cache.store.write(writes)
    try cache.store.flush()

    for buffer in running {
      let isListed = buffer.wasCommitted
      cache.markCommitted(buffer)
      if !isListed { committed.append(buffer) }
    }
    blocksLogged += UInt64(running.count)
    position += UInt32(running.count) + 2
    sequence += 1
    commits += 1
    running = []
  }

  private static func escapedCopy(of bytes: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    let copy = UnsafeMutableRawPointer.allocate(
      byteCount: diskBlockSize, alignment: diskBlockSize)
    copy.copyMemory(from: bytes, byteCount: diskBlockSize)
    copy.put(UInt32(0), 0)
    return copy
  }

  /// Puts committed blocks in their places and empties the journal.
  ///
  /// No operation and no transaction may be under way: their changes are in the same buffers.
  package func checkpoint() throws(DiskFailure) {
    guard running.isEmpty else { return try commitAndCheckpoint() }
    guard !committed.isEmpty else { return }
    var writes: [BlockWrite] = []
    for buffer in committed {
      writes.append(BlockWrite(block: buffer.block, bytes: buffer.bytes))
    }
    try cache.store.write(writes)
    try cache.store.flush()
    try writeHeader()
    for buffer in committed { cache.markClean(buffer) }
    committed = []
    position = 1
    checkpoints += 1
  }

  private func commitAndCheckpoint() throws(DiskFailure) {
    try commit()
    try checkpoint()
  }
}

// MARK: Recovery

extension Journal {
  /// Repeats the transactions of the journal; to be called before anything else is read.
  package func recover() throws(DiskFailure) {
    try cache.store.read(start, into: record)
    guard Journal.matches(record, Kind.header),
      record.word32(20) == Journal.headerChecksum(record)
    else { throw DiskFailure(.badMessage) }
    sequence = record.word64(8)
    var at: UInt32 = 1
    while let count = try replay(at) {
      at += count + 2
      sequence += 1
      replayed += 1
    }
    // The blocks must be in their places before the journal forgets them.
    if replayed > 0 {
      try cache.store.flush()
      try writeHeader()
    }
    position = 1
  }

  /// Repeats the transaction at `position`; nil when there is no whole one with the next number.
  private func replay(_ position: UInt32) throws(DiskFailure) -> UInt32? {
    guard position + 2 < length else { return nil }
    try cache.store.read(start + position, into: record)
    let count = record.word32(16)
    guard Journal.matches(record, Kind.descriptor), record.word64(8) == sequence, count > 0,
      count <= UInt32(Journal.maximumBlocks), position + count + 2 <= length
    else { return nil }
    let blocks = UnsafeMutableRawPointer.allocate(
      byteCount: Int(count) * diskBlockSize, alignment: diskBlockSize)
    defer { blocks.deallocate() }
    var sum = CRC32C()
    sum.add(record, count: diskBlockSize)
    var writes: [BlockWrite] = []
    for index in 0..<Int(count) {
      let bytes = blocks + index * diskBlockSize
      try cache.store.read(start + position + 1 + UInt32(index), into: bytes)
      sum.add(bytes, count: diskBlockSize)
      let word = record.word32(Journal.targetsOffset + index * 4)
      let target = word & ~Journal.escaped
      if word & Journal.escaped != 0 { bytes.put(Journal.magic, 0) }
      guard target < cache.store.blockCount else { return nil }
      writes.append(BlockWrite(block: target, bytes: bytes))
    }
    try cache.store.read(start + position + 1 + count, into: trailer)
    guard Journal.matches(trailer, Kind.commit), trailer.word64(8) == sequence,
      trailer.word32(16) == count, trailer.word32(20) == sum.value
    else { return nil }
    try cache.store.write(writes)
    return count
  }
}
