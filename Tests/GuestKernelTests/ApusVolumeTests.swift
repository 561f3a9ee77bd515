import GuestKernel
import Testing

@Suite struct ApusVolumeTests {
  private func fresh(_ blocks: UInt32 = 512) throws -> (CrashStore, ApusVolume) {
    let store = CrashStore(blocks: blocks)
    try ApusVolume.format(store)
    return (store, try ApusVolume(store, cacheSize: 64))
  }

  private func file(_ name: String, _ volume: ApusVolume) throws -> UInt32 {
    var inode = ApusInode()
    inode.mode = FileMode(.regular, permissions: 0o644)
    return try volume.create(Array(name.utf8), in: ApusLayout.rootInode, inode)
  }

  private func write(_ number: UInt32, _ position: Int, _ bytes: [UInt8], _ volume: ApusVolume)
    throws
  {
    var done = 0
    while done < bytes.count {
      let part = Array(bytes[done...])
      let result: Result<Int, DiskFailure> = part.withUnsafeBytes { buffer in
        do throws(DiskFailure) {
          return .success(
            try volume.write(number, at: UInt64(position + done), from: buffer, time: 0))
        } catch { return .failure(error) }
      }
      done += try result.get()
    }
  }

  private func read(_ number: UInt32, _ volume: ApusVolume) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(try volume.inode(number).size))
    let result: Result<Int, DiskFailure> = bytes.withUnsafeMutableBytes { buffer in
      do throws(DiskFailure) {
        return .success(try volume.read(number, at: 0, into: buffer))
      } catch { return .failure(error) }
    }
    #expect(try result.get() == bytes.count)
    return bytes
  }

  @Test func aSizeThatNoFileHasIsDamage() throws {
    let (_, volume) = try fresh()
    let number = try file("x", volume)
    var inode = try volume.inode(number)
    inode.size = 1 << 40
    try volume.transaction { () throws(DiskFailure) in try volume.put(inode, number) }
    var byte: [UInt8] = [0]
    for position in [UInt64(5) << 30, 1 << 39] {
      let error: DiskFailure? = byte.withUnsafeMutableBytes { buffer in
        do throws(DiskFailure) {
          _ = try volume.read(number, at: position, into: buffer)
          return nil
        } catch { return error }
      }
      #expect(error?.error == .badMessage)
    }
  }

  @Test func aNewVolumeIsSound() throws {
    let (_, volume) = try fresh()
    #expect(try ApusCheck.run(volume).problems.isEmpty)
    #expect(try volume.list(ApusLayout.rootInode, from: 0).isEmpty)
    #expect(volume.layout == ApusLayout(blockCount: 512)!)
  }

  @Test func contentsSurviveCloseAndOpen() throws {
    let (store, volume) = try fresh()
    let number = try file("big", volume)
    // Into the doubly indirect block: 12 + 1024 blocks are before it.
    let bytes = (0..<60_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try write(number, 0, bytes, volume)
    try write(number, (12 + 1024) * 4096 + 5, [1, 2, 3], volume)
    try volume.close()
    let again = try ApusVolume(store)
    #expect(again.journal.replayed == 0)
    let found = try again.find(Array("big".utf8), in: ApusLayout.rootInode)
    #expect(found == number)
    let content = try read(number, again)
    #expect(Array(content[0..<60_000]) == bytes)
    #expect(Array(content.suffix(4)) == [0, 1, 2, 3])
    #expect(content[60_000..<(12 + 1024) * 4096].allSatisfy { $0 == 0 })
    #expect(try ApusCheck.run(again).problems.isEmpty)
    try again.truncate(number, to: 100, time: 0)
    #expect(try read(number, again) == Array(bytes[0..<100]))
    #expect(try ApusCheck.run(again).problems.isEmpty)
  }

  /// For swap files: what is at these places after a checkpoint is the content.
  @Test func aFileSaysWhereItLies() throws {
    let (store, volume) = try fresh()
    let number = try file("swap", volume)
    let bytes = (0..<20 * 4096).map { UInt8(truncatingIfNeeded: $0 / 4096 + 1) }
    try write(number, 0, bytes, volume)
    try volume.close()
    let blocks = try #require(try volume.blocks(of: number, count: 20))
    #expect(Set(blocks).count == 20)
    for (index, block) in blocks.enumerated() {
      var content = [UInt8](repeating: 0, count: 4096)
      let result: Result<Void, DiskFailure> = content.withUnsafeMutableBytes { buffer in
        do throws(DiskFailure) {
          return .success(try store.read(block, into: buffer.baseAddress!))
        } catch { return .failure(error) }
      }
      try result.get()
      #expect(content.allSatisfy { $0 == UInt8(index + 1) })
    }
    try write(number, 30 * 4096, [1], volume)
    #expect(try volume.blocks(of: number, count: 31) == nil)
  }

  @Test func aFullDiskTakesNothingHalf() throws {
    let (_, volume) = try fresh(128)
    let number = try file("fill", volume)
    var position = 0
    do {
      while true {
        try write(number, position, [UInt8](repeating: 7, count: 4096), volume)
        position += 4096
      }
    } catch let failure as DiskFailure {
      #expect(failure.error == .noSpace)
    }
    #expect(volume.freeBlocks <= 1)
    #expect(try volume.inode(number).size == UInt64(position))
    #expect(try ApusCheck.run(volume).problems.isEmpty)
    try volume.unlink(Array("fill".utf8), in: ApusLayout.rootInode)
    try volume.remove(number)
    #expect(try ApusCheck.run(volume).problems.isEmpty)
    #expect(volume.freeBlocks > 60)
  }

  @Test func manyNamesInADirectory() throws {
    let (_, volume) = try fresh(1024)
    for index in 0..<200 {
      _ = try file("name-\(index)-\(String(repeating: "x", count: index))", volume)
    }
    for index in stride(from: 0, to: 200, by: 2) {
      let name = Array("name-\(index)-\(String(repeating: "x", count: index))".utf8)
      let number = try #require(try volume.find(name, in: ApusLayout.rootInode))
      try volume.unlink(name, in: ApusLayout.rootInode)
      try volume.remove(number)
    }
    var names = 0
    var position: UInt64 = 0
    while let last = try volume.list(ApusLayout.rootInode, from: position).last {
      names += try volume.list(ApusLayout.rootInode, from: position).count
      position = last.next
    }
    #expect(names == 100)
    #expect(try ApusCheck.run(volume).problems.isEmpty)
  }

  @Test func aFileWithoutANameIsReclaimedAtMount() throws {
    let (store, volume) = try fresh()
    let number = try file("open", volume)
    try write(number, 0, [1, 2, 3], volume)
    try volume.unlink(Array("open".utf8), in: ApusLayout.rootInode)
    try volume.sync()
    let again = try ApusVolume(CrashStore(image: store.durable))
    #expect(again.orphans == 1)
    #expect(try ApusCheck.run(again).problems.isEmpty)
  }

  /// A file whose content is a whole journal record must not be taken for one.
  @Test func contentCannotPretendToBeARecord() throws {
    let (store, volume) = try fresh()
    let number = try file("forged", volume)
    var block = [UInt8](repeating: 0, count: 4096)
    block[0...3] = [0x4a, 0x52, 0x4e, 0x4c]
    block[4] = 2
    try write(number, 0, block, volume)
    try volume.sync()
    let again = try ApusVolume(CrashStore(image: store.durable))
    #expect(again.journal.replayed == 1)
    #expect(try read(number, again) == block)
  }

  @Test func aDamagedSuperblockIsRefused() throws {
    let (store, _) = try fresh()
    var image = store.durable
    image[13] ^= 1
    #expect(throws: DiskFailure.self) { _ = try ApusVolume(CrashStore(image: image)) }
  }

  @Test func checksumsAreCastagnolis() {
    var sum = CRC32C()
    for byte in "123456789".utf8 { sum.add(byte) }
    #expect(sum.value == 0xe306_9283)
  }
}
