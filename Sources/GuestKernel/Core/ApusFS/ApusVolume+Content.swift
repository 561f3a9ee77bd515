/// What is in files: from a position to a block, reading, writing, cutting off.
extension ApusVolume {
  /// The disk block behind block `index` of a file; 0 for a hole.
  private func block(
    _ inode: ApusInode, _ index: Int
  ) throws(DiskFailure) -> UInt32 {
    // A damaged inode may say that it is larger than any file.
    guard index < ApusInode.maximumBlocks else { throw DiskFailure(.badMessage) }
    if index < ApusInode.directBlocks { return inode.blocks[index] }
    let per = ApusInode.pointersPerBlock
    let rest = index - ApusInode.directBlocks
    if rest < per { return try pointer(inode.blocks[12], rest) }
    let outer = try pointer(inode.blocks[13], (rest - per) / per)
    return try pointer(outer, (rest - per) % per)
  }

  /// The disk blocks behind a file's first blocks; nil when one of them is a hole.
  package func blocks(of number: UInt32, count: Int) throws(DiskFailure) -> [UInt32]? {
    let inode = try inode(number)
    var blocks: [UInt32] = []
    for index in 0..<count {
      let found = try block(inode, index)
      if found == 0 { return nil }
      blocks.append(found)
    }
    return blocks
  }

  private func pointer(_ table: UInt32, _ index: Int) throws(DiskFailure) -> UInt32 {
    guard table != 0 else { return 0 }
    let number = try cache.read(table).bytes.word32(index * 4)
    guard number == 0 || number >= layout.dataStart && number < layout.blockCount else {
      throw DiskFailure(.badMessage)
    }
    return number
  }

  /// The same, with the block and the tables on the way to it made if need be.
  private func blockForWriting(
    _ inode: inout ApusInode, _ index: Int
  ) throws(DiskFailure) -> UInt32 {
    if index < ApusInode.directBlocks {
      if inode.blocks[index] == 0 { inode.blocks[index] = try allocateBlock() }
      return inode.blocks[index]
    }
    let per = ApusInode.pointersPerBlock
    let rest = index - ApusInode.directBlocks
    if rest < per {
      if inode.blocks[12] == 0 { inode.blocks[12] = try allocateBlock() }
      return try pointerForWriting(inode.blocks[12], rest)
    }
    if inode.blocks[13] == 0 { inode.blocks[13] = try allocateBlock() }
    let outer = try pointerForWriting(inode.blocks[13], (rest - per) / per)
    return try pointerForWriting(outer, (rest - per) % per)
  }

  private func pointerForWriting(_ table: UInt32, _ index: Int) throws(DiskFailure) -> UInt32 {
    let known = try pointer(table, index)
    if known != 0 { return known }
    let number = try allocateBlock()
    let buffer = try cache.read(table)
    journal.change(buffer)
    buffer.bytes.put(number, index * 4)
    return number
  }

  package func read(
    _ number: UInt32, at position: UInt64, into target: UnsafeMutableRawBufferPointer
  ) throws(DiskFailure) -> Int {
    let inode = try inode(number)
    guard position < inode.size, let base = target.baseAddress else { return 0 }
    let count = Int(min(UInt64(target.count), inode.size - position))
    var done = 0
    while done < count {
      let at = Int(position) + done
      let offset = at % diskBlockSize
      let chunk = min(count - done, diskBlockSize - offset)
      let number = try block(inode, at / diskBlockSize)
      if number == 0 {
        (base + done).initializeMemory(as: UInt8.self, repeating: 0, count: chunk)
      } else {
        (base + done).copyMemory(
          from: try cache.read(number).bytes + offset, byteCount: chunk)
      }
      done += chunk
    }
    return count
  }

  /// Writes up to a block's size within one transaction; returns how much.
  package func write(
    _ number: UInt32, at position: UInt64, from source: UnsafeRawBufferPointer, time: UInt64
  ) throws(DiskFailure) -> Int {
    guard let base = source.baseAddress, !source.isEmpty else { return 0 }
    let count = min(source.count, diskBlockSize)
    guard position + UInt64(count) <= UInt64(ApusInode.maximumBlocks * diskBlockSize) else {
      throw DiskFailure(.fileTooLarge)
    }
    return try transaction { () throws(DiskFailure) in
      var inode = try self.inode(number)
      try fill(&inode, position, UnsafeRawBufferPointer(start: base, count: count))
      inode.size = max(inode.size, position + UInt64(count))
      inode.modified = time
      try put(inode, number)
      return count
    }
  }

