/// A file as such: what it is, how large, and what can be done with it, whatever its names are.
///
/// The class is the table of operations: each kind of file system overrides what it can do, and what
/// it leaves alone fails with the error that a program expects. Names belong to directories, positions
/// to open files; neither is here.
import KernelArch

class Inode {
  let number: UInt64
  let fileSystem: FileSystem

  /// Held while content or size change (and never while waiting for a program).
  let lock = Mutex("inode")
  /// Lock for all of these: `lock`; a single one may be read without.
  var mode: FileMode
  var links: UInt32 = 1
  var userID: UInt32 = 0
  var groupID: UInt32 = 0
  var size: UInt64 = 0
  var device = DeviceNumber(rawValue: 0)
  var accessed = Clock.wallTime
  var modified = Clock.wallTime
  var changed = Clock.wallTime

  // Open files, working directories and mappings. Lock: `InodeUses.lock`.
  fileprivate var uses = 0
  fileprivate var isEvicted = false
  // Files open for writing, and address spaces that run it: never both. Lock: `InodeUses.lock`.
  fileprivate var writers = 0
  fileprivate var executions = 0
  // The content's pages in memory, for who maps the file. Lock: the page cache's.
  final var pages: MemoryObject?
  /// Its blocks on the disk are swap space: it can be neither written nor cut off.
  final var isSwapSpace = false
  // `flock`. Lock: that of `FileLocks`.
  final var sharedLocks = 0
  final var isLockedExclusively = false
  /// What a named pipe's readers and writers share.
  var pipe: Pipe?

  init(number: UInt64, fileSystem: FileSystem, mode: FileMode) {
    self.number = number
    self.fileSystem = fileSystem
    self.mode = mode
  }

  var kind: FileKind { mode.kind }

  /// The content, where it lies in the kernel's image and stays: a program is mapped from there.
  var residentContent: UnsafeRawBufferPointer? { nil }

  // MARK: Of a directory; the caller holds the file system's `tree`

  /// True when a name once found stays what it is until it is removed through the kernel.
  var keepsNames: Bool { true }

  func lookup(_ name: [UInt8]) throws(SystemFailure) -> Inode {
    throw SystemFailure(kind == .directory ? .notFound : .notDirectory)
  }

  /// Makes a file, directory or device file.
  func create(
    _ name: [UInt8], _ mode: FileMode, _ device: DeviceNumber
  ) throws(SystemFailure) -> Inode {
    throw SystemFailure(.notPermitted)
  }

  func createLink(_ name: [UInt8], to text: [UInt8]) throws(SystemFailure) -> Inode {
    throw SystemFailure(.notPermitted)
  }

  /// Gives `inode` another name.
  func link(_ name: [UInt8], _ inode: Inode) throws(SystemFailure) {
    throw SystemFailure(.notPermitted)
  }

  /// Takes a name away, of a directory only when it is empty.
  func remove(_ name: [UInt8], _ inode: Inode) throws(SystemFailure) {
    throw SystemFailure(.notPermitted)
  }

  /// Moves a name; what has had the new name loses it in the same step.
  func rename(
    _ name: [UInt8], _ inode: Inode, to directory: Inode, _ newName: [UInt8], replacing: Inode?
  ) throws(SystemFailure) {
    throw SystemFailure(.notPermitted)
  }

  /// Entries from a position on (0 is the beginning), without `.` and `..`.
  func entries(from position: UInt64) throws(SystemFailure) -> [DirectoryEntry] {
    throw SystemFailure(.notDirectory)
  }

  // MARK: Of a file

  func open(_ flags: OpenFlags, _ path: Path?) throws(SystemFailure) -> OpenFile {
    switch kind {
    case .directory: DirectoryFile(self, flags, path)
    case .characterDevice: try CharacterDevices.open(self, flags, path)
    case .blockDevice: try BlockDevices.open(self, flags, path)
    case .pipe: try Pipe.open(self, flags, path)
    case .regular: RegularFile(self, flags, path)
    case .symbolicLink: throw SystemFailure(.tooManyLinks)
    case .socket: throw SystemFailure(.noSuchDevice)
    }
  }

