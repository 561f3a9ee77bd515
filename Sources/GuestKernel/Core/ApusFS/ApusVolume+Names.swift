/// Directories: finding, adding, removing and moving names.
extension ApusVolume {
  /// Calls `visit` with each block of a directory until it returns true.
  func search(
    _ directory: ApusInode, _ visit: (BlockBuffer, Int) throws(DiskFailure) -> Bool
  ) throws(DiskFailure) {
    for index in 0..<Int(directory.size) / diskBlockSize {
      if try visit(try directoryBlock(directory, index), index) { return }
    }
  }

  /// Directories have no holes, and their blocks are direct or in the first table.
  private func directoryBlock(
    _ directory: ApusInode, _ index: Int
  ) throws(DiskFailure) -> BlockBuffer {
    let number: UInt32
    if index < ApusInode.directBlocks {
      number = directory.blocks[index]
    } else {
      guard index - ApusInode.directBlocks < ApusInode.pointersPerBlock else {
        throw DiskFailure(.badMessage)
      }
      number = try cache.read(directory.blocks[12]).bytes.word32(
        (index - ApusInode.directBlocks) * 4)
    }
    guard number >= layout.dataStart, number < layout.blockCount else {
      throw DiskFailure(.badMessage)
    }
    return try cache.read(number)
  }

  /// The inode of a name, or nil.
  package func find(_ name: [UInt8], in directory: UInt32) throws(DiskFailure) -> UInt32? {
    let inode = try self.inode(directory)
    var found: UInt32?
    try search(inode) { (buffer, _) throws(DiskFailure) in
      var offset = 0
      while offset < diskBlockSize {
        guard let entry = ApusEntry(buffer.bytes, at: offset) else {
          throw DiskFailure(.badMessage)
        }
        if entry.hasName(name, buffer.bytes) {
          found = entry.inode
          return true
        }
        offset += entry.length
      }
      return false
    }
    return found
  }

  /// All entries at or behind a position; an entry's `next` is where to go on.
  package func list(
    _ directory: UInt32, from position: UInt64
  ) throws(DiskFailure) -> [DirectoryEntry] {
    let inode = try self.inode(directory)
    var list: [DirectoryEntry] = []
    try search(inode) { (buffer, index) throws(DiskFailure) in
      var offset = 0
      while offset < diskBlockSize {
        guard let entry = ApusEntry(buffer.bytes, at: offset) else {
          throw DiskFailure(.badMessage)
        }
        let at = UInt64(index * diskBlockSize + offset)
        offset += entry.length
        if entry.inode == 0 || at < position { continue }
        list.append(
          DirectoryEntry(
            inode: UInt64(entry.inode), next: UInt64(index * diskBlockSize + offset),
            kind: entry.kind, name: entry.name(buffer.bytes)))
      }
      return list.count >= 64
    }
    return list
  }

  /// Adds a name, within a transaction: in the room behind an entry, or in a new block.
  func add(
    _ name: [UInt8], _ target: UInt32, _ kind: FileKind, to directory: UInt32
  ) throws(DiskFailure) {
    guard name.count <= 255, !name.isEmpty else { throw DiskFailure(.nameTooLong) }
    var inode = try self.inode(directory)
    let needed = ApusEntry.size(name.count)
    var isAdded = false
    try search(inode) { (buffer, _) throws(DiskFailure) in
      var offset = 0
      while offset < diskBlockSize {
        guard let entry = ApusEntry(buffer.bytes, at: offset) else {
          throw DiskFailure(.badMessage)
        }
        let used = entry.inode == 0 ? 0 : ApusEntry.size(entry.nameLength)
        if entry.length - used >= needed {
          journal.change(buffer)
          if used > 0 { buffer.bytes.put(UInt16(used), offset + 4) }
          ApusEntry.write(
            buffer.bytes, at: offset + used, inode: target, length: entry.length - used,
            name: name, kind: kind)
          isAdded = true
          return true
        }
        offset += entry.length
      }
      return false
    }
    if isAdded { return }
    let blocks = Int(inode.size) / diskBlockSize
    guard blocks < ApusInode.directBlocks + ApusInode.pointersPerBlock else {
      throw DiskFailure(.noSpace)
    }
    let block = UnsafeMutableRawPointer.allocate(byteCount: diskBlockSize, alignment: 16)
    defer { block.deallocate() }
    block.clearBlock()
    ApusEntry.write(
      block, at: 0, inode: target, length: diskBlockSize, name: name, kind: kind)
    try fill(&inode, inode.size, UnsafeRawBufferPointer(start: block, count: diskBlockSize))
    inode.size += UInt64(diskBlockSize)
    try put(inode, directory)
  }

