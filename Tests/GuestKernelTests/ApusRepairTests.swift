import GuestKernel
import Testing

/// fsck repairs what it finds: each kind of damage, and damage of any kind.
@Suite struct ApusRepairTests {
  /// /a, /d, /d/b and /d/e, each file with two blocks.
  private func volume() throws -> (CrashStore, ApusVolume) {
    let store = CrashStore(blocks: 256)
    try ApusVolume.format(store)
    let volume = try ApusVolume(store)
    _ = try file("a", in: ApusLayout.rootInode, volume)
    var inode = ApusInode()
    inode.mode = FileMode(.directory, permissions: 0o755)
    let directory = try volume.create(Array("d".utf8), in: ApusLayout.rootInode, inode)
    _ = try file("b", in: directory, volume)
    _ = try volume.create(Array("e".utf8), in: directory, inode)
    try volume.close()
    return (store, volume)
  }

  private func file(_ name: String, in directory: UInt32, _ volume: ApusVolume) throws -> UInt32 {
    var inode = ApusInode()
    inode.mode = FileMode(.regular, permissions: 0o644)
    let number = try volume.create(Array(name.utf8), in: directory, inode)
    for part in 0..<2 {
      let bytes = [UInt8](repeating: Array(name.utf8)[0], count: diskBlockSize)
      let result: Result<Int, DiskFailure> = bytes.withUnsafeBytes { buffer in
        do throws(DiskFailure) {
          let position = UInt64(part * diskBlockSize)
          return .success(try volume.write(number, at: position, from: buffer, time: 0))
        } catch { return .failure(error) }
      }
      #expect(try result.get() == diskBlockSize)
    }
    return number
  }

  /// Changes bytes of a block behind the volume's back.
  private func damage(
    _ store: CrashStore, _ block: UInt32, _ body: (UnsafeMutableRawBufferPointer) -> Void
  ) throws {
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: diskBlockSize, alignment: 16)
    defer { bytes.deallocate() }
    try store.read(block, into: bytes)
    body(UnsafeMutableRawBufferPointer(start: bytes, count: diskBlockSize))
    try store.write([BlockWrite(block: block, bytes: bytes)])
  }

  private func repair(_ store: CrashStore) throws -> [String] {
    let volume = try ApusVolume(store, isForRepair: true)
    var done: [String] = []
    let (check, repairs) = try ApusRepair.run(volume) { problem, repair in
      done.append(problem.text.withBytes { String(decoding: $0, as: UTF8.self) } + ": \(repair)")
    }
    #expect(check.problems.isEmpty)
    #expect(repairs == done.count)
    try volume.close()
    // What is repaired can be mounted, and is still sound.
    #expect(try ApusCheck.run(try ApusVolume(store)).problems.isEmpty)
    return done
  }

  private func names(_ store: CrashStore, _ directory: UInt32) throws -> [String] {
    let volume = try ApusVolume(store)
    return try volume.list(directory, from: 0).map { String(decoding: $0.name, as: UTF8.self) }
  }

  @Test func nothingToDo() throws {
    #expect(try repair(try volume().0).isEmpty)
  }

  @Test func bitmaps() throws {
    let (store, volume) = try volume()
    try damage(store, volume.layout.blockBitmap) { $0[Int(volume.layout.dataStart) / 8 + 1] = 0 }
    try damage(store, volume.layout.inodeBitmap) { $0[0] = 0b10_0011 }
    let done = try repair(store)
    #expect(done.contains { $0.hasSuffix("used, but marked as free: marked as taken") })
    #expect(done.contains("b: inode 4 is marked as free: marked as taken"))
    #expect(try names(store, ApusLayout.rootInode) == ["a", "d"])
  }

  @Test func linksAndPointers() throws {
    let (store, volume) = try volume()
    try damage(store, volume.layout.inodeTable) { bytes in
      bytes[2 * ApusLayout.inodeSize + 2] = 9
      // b's first block is a's, its second one is none.
      for index in 0..<4 {
        bytes[4 * ApusLayout.inodeSize + 40 + index] = bytes[2 * ApusLayout.inodeSize + 40 + index]
      }
      bytes[4 * ApusLayout.inodeSize + 47] = 0x70
    }
    let done = try repair(store)
    #expect(done.contains("inode 2: 9 links noted, 1 found: corrected"))
    #expect(done.contains { $0.hasSuffix("belongs to two files: taken away from it") })
    #expect(done.contains { $0.hasSuffix("is not one for data: taken away from it") })
    #expect(try names(store, 3) == ["b", "e"])
  }

  /// A directory whose block is lost: what was in it is found again.
  @Test func lostAndFound() throws {
    let (store, volume) = try volume()
    let block = try volume.inode(3).blocks[0]
    try damage(store, block) { bytes in
      for index in bytes.indices { bytes[index] = 0xff }
    }
    let done = try repair(store)
    #expect(done.contains("directory 3: a block is no list of names: emptied"))
    #expect(done.contains("inode 4 is taken, but has no name: named in /lost+found"))
    #expect(try names(store, ApusLayout.rootInode) == ["a", "d", "lost+found"])
    let again = try ApusVolume(store)
    let found = try #require(
      try again.find(Array("lost+found".utf8), in: ApusLayout.rootInode))
    #expect(try names(store, found) == ["#4", "#5"])
    #expect(try again.inode(4).size == UInt64(2 * diskBlockSize))
    // Nothing was put over it meanwhile.
    for index in 0..<2 {
      try damage(store, try again.inode(4).blocks[index]) { bytes in
        #expect(bytes.allSatisfy { $0 == 0x62 })
      }
    }
  }

  /// Whatever bytes are wrong behind the superblock and the journal: afterwards the volume is sound.
  @Test func anyDamage() throws {
    var random = Random(seed: 4)
    for round in 0..<150 {
      let (store, volume) = try volume()
      let layout = volume.layout
      for _ in 0...Int(random.next() % 6) {
        // Mostly the tables; sometimes what lies in the first blocks of data.
        let span = UInt64(layout.dataStart - layout.inodeBitmap + 8)
        let isTable = random.next() % 2 == 0
        let block =
          isTable ? layout.inodeTable : layout.inodeBitmap + UInt32(random.next() % span)
        let place = Int(random.next() % UInt64(isTable ? 8 * ApusLayout.inodeSize : diskBlockSize))
        let value = UInt8(truncatingIfNeeded: random.next())
        try damage(store, block) { $0[place] = value }
      }
      do {
        _ = try repair(store)
      } catch {
        Issue.record("round \(round): \(error)")
      }
    }
  }
}