  /// Returns how much was read; 0 at the end.
  func read(
    at position: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    throw SystemFailure(kind == .directory ? .isDirectory : .invalidArgument)
  }

  func write(
    at position: UInt64, from buffer: UnsafeRawBufferPointer
  ) throws(SystemFailure) -> Int {
    throw SystemFailure(kind == .directory ? .isDirectory : .invalidArgument)
  }

  func truncate(to size: UInt64) throws(SystemFailure) {
    throw SystemFailure(kind == .directory ? .isDirectory : .invalidArgument)
  }

  /// Where each page of the content lies on a disk, for swap space, which goes there directly; nil for
  /// what has no such place, or has holes.
  func diskBlocks() throws(SystemFailure) -> (disk: BlockDevice, blocks: [UInt32])? { nil }

  /// Fills a page for the page cache; what is behind the end is zeroes.
  func readPage(_ index: UInt64, into page: UnsafeMutableRawBufferPointer) throws(SystemFailure) {
    page.initializeMemory(as: UInt8.self, repeating: 0)
    var done = 0
    while done < page.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: page[done...])
      let count = try read(at: index * pageSize + UInt64(done), into: rest)
      if count == 0 { return }
      done += count
    }
  }

  /// Writes a page of a shared mapping back, as far as the file reaches.
  func writePage(_ index: UInt64, from page: UnsafeRawBufferPointer) throws(SystemFailure) {
    let start = index * pageSize
    guard start < size else { return }
    let count = Int(min(pageSize, size - start))
    _ = try write(at: start, from: UnsafeRawBufferPointer(rebasing: page[0..<count]))
  }

  func readLink() throws(SystemFailure) -> [UInt8] { throw SystemFailure(.invalidArgument) }

  /// Returns when everything of the file is where it survives.
  func sync() throws(SystemFailure) {}

  /// Mode, owner or times have been changed: a file system on disk writes them.
  func attributesChanged() throws(SystemFailure) {}

  /// No name and no user is left: gives the content's storage back.
  func evict() {}

  var status: FileStatus {
    var status = FileStatus()
    status.fileSystem = fileSystem.number
    status.inode = number
    status.mode = mode
    status.links = links
    status.userID = userID
    status.groupID = groupID
    status.device = device
    status.size = size
    status.blocks = (size + 511) / 512
    status.accessed = accessed
    status.modified = modified
    status.changed = changed
    return status
  }
}

/// How long a file without a name lives on: as long as somebody uses it.
enum InodeUses {
  fileprivate static let lock = SpinLock("inode uses")

  static func count(on fileSystem: FileSystem) -> Int { lock.withLock { fileSystem.uses } }
}

extension Inode {
  /// Notes a user; false when the file is gone already.
  func hold() -> Bool {
    InodeUses.lock.withLock {
      if isEvicted { return false }
      uses += 1
      fileSystem.uses += 1
      return true
    }
  }

  /// Notes an open file that writes; fails while the file is a program that runs.
  func beginWriting() throws(SystemFailure) {
    let isFree = InodeUses.lock.withLock {
      guard executions == 0 else { return false }
      writers += 1
      return true
    }
    guard isFree else { throw SystemFailure(.textBusy) }
  }

  func endWriting() { InodeUses.lock.withLock { writers -= 1 } }

  /// Notes a program that runs; false while somebody writes to the file.
  func beginExecution() -> Bool {
    InodeUses.lock.withLock {
      guard writers == 0 else { return false }
      executions += 1
      return true
    }
  }

  func endExecution() { InodeUses.lock.withLock { executions -= 1 } }

  func drop() {
    InodeUses.lock.withLock {
      uses -= 1
      fileSystem.uses -= 1
    }
    evictIfUnused()
  }

  /// To be called when a name has been removed.
  func evictIfUnused() {
    if links == 0 { PageCache.forget(self) }
    let isLast = InodeUses.lock.withLock {
      guard links == 0, uses == 0, !isEvicted else { return false }
      isEvicted = true
      return true
    }
    if isLast { evict() }
  }
}
