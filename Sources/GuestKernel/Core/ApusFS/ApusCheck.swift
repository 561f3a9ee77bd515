/// What can be wrong with a volume.
package enum ApusProblem {
  case directorySize(UInt32, UInt64)
  /// A block of a directory holds no chain of entries.
  case directoryBlock(UInt32)
  case missingInode(name: [UInt8], directory: UInt32, inode: UInt64)
  case freeInode(name: [UInt8], inode: UInt32)
  case kind(name: [UInt8], directory: UInt32, inode: UInt32)
  case secondName(name: [UInt8], directory: UInt32, inode: UInt32)
  case badBlock(UInt32, inode: UInt32)
  case sharedBlock(UInt32, inode: UInt32)
  case links(inode: UInt32, noted: UInt16, found: UInt16)
  case nameless(UInt32)
  case mark(UInt32, isTaken: Bool)
  case count(noted: UInt32, found: UInt32)

  package var text: TextLine {
    switch self {
    case .directorySize(let number, let size): "directory \(number): size \(size)"
    case .directoryBlock(let number): "directory \(number): a block is no list of names"
    case .missingInode(let name, _, let inode):
      "\(text: name): inode \(inode) does not exist"
    case .freeInode(let name, let inode): "\(text: name): inode \(inode) is marked as free"
    case .kind(let name, _, _): "\(text: name): kind differs from its inode"
    case .secondName(_, _, let inode): "directory \(inode) has two names"
    case .badBlock(let block, let inode): "inode \(inode): block \(block) is not one for data"
    case .sharedBlock(let block, let inode):
      "inode \(inode): block \(block) belongs to two files"
    case .links(let inode, let noted, let found):
      "inode \(inode): \(noted) links noted, \(found) found"
    case .nameless(let inode): "inode \(inode) is taken, but has no name"
    case .mark(let block, let isTaken):
      "block \(block) is \(isTaken ? "taken, but nobody's" as StaticString : "used, but marked as free")"
    case .count(let noted, let found): "\(noted) blocks counted as free, \(found) are"
    }
  }
}

/// fsck: walks a whole volume and compares what is reachable with what is marked as taken.
package struct ApusCheck {
  /// What is wrong; of much, the first fifty.
  package private(set) var problems: [ApusProblem] = []
  package private(set) var files = 0
  package private(set) var directories = 0
  package private(set) var blocks: UInt32 = 0

  private let volume: ApusVolume
  /// How many names each inode has; for directories one more per subdirectory.
  private var names: [UInt16]
  private var usedBlocks: [Bool]

  package static func run(_ volume: ApusVolume) throws(DiskFailure) -> ApusCheck {
    var check = ApusCheck(volume)
    try check.walk(ApusLayout.rootInode)
    try check.compare()
    return check
  }

  private init(_ volume: ApusVolume) {
    self.volume = volume
    names = [UInt16](repeating: 0, count: Int(volume.layout.inodeCount))
    usedBlocks = [Bool](repeating: false, count: Int(volume.layout.blockCount))
    names[Int(ApusLayout.rootInode)] = 2
  }

  private mutating func report(_ problem: ApusProblem) {
    if problems.count < 50 { problems.append(problem) }
  }

  private mutating func walk(_ root: UInt32) throws(DiskFailure) {
    var waiting = [root]
    while let directory = waiting.popLast() {
      directories += 1
      let inode = try volume.inode(directory)
      try claimBlocks(inode, directory)
      guard inode.size % UInt64(diskBlockSize) == 0 else {
        report(.directorySize(directory, inode.size))
        continue
      }
      var position: UInt64 = 0
      while true {
        var entries: [DirectoryEntry] = []
        do throws(DiskFailure) {
          entries = try volume.list(directory, from: position)
        } catch {
          guard error.error == .badMessage else { throw error }
          report(.directoryBlock(directory))
        }
        guard let last = entries.last else { break }
        position = last.next
        for entry in entries {
          if try visit(entry, in: directory) { waiting.append(UInt32(entry.inode)) }
        }
      }
    }
  }

  /// True when the entry is a directory that has not been seen before.
  private mutating func visit(
    _ entry: DirectoryEntry, in directory: UInt32
  ) throws(DiskFailure) -> Bool {
    guard entry.inode > 0, entry.inode < UInt64(volume.layout.inodeCount) else {
      report(.missingInode(name: entry.name, directory: directory, inode: entry.inode))
      return false
    }
    let number = Int(entry.inode)
    let inode = try volume.inode(UInt32(number))
    if try !volume.isInodeTaken(UInt32(number)) {
      report(.freeInode(name: entry.name, inode: UInt32(number)))
    }
    if inode.mode.kind != entry.kind {
      report(.kind(name: entry.name, directory: directory, inode: UInt32(number)))
    }
    names[number] += 1
    if inode.mode.kind == .directory {
      names[Int(directory)] += 1
      names[number] += 1
      guard names[number] == 2 else {
        report(.secondName(name: entry.name, directory: directory, inode: UInt32(number)))
        return false
      }
      return true
    }
    if names[number] == 1 {
      files += 1
      try claimBlocks(inode, UInt32(number))
    }
    return false
  }

  private mutating func claimBlocks(
    _ inode: ApusInode, _ number: UInt32
  ) throws(DiskFailure) {
    var list: [UInt32] = []
    do throws(DiskFailure) {
      try volume.eachBlock(inode) { (block) throws(DiskFailure) in list.append(block) }
    } catch {
      // A table that is none ends the list; its number is in it already.
      guard error.error == .badMessage else { throw error }
    }
    for block in list {
      guard block >= volume.layout.dataStart, block < volume.layout.blockCount else {
        report(.badBlock(block, inode: number))
        continue
      }
      if usedBlocks[Int(block)] { report(.sharedBlock(block, inode: number)) }
      usedBlocks[Int(block)] = true
      blocks += 1
    }
  }

  private mutating func compare() throws(DiskFailure) {
    for number in 1..<volume.layout.inodeCount {
      let isTaken = try volume.isInodeTaken(number)
      let expected = names[Int(number)]
      guard isTaken else { continue }
      let links = try volume.inode(number).links
      if links != expected {
        report(
          expected == 0
            ? .nameless(number) : .links(inode: number, noted: links, found: expected))
      } else if links == 0 {
        report(.nameless(number))
      }
    }
    var free: UInt32 = 0
    for block in volume.layout.dataStart..<volume.layout.blockCount {
      let isTaken = try volume.isBlockTaken(block)
      if !isTaken { free += 1 }
      if isTaken != usedBlocks[Int(block)] {
        report(.mark(block, isTaken: isTaken))
      }
    }
    if free != volume.freeBlocks {
      report(.count(noted: volume.freeBlocks, found: free))
    }
  }
}