  /// Removes a name, within a transaction: its room goes to the entry before it.
  func take(_ name: [UInt8], from directory: UInt32) throws(DiskFailure) {
    let inode = try self.inode(directory)
    var isTaken = false
    try search(inode) { (buffer, _) throws(DiskFailure) in
      var offset = 0
      var previous: ApusEntry?
      while offset < diskBlockSize {
        guard let entry = ApusEntry(buffer.bytes, at: offset) else {
          throw DiskFailure(.badMessage)
        }
        if entry.hasName(name, buffer.bytes) {
          journal.change(buffer)
          if let previous {
            buffer.bytes.put(UInt16(previous.length + entry.length), previous.offset + 4)
          } else {
            buffer.bytes.put(UInt32(0), offset)
          }
          isTaken = true
          return true
        }
        previous = entry
        offset += entry.length
      }
      return false
    }
    if !isTaken { throw DiskFailure(.notFound) }
  }

  private func adjustLinks(_ number: UInt32, by change: Int) throws(DiskFailure) {
    var inode = try self.inode(number)
    guard let links = UInt16(exactly: Int(inode.links) + change) else {
      throw DiskFailure(change > 0 ? .tooManyHardLinks : .badMessage)
    }
    inode.links = links
    try put(inode, number)
  }

  package func isEmpty(_ directory: UInt32) throws(DiskFailure) -> Bool {
    try list(directory, from: 0).isEmpty
  }
}

// MARK: Operations

extension ApusVolume {
  /// Makes a file, directory, link or device file; returns its inode.
  package func create(
    _ name: [UInt8], in directory: UInt32, _ new: ApusInode, content: [UInt8] = []
  ) throws(DiskFailure) -> UInt32 {
    try transaction { () throws(DiskFailure) in
      let number = try allocateInode()
      var inode = new
      inode.links = 1
      if inode.mode.kind == .directory {
        inode.links = 2
        let block = UnsafeMutableRawPointer.allocate(byteCount: diskBlockSize, alignment: 16)
        defer { block.deallocate() }
        block.clearBlock()
        ApusEntry.write(block, at: 0, inode: 0, length: diskBlockSize, name: [], kind: .regular)
        try fill(&inode, 0, UnsafeRawBufferPointer(start: block, count: diskBlockSize))
        inode.size = UInt64(diskBlockSize)
        try adjustLinks(directory, by: 1)
      } else if !content.isEmpty {
        guard content.count <= diskBlockSize else { throw DiskFailure(.nameTooLong) }
        let copy = UnsafeMutableRawBufferPointer.allocate(
          byteCount: content.count, alignment: 16)
        defer { copy.deallocate() }
        copy.copyBytes(from: content)
        try fill(&inode, 0, UnsafeRawBufferPointer(copy))
        inode.size = UInt64(content.count)
      }
      try put(inode, number)
      try add(name, number, inode.mode.kind, to: directory)
      return number
    }
  }

  package func link(
    _ name: [UInt8], _ number: UInt32, in directory: UInt32
  ) throws(DiskFailure) {
    try transaction { () throws(DiskFailure) in
      try adjustLinks(number, by: 1)
      try add(name, number, try inode(number).mode.kind, to: directory)
    }
  }

  // Removes a name and one link; a directory must be empty. The inode itself stays until `remove`.
  package func unlink(_ name: [UInt8], in directory: UInt32) throws(DiskFailure) {
    try transaction { () throws(DiskFailure) in try drop(name, in: directory) }
  }

  private func drop(_ name: [UInt8], in directory: UInt32) throws(DiskFailure) {
    guard let number = try find(name, in: directory) else { throw DiskFailure(.notFound) }
    var inode = try self.inode(number)
    if inode.mode.kind == .directory {
      guard try isEmpty(number) else { throw DiskFailure(.notEmpty) }
      inode.links = 0
      try put(inode, number)
      try adjustLinks(directory, by: -1)
    } else {
      try adjustLinks(number, by: -1)
    }
    try take(name, from: directory)
  }

  /// Moves a name, in one step with the removal of what has had the new one.
  package func rename(
    _ name: [UInt8], in old: UInt32, to newName: [UInt8], in new: UInt32
  ) throws(DiskFailure) {
    try transaction { () throws(DiskFailure) in
      guard let number = try find(name, in: old) else { throw DiskFailure(.notFound) }
      if try find(newName, in: new) != nil { try drop(newName, in: new) }
      let kind = try inode(number).mode.kind
      try take(name, from: old)
      try add(newName, number, kind, to: new)
      if kind == .directory, old != new {
        try adjustLinks(old, by: -1)
        try adjustLinks(new, by: 1)
      }
    }
  }
}
