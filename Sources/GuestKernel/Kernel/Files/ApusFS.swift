/// apusfs in the kernel: inodes over a volume, whose layout and journal are in Core/ApusFS.
///
/// One mutex guards the volume, since its operations are steps one after another anyway. Every few
/// seconds a thread commits what has been changed; `fsync` does so at once.
import KernelArch

/// A disk as the volume wants it: blocks of eight sectors.
final class DeviceStore: BlockStore {
  private let device: BlockDevice
  private static let sectors = UInt64(diskBlockSize) / sectorSize

  init(_ device: BlockDevice) {
    self.device = device
    super.init(blockCount: UInt32(min(device.sectorCount / DeviceStore.sectors, 1 << 30)))
  }

  // Without a device there is nothing to read. The override that the compiler would make for itself calls
  // itself, since the one of the package's interface is less private.
  @available(*, unavailable)
  override init(blockCount: UInt32) { panic("a store without a device") }

  override func read(_ block: UInt32, into target: UnsafeMutableRawPointer) throws(DiskFailure) {
    try attempt { () throws(SystemFailure) in
      try device.transfer(
        UInt64(block) * DeviceStore.sectors, DeviceStore.sectors, isWrite: false, target)
    }
  }

  override func write(_ blocks: [BlockWrite]) throws(DiskFailure) {
    try attempt { () throws(SystemFailure) in
      var requests: [DiskRequest] = []
      for write in blocks {
        requests.append(
          DiskRequest(
            sector: UInt64(write.block) * DeviceStore.sectors, count: DeviceStore.sectors,
            isWrite: true, bytes: UnsafeMutableRawPointer(mutating: write.bytes)))
      }
      try device.perform(requests)
    }
  }

  override func flush() throws(DiskFailure) {
    try attempt { () throws(SystemFailure) in try device.flush() }
  }

  private func attempt(_ body: () throws(SystemFailure) -> Void) throws(DiskFailure) {
    do throws(SystemFailure) { try body() } catch { throw DiskFailure(error.error) }
  }
}

final class ApusFileSystem: FileSystem {
  private let volume: ApusVolume
  /// Lock for the volume and the table of inodes.
  fileprivate let lock = Mutex("apusfs")
  private var nodes = [[ApusNode]](repeating: [], count: 64)
  private var nodeCount = 0
  private var isMounted = true
  /// Kept, so that it is there even when the disk is not; nil after unmounting.
  private var rootNode: ApusNode?
  private let ending = WaitQueue()
  private let ended = Completion()
  fileprivate let device: BlockDevice

  static func start() {
    FileSystems.add(
      FileSystemKind(name: "apusfs", needsDevice: true) { (source, _) throws(SystemFailure) in
        try ApusFileSystem(try BlockDevices.find(source))
      })
    ProcFS.add("fs/apusfs") { text in
      for mount in Mounts.all {
        if let fileSystem = mount.fileSystem as? ApusFileSystem { fileSystem.describe(&text) }
      }
    }
  }

  init(_ device: BlockDevice) throws(SystemFailure) {
    self.device = device
    try device.claim()
    do throws(DiskFailure) {
      volume = try ApusVolume(DeviceStore(device))
    } catch {
      device.unclaim()
      log("apusfs", "\(text: device.name): no sound apusfs is there: \(error.error.name)")
      throw SystemFailure(error.error)
    }
    super.init()
    if volume.journal.replayed > 0 || volume.orphans > 0 {
      log(
        "apusfs",
        "\(text: device.name): \(volume.journal.replayed) transactions repeated, \(volume.orphans) nameless files removed"
      )
    }
    do throws(SystemFailure) {
      rootNode = try node(ApusLayout.rootInode)
      guard Thread.trySpawn([UInt8](text: "apusfs"), { self.commitPeriodically() }) != nil else {
        throw SystemFailure(.outOfMemory)
      }
    } catch {
      forgetAll()
      throw error
    }
  }

  private func commitPeriodically() {
    let interval: UInt64 = 5_000_000_000
    var failure: SystemError?
    while isMounted {
      let next = Clock.nanoseconds &+ interval
      _ = ending.wait(interruptible: false, until: next) { !isMounted }
      do throws(SystemFailure) {
        try sync()
        failure = nil
      } catch {
        // Once, not every few seconds: a disk that has gone stays away.
        if failure != error.error {
          log("apusfs", "\(text: device.name): commit failed: \(error.error.name)")
        }
        failure = error.error
      }
    }
    ended.completeAll()
  }

  override var name: StaticString { "apusfs" }

  override var root: Inode {
    guard let rootNode else { panic("apusfs: not mounted") }
    return rootNode
  }

  override var status: FileSystemStatus {
    lock.withLock {
      var status = FileSystemStatus()
      status.name = RecordName(bytes: [UInt8](text: "apusfs"))
      status.blocks = UInt64(volume.layout.blockCount)
      status.freeBlocks = UInt64(volume.freeBlocks)
      status.inodes = UInt64(volume.layout.inodeCount)
      status.freeInodes = UInt64(volume.freeInodes)
      return status
    }
  }

