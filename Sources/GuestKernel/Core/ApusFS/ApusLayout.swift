// Where everything lies on a disk with our file system, "apusfs", in blocks of 4096 bytes:
//
//     0             superblock
//     1 ... j       journal
//     then          bitmap of inodes (one block), bitmap of blocks, table of inodes, data
//
// An inode has 12 block numbers of its own, one block of 1024 more, and one of 1024 such blocks.
// Inode 1 is the root directory. A directory is a file of entries that fill each block exactly.
package struct ApusLayout: Equatable {
  static let magic: UInt64 = 0x3153_4673_7570_41  // "ApusFS1"
  static let version: UInt32 = 1
  package static let inodeSize = 128
  static let inodesPerBlock = UInt32(diskBlockSize / inodeSize)
  static let bitsPerBlock = UInt32(diskBlockSize * 8)
  package static let rootInode: UInt32 = 1

  package var blockCount: UInt32
  package var inodeCount: UInt32
  package var journalStart: UInt32
  package var journalLength: UInt32
  package var inodeBitmap: UInt32
  package var blockBitmap: UInt32
  package var blockBitmapLength: UInt32
  package var inodeTable: UInt32
  package var dataStart: UInt32

  /// Divides a disk of that many blocks; nil when it is too small.
  package init?(blockCount: UInt32, journalLength: UInt32? = nil) {
    guard blockCount >= 64, blockCount < 1 << 31 else { return nil }
    self.blockCount = blockCount
    // An inode for every four blocks, as far as one bitmap block reaches.
    inodeCount = min(max(blockCount / 4, 32) & ~31, ApusLayout.bitsPerBlock)
    journalStart = 1
    self.journalLength = journalLength ?? min(max(blockCount / 16, 24), 1024)
    inodeBitmap = journalStart + self.journalLength
    blockBitmap = inodeBitmap + 1
    blockBitmapLength = (blockCount + ApusLayout.bitsPerBlock - 1) / ApusLayout.bitsPerBlock
    inodeTable = blockBitmap + blockBitmapLength
    dataStart = inodeTable + inodeCount / ApusLayout.inodesPerBlock
    guard dataStart + 4 <= blockCount, self.journalLength >= 24 else { return nil }
  }

  /// Reads a superblock; nil when it is none of ours, or damaged.
  package init?(superblock: UnsafeRawPointer) {
    guard superblock.word64(0) == ApusLayout.magic, superblock.word32(8) == ApusLayout.version,
      superblock.word32(48) == ApusLayout.checksum(superblock),
      let layout = ApusLayout(
        blockCount: superblock.word32(12), journalLength: superblock.word32(24)),
      layout.inodeCount == superblock.word32(16), layout.journalStart == superblock.word32(20),
      layout.inodeBitmap == superblock.word32(28), layout.blockBitmap == superblock.word32(32),
      layout.blockBitmapLength == superblock.word32(36),
      layout.inodeTable == superblock.word32(40), layout.dataStart == superblock.word32(44)
    else { return nil }
    self = layout
  }

  package func write(to superblock: UnsafeMutableRawPointer) {
    superblock.clearBlock()
    superblock.put(ApusLayout.magic, 0)
    let words = [
      ApusLayout.version, blockCount, inodeCount, journalStart, journalLength, inodeBitmap,
      blockBitmap, blockBitmapLength, inodeTable, dataStart,
    ]
    for (index, word) in words.enumerated() { superblock.put(word, 8 + index * 4) }
    superblock.put(ApusLayout.checksum(superblock), 48)
  }

  private static func checksum(_ superblock: UnsafeRawPointer) -> UInt32 {
    var sum = CRC32C()
    sum.add(superblock, count: 48)
    return sum.value
  }
}

/// An inode as it lies on the disk.
package struct ApusInode {
  package static let directBlocks = 12
  package static let pointersPerBlock = diskBlockSize / 4
  /// The largest file, in blocks.
  package static let maximumBlocks =
    directBlocks + pointersPerBlock + pointersPerBlock * pointersPerBlock

  package var mode = FileMode(rawValue: 0)
  package var links: UInt16 = 0
  package var userID: UInt32 = 0
  package var groupID: UInt32 = 0
  package var device = DeviceNumber(rawValue: 0)
  package var size: UInt64 = 0
  package var modified: UInt64 = 0
  package var changed: UInt64 = 0
  /// 12 direct ones, the indirect and the doubly indirect block.
  package var blocks = InlineArray<14, UInt32>(repeating: 0)

  package init() {}

  package init(_ bytes: UnsafeRawPointer) {
    mode = FileMode(rawValue: bytes.word16(0))
    links = bytes.word16(2)
    userID = bytes.word32(4)
    groupID = bytes.word32(8)
    device = DeviceNumber(rawValue: bytes.word32(12))
    size = bytes.word64(16)
    modified = bytes.word64(24)
    changed = bytes.word64(32)
    for index in 0..<14 { blocks[index] = bytes.word32(40 + index * 4) }
  }

  package func write(to bytes: UnsafeMutableRawPointer) {
    bytes.put(mode.rawValue, 0)
    bytes.put(links, 2)
    bytes.put(userID, 4)
    bytes.put(groupID, 8)
    bytes.put(device.rawValue, 12)
    bytes.put(size, 16)
    bytes.put(modified, 24)
    bytes.put(changed, 32)
    for index in 0..<14 { bytes.put(blocks[index], 40 + index * 4) }
  }
}

/// An entry of a directory: inode (4 bytes, 0 for none), length up to the next one (2), length of the
/// name (1), kind (1), the name.
package struct ApusEntry {
  static let headerSize = 8

  static func size(_ nameLength: Int) -> Int { (headerSize + nameLength + 3) & ~3 }

  let inode: UInt32
  let length: Int
  let nameLength: Int
  let kind: FileKind
  let offset: Int

  /// The entry at `offset` of a block; nil when it does not fit in.
  init?(_ block: UnsafeRawPointer, at offset: Int) {
    guard offset + ApusEntry.headerSize <= diskBlockSize else { return nil }
    inode = block.word32(offset)
    length = Int(block.word16(offset + 4))
    nameLength = Int(block.load(fromByteOffset: offset + 6, as: UInt8.self))
    kind =
      FileKind(rawValue: UInt16(block.load(fromByteOffset: offset + 7, as: UInt8.self)))
      ?? .regular
    self.offset = offset
    guard length >= ApusEntry.headerSize, length & 3 == 0, offset + length <= diskBlockSize,
      inode == 0 || ApusEntry.size(nameLength) <= length
    else { return nil }
  }

  func name(_ block: UnsafeRawPointer) -> [UInt8] {
    Array(
      UnsafeRawBufferPointer(
        start: block + offset + ApusEntry.headerSize, count: nameLength))
  }

  func hasName(_ name: [UInt8], _ block: UnsafeRawPointer) -> Bool {
    guard inode != 0, nameLength == name.count else { return false }
    for index in 0..<nameLength
    where block.load(fromByteOffset: offset + ApusEntry.headerSize + index, as: UInt8.self)
      != name[index]
    { return false }
    return true
  }

  static func write(
    _ block: UnsafeMutableRawPointer, at offset: Int, inode: UInt32, length: Int, name: [UInt8],
    kind: FileKind
  ) {
    block.put(inode, offset)
    block.put(UInt16(length), offset + 4)
    block.put(UInt8(name.count), offset + 6)
    block.put(UInt8(kind.rawValue), offset + 7)
    for (index, byte) in name.enumerated() { block.put(byte, offset + headerSize + index) }
  }
}
