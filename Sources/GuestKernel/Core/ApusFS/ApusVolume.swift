/// A mounted apusfs: inodes, bitmaps and the journal over a disk.
///
/// Each operation is one step: `transaction` lets the journal collect its changes, and takes them back
/// when the operation fails half-way. One operation runs at a time; the caller has a lock for that.
package final class ApusVolume {
  package let layout: ApusLayout
  package let cache: BlockCache
  package let journal: Journal
  package private(set) var freeBlocks: UInt32 = 0
  package private(set) var freeInodes: UInt32 = 0
  /// Inodes without a name that a crash had left over.
  package private(set) var orphans = 0
  /// Where the search for a free block goes on.
  private var nextBlock: UInt32

  /// Opens a disk: what the journal has is repeated first.
  ///
  /// For a repair the orphans stay: giving them back trusts in what is to be checked.
  package init(
    _ store: BlockStore, cacheSize: Int = 512, isForRepair: Bool = false
  ) throws(DiskFailure) {
    cache = BlockCache(store: store, capacity: cacheSize)
    let superblock = UnsafeMutableRawPointer.allocate(
      byteCount: diskBlockSize, alignment: diskBlockSize)
    defer { superblock.deallocate() }
    try store.read(0, into: superblock)
    guard let layout = ApusLayout(superblock: superblock),
      layout.blockCount <= store.blockCount
    else { throw DiskFailure(.invalidArgument) }
    self.layout = layout
    nextBlock = layout.dataStart
    journal = Journal(cache: cache, start: layout.journalStart, length: layout.journalLength)
    try journal.recover()
    try countFree()
    if !isForRepair { try reclaimOrphans() }
  }

  /// Writes an empty file system: a root directory and nothing else.
  package static func format(
    _ store: BlockStore, journalLength: UInt32? = nil
  ) throws(DiskFailure) {
    guard let layout = ApusLayout(blockCount: store.blockCount, journalLength: journalLength)
    else { throw DiskFailure(.noSpace) }
    let block = UnsafeMutableRawPointer.allocate(
      byteCount: diskBlockSize, alignment: diskBlockSize)
    defer { block.deallocate() }
    // The old superblock goes first: a disk half formatted is none.
    block.clearBlock()
    try store.write([BlockWrite(block: 0, bytes: block)])
    try store.flush()
    for number in layout.inodeBitmap..<layout.dataStart + 1 {
      block.clearBlock()
      fillInitially(block, number, layout)
      try store.write([BlockWrite(block: number, bytes: block)])
    }
    let cache = BlockCache(store: store, capacity: 16)
    try Journal(cache: cache, start: layout.journalStart, length: layout.journalLength).format()
    layout.write(to: block)
    try store.write([BlockWrite(block: 0, bytes: block)])
    try store.flush()
  }

  /// The blocks of a new file system that are not zeroes.
  private static func fillInitially(
    _ block: UnsafeMutableRawPointer, _ number: UInt32, _ layout: ApusLayout
  ) {
    if number == layout.inodeBitmap {
      block.put(UInt8(0b11), 0)  // 0 is no inode, 1 is the root
    } else if number >= layout.blockBitmap, number < layout.inodeTable {
      let first = (number - layout.blockBitmap) * ApusLayout.bitsPerBlock
      for bit in 0..<ApusLayout.bitsPerBlock {
        // Everything up to the root's one block is taken, and what is behind the disk's end.
        guard first + bit <= layout.dataStart || first + bit >= layout.blockCount else { continue }
        let byte = Int(bit / 8)
        block.put(block.load(fromByteOffset: byte, as: UInt8.self) | 1 << UInt8(bit % 8), byte)
      }
    } else if number == layout.inodeTable {
      var root = ApusInode()
      root.mode = FileMode(.directory, permissions: 0o755)
      root.links = 2
      root.size = UInt64(diskBlockSize)
      root.blocks[0] = layout.dataStart
      root.write(to: block + Int(ApusLayout.rootInode) * ApusLayout.inodeSize)
    } else if number == layout.dataStart {
      ApusEntry.write(block, at: 0, inode: 0, length: diskBlockSize, name: [], kind: .regular)
    }
  }

  // MARK: Operations

  /// The most blocks that one operation changes: data, pointers, bitmaps, inodes, directories.
  private var largestOperation: Int { 16 + Int(layout.blockBitmapLength) }

  package func transaction<Result>(
    _ body: () throws(DiskFailure) -> Result
  ) throws(DiskFailure) -> Result {
    try journal.begin(largestOperation)
    let (blocks, inodes) = (freeBlocks, freeInodes)
    do throws(DiskFailure) {
      let result = try body()
      journal.end()
      return result
    } catch {
      journal.cancel()
      (freeBlocks, freeInodes) = (blocks, inodes)
      throw error
    }
  }

  package func sync() throws(DiskFailure) { try journal.commit() }

  /// Leaves a disk whose journal is empty.
  package func close() throws(DiskFailure) { try journal.checkpoint() }

  // MARK: Inodes

  private func place(of inode: UInt32) throws(DiskFailure) -> (buffer: BlockBuffer, offset: Int) {
    guard inode > 0, inode < layout.inodeCount else { throw DiskFailure(.badMessage) }
    let block = layout.inodeTable + inode / ApusLayout.inodesPerBlock
    return (
      try cache.read(block), Int(inode % ApusLayout.inodesPerBlock) * ApusLayout.inodeSize
    )
  }

  package func inode(_ number: UInt32) throws(DiskFailure) -> ApusInode {
    let (buffer, offset) = try place(of: number)
    return ApusInode(buffer.bytes + offset)
  }

  /// Stores an inode, within a transaction.
  package func put(_ inode: ApusInode, _ number: UInt32) throws(DiskFailure) {
    let (buffer, offset) = try place(of: number)
    journal.change(buffer)
    inode.write(to: buffer.bytes + offset)
  }

  func allocateInode() throws(DiskFailure) -> UInt32 {
    let buffer = try cache.read(layout.inodeBitmap)
    for byte in 0..<Int(layout.inodeCount / 8) {
      let bits = buffer.bytes.load(fromByteOffset: byte, as: UInt8.self)
      if bits == 0xff { continue }
      let bit = UInt8((~bits).trailingZeroBitCount)
      journal.change(buffer)
      buffer.bytes.put(bits | 1 << bit, byte)
      freeInodes -= 1
      return UInt32(byte * 8) + UInt32(bit)
    }
    throw DiskFailure(.noSpace)
  }

  func freeInode(_ number: UInt32) throws(DiskFailure) {
    let buffer = try cache.read(layout.inodeBitmap)
    let bits = buffer.bytes.load(fromByteOffset: Int(number / 8), as: UInt8.self)
    let bit = 1 << UInt8(number % 8) as UInt8
    guard bits & bit != 0 else { throw DiskFailure(.badMessage) }
    journal.change(buffer)
    buffer.bytes.put(bits & ~bit, Int(number / 8))
    freeInodes += 1
    try put(ApusInode(), number)
  }

  /// Corrects the bitmap alone, within a transaction.
  func markInode(_ number: UInt32, taken: Bool) throws(DiskFailure) {
    let buffer = try cache.read(layout.inodeBitmap)
    let bits = buffer.bytes.load(fromByteOffset: Int(number / 8), as: UInt8.self)
    let bit = 1 << UInt8(number % 8) as UInt8
    journal.change(buffer)
    buffer.bytes.put(taken ? bits | bit : bits & ~bit, Int(number / 8))
    if taken, bits & bit == 0 { freeInodes -= 1 }
    if !taken, bits & bit != 0 { freeInodes += 1 }
  }

  package func isInodeTaken(_ number: UInt32) throws(DiskFailure) -> Bool {
    let buffer = try cache.read(layout.inodeBitmap)
    return buffer.bytes.load(fromByteOffset: Int(number / 8), as: UInt8.self) >> UInt8(number % 8)
      & 1 != 0
  }

  // MARK: Blocks

  package func isBlockTaken(_ number: UInt32) throws(DiskFailure) -> Bool {
    let buffer = try cache.read(layout.blockBitmap + number / ApusLayout.bitsPerBlock)
    let bit = number % ApusLayout.bitsPerBlock
    return buffer.bytes.load(fromByteOffset: Int(bit / 8), as: UInt8.self) >> UInt8(bit % 8) & 1
      != 0
  }

  /// A zeroed block that belongs to the running transaction.
  func allocateBlock() throws(DiskFailure) -> UInt32 {
    guard freeBlocks > 0 else { throw DiskFailure(.noSpace) }
    let count = layout.blockCount
    var number = nextBlock
    for _ in 0..<count {
      if number >= count { number = layout.dataStart }
      if try !isBlockTaken(number) {
        try mark(number, taken: true)
        nextBlock = number + 1
        // Announced before it is cleared: if the operation fails, the block is what it was.
        let buffer = cache.find(number) ?? cache.blank(number)
        journal.change(buffer)
        buffer.bytes.clearBlock()
        return number
      }
      number += 1
    }
    throw DiskFailure(.noSpace)
  }

  func freeBlock(_ number: UInt32) throws(DiskFailure) {
    guard number >= layout.dataStart, number < layout.blockCount, try isBlockTaken(number) else {
      throw DiskFailure(.badMessage)
    }
    try mark(number, taken: false)
  }

  func mark(_ number: UInt32, taken: Bool) throws(DiskFailure) {
    let buffer = try cache.read(layout.blockBitmap + number / ApusLayout.bitsPerBlock)
    let bit = number % ApusLayout.bitsPerBlock
    let mask = 1 << UInt8(bit % 8) as UInt8
    let bits = buffer.bytes.load(fromByteOffset: Int(bit / 8), as: UInt8.self)
    journal.change(buffer)
    buffer.bytes.put(taken ? bits | mask : bits & ~mask, Int(bit / 8))
    freeBlocks = taken ? freeBlocks - 1 : freeBlocks + 1
  }

  // MARK: At mount

  private func countFree() throws(DiskFailure) {
    for number in layout.dataStart..<layout.blockCount where try !isBlockTaken(number) {
      freeBlocks += 1
    }
    for number in 0..<layout.inodeCount where try !isInodeTaken(number) { freeInodes += 1 }
  }

  /// Gives back files that had no name but a user when the machine stopped.
  private func reclaimOrphans() throws(DiskFailure) {
    for number in 2..<layout.inodeCount where try isInodeTaken(number) {
      guard try inode(number).links == 0 else { continue }
      try remove(number)
      orphans += 1
    }
    try journal.commit()
  }
}
