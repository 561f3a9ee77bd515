/// A file system on a disk, mounted: what the cache of blocks saves, and what a sync costs.
enum FileCacheDemo {
  static func run() -> Bool {
    do throws(SystemFailure) {
      guard let disk = BlockDevices.find(DeviceNumber(1, 1)) else { return false }
      Demo.say("/dev/ram1 gets an empty apusfs and is mounted.")
      try format(disk)
      let fileSystem = try ApusFileSystem(disk)
      try Namespace.makeDirectories([UInt8](text: "/tmp/demo-disk"))
      let point = try PathWalk.resolve([UInt8](text: "/tmp/demo-disk"), nil)
      Mounts.add(fileSystem, on: point, source: [UInt8](text: "/dev/ram1"))
      let passed = try use(fileSystem, disk)
      try Mounts.remove(try PathWalk.resolve([UInt8](text: "/tmp/demo-disk"), nil))
      try Namespace.remove(
        try PathWalk.parent(of: [UInt8](text: "/tmp/demo-disk"), nil), directory: true)
      return passed
    } catch {
      return Demo.check(false, "no step fails (this one: \(error.error.name))")
    }
  }

  /// Not under a file system that somebody else has mounted.
  private static func format(_ disk: BlockDevice) throws(SystemFailure) {
    try disk.claim()
    defer { disk.unclaim() }
    do throws(DiskFailure) {
      try ApusVolume.format(DeviceStore(disk))
    } catch { throw SystemFailure(error.error) }
  }

  private static func use(
    _ fileSystem: ApusFileSystem, _ disk: BlockDevice
  ) throws(SystemFailure) -> Bool {
    let path = [UInt8](text: "/tmp/demo-disk/file")
    let file = try Namespace.open(path, [.create, .readWrite], permissions: 0o644, nil)
    let before = disk.statistics
    for _ in 0..<16 {
      try FileBytes.write([UInt8](repeating: 0x61, count: 4096), to: file)
    }
    let written = disk.statistics
    var passed = Demo.check(
      written.flushes == before.flushes, "64 KiB are written; nothing has reached the disk yet")
    try file.sync()
    let synced = disk.statistics
    passed =
      Demo.check(
        synced.flushes == before.flushes + 1 && synced.transfers == written.transfers + 1,
        "fsync: \(synced.requests - written.requests) blocks to the journal, merged into one transfer, one flush"
      ) && passed
    file.drop()
    // The checkpoint puts the blocks in their places, so that the cache may forget them.
    try Namespace.makeDirectories([UInt8](text: "/tmp/demo-disk/d"))
    try fileSystem.checkpoint()
    Demo.say("The cache forgets everything; the file is read twice.")
    let dropped = fileSystem.dropCache()
    let cold = fileSystem.cacheCounters.misses
    _ = try Namespace.contents(of: path)
    let warm = fileSystem.cacheCounters.misses
    _ = try Namespace.contents(of: path)
    let end = fileSystem.cacheCounters.misses
    passed =
      Demo.check(
        dropped > 16 && warm - cold >= 16 && end == warm,
        "the first time \(warm - cold) blocks come from the disk, the second time \(end - warm)")
      && passed
    return passed
  }
}