  override func sync() throws(SystemFailure) {
    try with { (volume) throws(DiskFailure) in try volume.sync() }
  }

  /// Puts everything committed in its place, so that the cache may forget it.
  func checkpoint() throws(SystemFailure) {
    try with { (volume) throws(DiskFailure) in try volume.close() }
  }

  override func unmount() throws(SystemFailure) {
    isMounted = false
    ending.wakeAll()
    ended.wait()
    defer { forgetAll() }
    try with { (volume) throws(DiskFailure) in try volume.close() }
  }

  /// Nobody uses the files, or the disk, any more.
  private func forgetAll() {
    rootNode = nil
    nodes = []
    device.unclaim()
  }

  /// One operation on the volume.
  fileprivate func with<Result>(
    _ body: (ApusVolume) throws(DiskFailure) -> Result
  ) throws(SystemFailure) -> Result {
    lock.lock()
    defer { lock.unlock() }
    do throws(DiskFailure) {
      return try body(volume)
    } catch {
      throw SystemFailure(error.error)
    }
  }

  /// The one object for an inode number.
  fileprivate func node(_ number: UInt32) throws(SystemFailure) -> ApusNode {
    let record = try with { (volume) throws(DiskFailure) in try volume.inode(number) }
    guard record.size <= UInt64(ApusInode.maximumBlocks * diskBlockSize) else {
      throw SystemFailure(.badMessage)
    }
    return lock.withLock {
      let bucket = Int(number) & 63
      for node in nodes[bucket] where node.number == UInt64(number) { return node }
      if nodeCount > 256 { prune() }
      let node = ApusNode(number, record, self)
      nodes[bucket].append(node)
      nodeCount += 1
      return node
    }
  }

  /// Lets go of inodes that nobody else knows.
  private func prune() {
    for bucket in nodes.indices {
      var index = 0
      while index < nodes[bucket].count {
        if isKnownUniquelyReferenced(&nodes[bucket][index]) {
          nodes[bucket].remove(at: index)
          nodeCount -= 1
        } else {
          index += 1
        }
      }
    }
  }

  fileprivate func forget(_ node: ApusNode) {
    lock.withLock {
      let bucket = Int(node.number) & 63
      let before = nodes[bucket].count
      nodes[bucket].removeAll { $0 === node }
      nodeCount -= before - nodes[bucket].count
    }
  }

  private func describe(_ text: inout Text) {
    lock.withLock {
      let journal = volume.journal
      text.append("device \(text: device.name)\n")
      text.append("blocks \(volume.layout.blockCount) free \(volume.freeBlocks)\n")
      text.append("inodes \(volume.layout.inodeCount) free \(volume.freeInodes)\n")
      text.append(
        "journal \(volume.layout.journalLength) blocks, commits \(journal.commits), checkpoints \(journal.checkpoints), blocks logged \(journal.blocksLogged), replayed \(journal.replayed)\n"
      )
      text.append(
        "cache \(volume.cache.count) blocks, hits \(volume.cache.hits), misses \(volume.cache.misses)\n"
      )
    }
  }

  /// Forgets what is in memory and not changed: for showing what the cache is worth.
  func dropCache() -> Int { lock.withLock { volume.cache.dropClean() } }
  var cacheCounters: (hits: UInt64, misses: UInt64) {
    lock.withLock { (volume.cache.hits, volume.cache.misses) }
  }
}

private final class ApusNode: Inode {
  private let apus: ApusFileSystem
  private let id: UInt32

  init(_ number: UInt32, _ record: ApusInode, _ fileSystem: ApusFileSystem) {
    apus = fileSystem
    id = number
    super.init(number: UInt64(number), fileSystem: fileSystem, mode: record.mode)
    links = UInt32(record.links)
    userID = record.userID
    groupID = record.groupID
    device = record.device
    size = record.size
    modified = record.modified
    changed = record.changed
  }

  /// Takes over what an operation has done to the inode on disk.
  private func refresh(_ volume: ApusVolume) throws(DiskFailure) {
    let record = try volume.inode(id)
    links = UInt32(record.links)
    size = record.size
    modified = record.modified
  }

  // MARK: Directory

  override func lookup(_ name: [UInt8]) throws(SystemFailure) -> Inode {
    let found = try apus.with { (volume) throws(DiskFailure) in try volume.find(name, in: id) }
    guard let found else { throw SystemFailure(.notFound) }
    return try apus.node(found)
  }

  override func create(
    _ name: [UInt8], _ mode: FileMode, _ device: DeviceNumber
  ) throws(SystemFailure) -> Inode {
    var record = ApusInode()
    record.mode = mode
    record.device = device
    return try make(name, record, [])
  }