  /// Puts bytes into a file's blocks; the inode is the caller's to store.
  func fill(
    _ inode: inout ApusInode, _ position: UInt64, _ source: UnsafeRawBufferPointer
  ) throws(DiskFailure) {
    guard let base = source.baseAddress else { return }
    var done = 0
    while done < source.count {
      let at = Int(position) + done
      let offset = at % diskBlockSize
      let chunk = min(source.count - done, diskBlockSize - offset)
      let block = try blockForWriting(&inode, at / diskBlockSize)
      let buffer = try cache.read(block)
      journal.change(buffer)
      (buffer.bytes + offset).copyMemory(from: base + done, byteCount: chunk)
      done += chunk
    }
  }

  package func truncate(_ number: UInt32, to size: UInt64, time: UInt64) throws(DiskFailure) {
    guard size <= UInt64(ApusInode.maximumBlocks * diskBlockSize) else {
      throw DiskFailure(.fileTooLarge)
    }
    try transaction { () throws(DiskFailure) in
      var inode = try self.inode(number)
      if size < inode.size { try cut(&inode, to: size) }
      inode.size = size
      inode.modified = time
      try put(inode, number)
    }
  }

  /// Frees the blocks behind `size`, and clears what is left of the last one.
  func cut(_ inode: inout ApusInode, to size: UInt64) throws(DiskFailure) {
    let keep = (Int(size) + diskBlockSize - 1) / diskBlockSize
    for index in 0..<ApusInode.directBlocks where index >= keep && inode.blocks[index] != 0 {
      try freeBlock(inode.blocks[index])
      inode.blocks[index] = 0
    }
    let per = ApusInode.pointersPerBlock
    let first = ApusInode.directBlocks
    if try freeTable(inode.blocks[12], keep: keep - first, depth: 1) { inode.blocks[12] = 0 }
    if try freeTable(inode.blocks[13], keep: keep - first - per, depth: 2) {
      inode.blocks[13] = 0
    }
    let offset = Int(size) % diskBlockSize
    guard offset > 0 else { return }
    let last = try block(inode, Int(size) / diskBlockSize)
    guard last != 0 else { return }
    let buffer = try cache.read(last)
    journal.change(buffer)
    (buffer.bytes + offset).initializeMemory(
      as: UInt8.self, repeating: 0, count: diskBlockSize - offset)
  }

  /// Frees what a table has from entry `keep` (in blocks of the file) on; true when the table itself
  /// went too.
  private func freeTable(
    _ table: UInt32, keep: Int, depth: Int
  ) throws(DiskFailure) -> Bool {
    guard table != 0 else { return false }
    let per = ApusInode.pointersPerBlock
    let span = depth == 1 ? 1 : per
    if keep >= per * span { return false }
    var changed: [Int] = []
    for index in 0..<per {
      let entry = try pointer(table, index)
      if entry == 0 || (index + 1) * span <= keep { continue }
      if depth == 2 {
        if try freeTable(entry, keep: keep - index * span, depth: 1) { changed.append(index) }
      } else {
        try freeBlock(entry)
        changed.append(index)
      }
    }
    if keep <= 0 {
      try freeBlock(table)
      return true
    }
    guard !changed.isEmpty else { return false }
    let buffer = try cache.read(table)
    journal.change(buffer)
    for index in changed { buffer.bytes.put(UInt32(0), index * 4) }
    return false
  }

  /// Frees an inode without names, with everything it has.
  package func remove(_ number: UInt32) throws(DiskFailure) {
    try transaction { () throws(DiskFailure) in
      var inode = try self.inode(number)
      try cut(&inode, to: 0)
      try freeInode(number)
    }
  }

  /// Calls `visit` with each block of a file, tables first, for those who check.
  package func eachBlock(
    _ inode: ApusInode, _ visit: (UInt32) throws(DiskFailure) -> Void
  ) throws(DiskFailure) {
    for index in 0..<ApusInode.directBlocks where inode.blocks[index] != 0 {
      try visit(inode.blocks[index])
    }
    try eachBlock(inTable: inode.blocks[12], depth: 1, visit)
    try eachBlock(inTable: inode.blocks[13], depth: 2, visit)
  }

  private func eachBlock(
    inTable table: UInt32, depth: Int, _ visit: (UInt32) throws(DiskFailure) -> Void
  ) throws(DiskFailure) {
    guard table != 0 else { return }
    try visit(table)
    for index in 0..<ApusInode.pointersPerBlock {
      let entry = try pointer(table, index)
      if entry == 0 { continue }
      if depth == 2 { try eachBlock(inTable: entry, depth: 1, visit) } else { try visit(entry) }
    }
  }
}
