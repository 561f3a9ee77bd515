/// fsck: makes a damaged volume one that can be mounted, and loses as little as it can.
///
/// Repairs come in steps, and the whole volume is checked again after each: first what makes the tree one
/// that can be walked, then what is used but marked as free, then files without a name, which go to
/// /lost+found, and only at the end what is nobody's is given back: until then it may be theirs. Every repair is
/// a transaction: the power may fail in the middle.
package struct ApusRepair {
  private let volume: ApusVolume
  /// How many things were repaired.
  package private(set) var count = 0
  private static let directory: [UInt8] = [UInt8](text: "lost+found")
  private static let mostRounds = 1000

  /// Says each problem and what was done about it; the last check has none, or nothing more helps.
  package static func run(
    _ volume: ApusVolume, _ say: (ApusProblem, StaticString) -> Void
  ) throws(DiskFailure) -> (check: ApusCheck, repairs: Int) {
    var repair = ApusRepair(volume)
    for _ in 0..<mostRounds {
      let check = try ApusCheck.run(volume)
      guard let step = check.problems.map({ repair.step($0) }).min() else {
        return (check, repair.count)
      }
      let before = repair.count
      // A name needs room in a directory: it must not be that of another file without one.
      for case .nameless(let number) in check.problems where step == 3 {
        try repair.reserveBlocks(of: number)
      }
      for problem in check.problems where repair.step(problem) == step {
        if let done = try repair.mend(problem) {
          say(problem, done)
          repair.count += 1
        }
      }
      try volume.sync()
      if repair.count == before { return (check, repair.count) }
    }
    return (try ApusCheck.run(volume), repair.count)
  }

  private init(_ volume: ApusVolume) { self.volume = volume }

  private func step(_ problem: ApusProblem) -> Int {
    switch problem {
    case .directorySize, .directoryBlock, .missingInode, .badBlock: 0
    case .sharedBlock, .secondName, .kind: 1
    case .freeInode, .mark(_, isTaken: false): 2
    case .nameless: 3
    case .mark(_, isTaken: true), .links, .count: 4
    }
  }

  /// What was done; nil when another repair has made it unnecessary, or nothing can be.
  private mutating func mend(_ problem: ApusProblem) throws(DiskFailure) -> StaticString? {
    switch problem {
    case .directorySize(let number, let size):
      try change(number) { inode in
        inode.size = size / UInt64(diskBlockSize) * UInt64(diskBlockSize)
      }
      return "cut to whole blocks"
    case .directoryBlock(let number): return try emptyBlocks(of: number)
    case .missingInode(let name, let directory, _), .secondName(let name, let directory, _):
      try step { () throws(DiskFailure) in try volume.take(name, from: directory) }
      return "name removed"
    case .kind(let name, let directory, let number):
      try step { () throws(DiskFailure) in
        try volume.take(name, from: directory)
        try volume.add(name, number, try volume.inode(number).mode.kind, to: directory)
      }
      return "corrected"
    case .badBlock(let block, let number), .sharedBlock(let block, let number):
      return try clear(block, of: number)
    case .freeInode(_, let number):
      try step { () throws(DiskFailure) in try volume.markInode(number, taken: true) }
      return "marked as taken"
    case .mark(let block, let isTaken):
      try step { () throws(DiskFailure) in try volume.mark(block, taken: !isTaken) }
      return isTaken ? "marked as free" : "marked as taken"
    case .links(let number, _, let found):
      try change(number) { $0.links = found }
      return "corrected"
    case .nameless(let number): return try save(number)
    case .count: return nil
    }
  }

  private func step(_ body: () throws(DiskFailure) -> Void) throws(DiskFailure) {
    try volume.transaction(body)
  }

  private func change(_ number: UInt32, _ body: (inout ApusInode) -> Void) throws(DiskFailure) {
    try step { () throws(DiskFailure) in
      var inode = try volume.inode(number)
      body(&inode)
      try volume.put(inode, number)
    }
  }

  // MARK: Contents

  /// Blocks of a directory that hold no chain of entries become empty ones.
  private func emptyBlocks(of number: UInt32) throws(DiskFailure) -> StaticString? {
    let inode = try volume.inode(number)
    var hasChanged = false
    try step { () throws(DiskFailure) in
      do throws(DiskFailure) {
        try volume.search(inode) { (buffer, _) throws(DiskFailure) in
          var offset = 0
          while offset < diskBlockSize, let entry = ApusEntry(buffer.bytes, at: offset) {
            offset += entry.length
          }
          if offset == diskBlockSize { return false }
          volume.journal.change(buffer)
          buffer.bytes.clearBlock()
          ApusEntry.write(
            buffer.bytes, at: 0, inode: 0, length: diskBlockSize, name: [], kind: .regular)
          hasChanged = true
          return true
        }
      } catch {
        // A block number of the directory itself is wrong: it has none from there on.
        guard error.error == .badMessage else { throw error }
        var shorter = inode
        var blocks: UInt64 = 0
        while blocks < UInt64(ApusInode.directBlocks),
          (volume.layout.dataStart..<volume.layout.blockCount).contains(
            inode.blocks[Int(blocks)])
        {
          blocks += 1
        }
        shorter.size = min(shorter.size, blocks * UInt64(diskBlockSize))
        guard shorter.size < inode.size else { return }
        try volume.put(shorter, number)
        hasChanged = true
      }
    }
    return hasChanged ? "emptied" : nil
  }

  /// Takes a block away from a file, which has a hole there then.
  private func clear(_ block: UInt32, of number: UInt32) throws(DiskFailure) -> StaticString? {
    var isCleared = false
    try step { () throws(DiskFailure) in
      var inode = try volume.inode(number)
      for index in 0..<14 where inode.blocks[index] == block && !isCleared {
        inode.blocks[index] = 0
        try volume.put(inode, number)
        isCleared = true
      }
      if !isCleared { isCleared = try clear(block, inTable: inode.blocks[12], depth: 1) }
      if !isCleared { isCleared = try clear(block, inTable: inode.blocks[13], depth: 2) }
    }
    return isCleared ? "taken away from it" : nil
  }

  private func clear(
    _ block: UInt32, inTable table: UInt32, depth: Int
  ) throws(DiskFailure) -> Bool {
    guard (volume.layout.dataStart..<volume.layout.blockCount).contains(table) else { return false }
    let buffer = try volume.cache.read(table)
    for index in 0..<ApusInode.pointersPerBlock {
      let entry = buffer.bytes.word32(index * 4)
      if entry == block {
        volume.journal.change(buffer)
        buffer.bytes.put(UInt32(0), index * 4)
        return true
      }
      if entry != 0, depth == 2, try clear(block, inTable: entry, depth: 1) { return true }
    }
    return false
  }

  // MARK: Files without a name

  private func reserveBlocks(of number: UInt32) throws(DiskFailure) {
    let inode = try volume.inode(number)
    guard inode.links > 0 else { return }
    var blocks: [UInt32] = []
    // A table that is none ends the list; that is found when the file has a name.
    try? volume.eachBlock(inode) { (block) throws(DiskFailure) in blocks.append(block) }
    let data = volume.layout.dataStart..<volume.layout.blockCount
    try step { () throws(DiskFailure) in
      for block in blocks where data.contains(block) {
        if try !volume.isBlockTaken(block) { try volume.mark(block, taken: true) }
      }
    }
  }

  /// Nobody's file that nobody wanted any more goes; another gets a name in /lost+found.
  private func save(_ number: UInt32) throws(DiskFailure) -> StaticString? {
    let inode = try volume.inode(number)
    if inode.links == 0 || inode.mode.rawValue == 0 {
      try step { () throws(DiskFailure) in
        try volume.put(ApusInode(), number)
        try volume.markInode(number, taken: false)
      }
      return "removed"
    }
    // What is in a directory without a name has one as soon as the directory has.
    if try isListed(number) { return nil }
    try change(number) { $0.links = 0 }
    try volume.link(
      [0x23] + [UInt8](decimal: UInt64(number)), number, in: try lostAndFound())
    return "named in /lost+found"
  }

  /// Whether a directory that has no name itself has this inode.
  private func isListed(_ number: UInt32) throws(DiskFailure) -> Bool {
    for directory in 2..<volume.layout.inodeCount where directory != number {
      guard try volume.isInodeTaken(directory),
        try volume.inode(directory).mode.kind == .directory
      else { continue }
      var position: UInt64 = 0
      while true {
        let entries = (try? volume.list(directory, from: position)) ?? []
        guard let last = entries.last else { break }
        if entries.contains(where: { $0.inode == UInt64(number) }) { return true }
        position = last.next
      }
    }
    return false
  }

  private func lostAndFound() throws(DiskFailure) -> UInt32 {
    if let known = try volume.find(Self.directory, in: ApusLayout.rootInode) { return known }
    var inode = ApusInode()
    inode.mode = FileMode(.directory, permissions: 0o700)
    return try volume.create(Self.directory, in: ApusLayout.rootInode, inode)
  }
}