  override func createLink(_ name: [UInt8], to text: [UInt8]) throws(SystemFailure) -> Inode {
    var record = ApusInode()
    record.mode = FileMode(.symbolicLink, permissions: 0o777)
    return try make(name, record, text)
  }

  private func make(
    _ name: [UInt8], _ record: ApusInode, _ content: [UInt8]
  ) throws(SystemFailure) -> Inode {
    guard links > 0 else { throw SystemFailure(.notFound) }
    var record = record
    (record.userID, record.groupID) = Permission.caller
    record.modified = Clock.wallTime
    record.changed = record.modified
    let number = try apus.with { (volume) throws(DiskFailure) in
      let number = try volume.create(name, in: id, record, content: content)
      try refresh(volume)
      return number
    }
    return try apus.node(number)
  }

  override func link(_ name: [UInt8], _ inode: Inode) throws(SystemFailure) {
    guard links > 0, let target = inode as? ApusNode else { throw SystemFailure(.notFound) }
    try apus.with { (volume) throws(DiskFailure) in
      try volume.link(name, target.id, in: id)
      try target.refresh(volume)
    }
  }

  override func remove(_ name: [UInt8], _ inode: Inode) throws(SystemFailure) {
    guard let target = inode as? ApusNode else { throw SystemFailure(.notFound) }
    try apus.with { (volume) throws(DiskFailure) in
      try volume.unlink(name, in: id)
      try target.refresh(volume)
      try refresh(volume)
    }
  }

  override func rename(
    _ name: [UInt8], _ inode: Inode, to directory: Inode, _ newName: [UInt8], replacing: Inode?
  ) throws(SystemFailure) {
    guard let target = directory as? ApusNode else { throw SystemFailure(.crossDevice) }
    try apus.with { (volume) throws(DiskFailure) in
      try volume.rename(name, in: id, to: newName, in: target.id)
      try refresh(volume)
      try target.refresh(volume)
      if let replaced = replacing as? ApusNode { try replaced.refresh(volume) }
    }
  }

  override func entries(from position: UInt64) throws(SystemFailure) -> [DirectoryEntry] {
    try apus.with { (volume) throws(DiskFailure) in try volume.list(id, from: position) }
  }

  // MARK: Content

  override func readLink() throws(SystemFailure) -> [UInt8] {
    guard kind == .symbolicLink else { throw SystemFailure(.invalidArgument) }
    var text = [UInt8](repeating: 0, count: Int(min(size, pageSize)))
    _ = try text.withUnsafeMutableBytes { buffer in
      SystemCalls.outcome { () throws(SystemFailure) in
        try apus.with { (volume) throws(DiskFailure) in try volume.read(id, at: 0, into: buffer) }
      }
    }.get()
    return text
  }

  override func read(
    at position: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    guard kind == .regular else { throw SystemFailure(.isDirectory) }
    return try apus.with { (volume) throws(DiskFailure) in
      try volume.read(id, at: position, into: buffer)
    }
  }

  override func write(
    at position: UInt64, from buffer: UnsafeRawBufferPointer
  ) throws(SystemFailure) -> Int {
    guard kind == .regular else { throw SystemFailure(.isDirectory) }
    guard !isSwapSpace else { throw SystemFailure(.textBusy) }
    return try apus.with { (volume) throws(DiskFailure) in
      let count = try volume.write(id, at: position, from: buffer, time: Clock.wallTime)
      try refresh(volume)
      return count
    }
  }

  override func truncate(to newSize: UInt64) throws(SystemFailure) {
    guard kind == .regular else { throw SystemFailure(.isDirectory) }
    guard !isSwapSpace else { throw SystemFailure(.textBusy) }
    try apus.with { (volume) throws(DiskFailure) in
      try volume.truncate(id, to: newSize, time: Clock.wallTime)
      try refresh(volume)
    }
  }

  override func diskBlocks() throws(SystemFailure) -> (disk: BlockDevice, blocks: [UInt32])? {
    // What is still on its way by the journal would overwrite the blocks later.
    try apus.checkpoint()
    let blocks = try apus.with { (volume) throws(DiskFailure) in
      try volume.blocks(of: id, count: Int(size) / diskBlockSize)
    }
    return blocks.map { (apus.device, $0) }
  }

  override func sync() throws(SystemFailure) { try apus.sync() }

  override func attributesChanged() throws(SystemFailure) {
    try apus.with { (volume) throws(DiskFailure) in
      try volume.transaction { () throws(DiskFailure) in
        var record = try volume.inode(id)
        record.mode = mode
        record.userID = userID
        record.groupID = groupID
        record.changed = changed
        try volume.put(record, id)
      }
    }
  }

  override func evict() {
    apus.forget(self)
    do throws(SystemFailure) {
      try apus.with { (volume) throws(DiskFailure) in try volume.remove(id) }
    } catch {
      log("apusfs", "inode \(id) cannot be freed: \(error.error.name)")
    }
  }
}
