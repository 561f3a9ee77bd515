/// fsck: walks a whole volume and compares what is reachable with what is marked as taken.
package struct ApusCheck {
  /// What is wrong, one line each.
  package private(set) var problems: [TextLine] = []
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

  private mutating func report(_ problem: TextLine) {
    if problems.count < 50 { problems.append(problem) }
  }

  private mutating func walk(_ root: UInt32) throws(DiskFailure) {
    var waiting = [root]
    while let directory = waiting.popLast() {
      directories += 1
      let inode = try volume.inode(directory)
      try claimBlocks(inode, directory)
      guard inode.size % UInt64(diskBlockSize) == 0 else {
        report("directory \(directory): size \(inode.size)")
        continue
      }
      var position: UInt64 = 0
      while true {
        let entries = try volume.list(directory, from: position)
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
      report("\(text: entry.name): inode \(entry.inode) does not exist")
      return false
    }
    let number = Int(entry.inode)
    let inode = try volume.inode(UInt32(number))
    if try !volume.isInodeTaken(UInt32(number)) {
      report("\(text: entry.name): inode \(number) is marked as free")
    }
    if inode.mode.kind != entry.kind { report("\(text: entry.name): kind differs from its inode") }
    names[number] += 1
    if inode.mode.kind == .directory {
      names[Int(directory)] += 1
      names[number] += 1
      guard names[number] == 2 else {
        report("directory \(number) has two names")
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
    try volume.eachBlock(inode) { (block) throws(DiskFailure) in list.append(block) }
    for block in list {
      guard block >= volume.layout.dataStart, block < volume.layout.blockCount else {
        report("inode \(number): block \(block) is not one for data")
        continue
      }
      if usedBlocks[Int(block)] { report("inode \(number): block \(block) belongs to two files") }
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
        report("inode \(number): \(links) links noted, \(expected) found")
      } else if links == 0 {
        report("inode \(number) is taken, but has no name")
      }
    }
    var free: UInt32 = 0
    for block in volume.layout.dataStart..<volume.layout.blockCount {
      let isTaken = try volume.isBlockTaken(block)
      if !isTaken { free += 1 }
      if isTaken != usedBlocks[Int(block)] {
        report(
          "block \(block) is \(isTaken ? "taken, but nobody's" as StaticString : "used, but marked as free")"
        )
      }
    }
    if free != volume.freeBlocks {
      report("\(volume.freeBlocks) blocks counted as free, \(free) are")
    }
  }
}
