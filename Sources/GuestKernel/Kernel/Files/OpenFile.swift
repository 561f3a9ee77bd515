/// An open file: what a descriptor stands for, shared by all descriptors that `dup` and `fork` made of
/// it, with one position for all of them.
///
/// Like `Inode` it is a table of operations with defaults; pipes, terminals and devices are subclasses.
import KernelArch

class OpenFile {
  let inode: Inode?
  let path: Path?
  /// Lock: `lock`; read without.
  fileprivate(set) final var flags: OpenFlags
  // Descriptors and calls under way. Lock: `uses`.
  private final var useCount = 1
  private static let usesLock = SpinLock("open files")
  // Who gets SIGIO; 0 for nobody. Lock: none, one word.
  final var owner = 0
  /// Which signal they get instead, with a record that names this descriptor; 0 for SIGIO without one.
  final var noticeSignal: Int32 = 0
  final var noticeDescriptor: Int32 = 0
  // What it holds of its inode by `flock`. Lock: that of `FileLocks`.
  final var lockKind = FileLocks.Kind.none
  // Who is told of it by epoll. Lock: `EventPoll.lock`.
  final var watches: [EventWatch] = []

  init(_ inode: Inode?, _ flags: OpenFlags, _ path: Path? = nil) {
    self.inode = inode
    self.flags = flags
    self.path = path
  }

  /// What /proc/PID/fd shows of a file without a path.
  var title: [UInt8] { [UInt8](text: "file") }
  /// Streams give what there is; other files are read until all that was asked for has come.
  var isStream: Bool { true }
  final var isNonBlocking: Bool { flags.contains(.nonBlocking) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int {
    throw SystemFailure(.invalidArgument)
  }

  func write(_ buffer: UnsafeRawBufferPointer) throws(SystemFailure) -> Int {
    throw SystemFailure(.invalidArgument)
  }

  func read(
    at position: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    throw SystemFailure(.illegalSeek)
  }

  func write(
    at position: UInt64, _ buffer: UnsafeRawBufferPointer
  ) throws(SystemFailure) -> Int {
    throw SystemFailure(.illegalSeek)
  }

  func seek(_ offset: Int64, _ origin: SeekOrigin) throws(SystemFailure) -> UInt64 {
    throw SystemFailure(.illegalSeek)
  }

  func control(_ request: UInt64, _ argument: UInt64) throws(SystemFailure) -> UInt64 {
    throw SystemFailure(.notTerminal)
  }

  /// What could be done now without waiting; with a poller, asks to be told when that changes.
  func poll(_ poller: Poller?) -> PollEvents { [.readable, .writable] }

  /// The physical page behind a mapping's page, for devices that can be mapped.
  func page(_ index: UInt64) throws(SystemFailure) -> PhysicalAddress {
    throw SystemFailure(.noSuchDevice)
  }

  /// Names for `getdents64`.
  func readNames(limit: Int) throws(SystemFailure) -> [UInt8] {
    throw SystemFailure(.notDirectory)
  }

  func sync() throws(SystemFailure) { try inode?.sync() }

  /// O_ASYNC or O_NONBLOCK has been changed by `fcntl`.
  func flagsChanged() {}

  /// The last descriptor is closed.
  func release() {}
}

extension OpenFile {
  final func hold() { OpenFile.usesLock.withLock { useCount += 1 } }

  final func drop() {
    let isLast = OpenFile.usesLock.withLock {
      useCount -= 1
      return useCount == 0
    }
    guard isLast else { return }
    if !watches.isEmpty { EventPoll.forget(self) }
    FileLocks.release(self)
    release()
    if let inode {
      if flags.canWrite, inode.kind == .regular { inode.endWriting() }
      inode.drop()
    }
  }

  /// Runs a module's code on a file that the caller holds: if that crashes, the hold is given back.
  final func lent<Result>(
    _ body: () throws(SystemFailure) -> Result
  ) throws(SystemFailure) -> Result {
    let thread = Thread.current
    let outer = thread.fileInUse
    thread.fileInUse = Unmanaged.passUnretained(self)
    defer { thread.fileInUse = outer }
    return try body()
  }

  /// Only some flags can be changed after opening.
  final func setFlags(_ new: OpenFlags) {
    let changeable: OpenFlags = [.append, .nonBlocking, .asynchronous]
    flags = flags.subtracting(changeable).union(new.intersection(changeable))
    flagsChanged()
  }

  /// The flags that `open` keeps out of the file itself.
  static func kept(_ flags: OpenFlags) -> OpenFlags {
    flags.subtracting([.create, .exclusive, .truncate, .closeOnExec, .noFollow, .directory])
  }
}

/// A file of bytes with a position.
class RegularFile: OpenFile {
  /// Lock: `positionLock`.
  fileprivate final var position: UInt64 = 0
  fileprivate final let positionLock = Mutex("file position")
  private let content: Inode

  init(_ inode: Inode, _ flags: OpenFlags, _ path: Path?) {
    content = inode
    super.init(inode, flags, path)
  }

  override var isStream: Bool { false }

  override func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int {
    positionLock.lock()
    defer { positionLock.unlock() }
    let count = try read(at: position, into: buffer)
    position += UInt64(count)
    return count
  }

  override func write(_ buffer: UnsafeRawBufferPointer) throws(SystemFailure) -> Int {
    positionLock.lock()
    defer { positionLock.unlock() }
    content.lock.lock()
    defer { content.lock.unlock() }
    if flags.contains(.append) { position = content.size }
    let count = try put(buffer, at: position)
    position += UInt64(count)
    return count
  }

  /// Holds the content's lock.
  private func put(
    _ buffer: UnsafeRawBufferPointer, at position: UInt64
  ) throws(SystemFailure) -> Int {
    let allowed = try ResourceLimits.writable(buffer.count, at: position)
    let count = try content.write(
      at: position, from: UnsafeRawBufferPointer(rebasing: buffer[0..<allowed]))
    PageCache.didWrite(
      content, at: position, UnsafeRawBufferPointer(rebasing: buffer[0..<count]))
    return count
  }

  override func read(
    at position: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    PageCache.willRead(content)
    content.lock.lock()
    defer { content.lock.unlock() }
    return try content.read(at: position, into: buffer)
  }

  override func write(
    at position: UInt64, _ buffer: UnsafeRawBufferPointer
  ) throws(SystemFailure) -> Int {
    content.lock.lock()
    defer { content.lock.unlock() }
    return try put(buffer, at: position)
  }

  override func seek(_ offset: Int64, _ origin: SeekOrigin) throws(SystemFailure) -> UInt64 {
    positionLock.lock()
    defer { positionLock.unlock() }
    position = try OpenFile.target(offset, origin, position: position, end: content.size)
    return position
  }
}

extension OpenFile {
  static func target(
    _ offset: Int64, _ origin: SeekOrigin, position: UInt64, end: UInt64
  ) throws(SystemFailure) -> UInt64 {
    let base: UInt64 =
      switch origin {
      case .start: 0
      case .current: position
      case .end: end
      }
    let (sum, overflow) = Int64(truncatingIfNeeded: base).addingReportingOverflow(offset)
    guard !overflow, sum >= 0 else { throw SystemFailure(.invalidArgument) }
    return UInt64(sum)
  }
}

/// A directory being listed.
final class DirectoryFile: OpenFile {
  private let directory: Inode
  /// 0 is before `.`, 1 before `..`, then two more than the file system's own.
  private var position: UInt64 = 0
  private let positionLock = Mutex("directory position")

  init(_ inode: Inode, _ flags: OpenFlags, _ path: Path?) {
    directory = inode
    super.init(inode, flags, path)
  }

  override func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int {
    throw SystemFailure(.isDirectory)
  }

  override func seek(_ offset: Int64, _ origin: SeekOrigin) throws(SystemFailure) -> UInt64 {
    positionLock.lock()
    defer { positionLock.unlock() }
    position = try OpenFile.target(offset, origin, position: position, end: position)
    return position
  }

  override func readNames(limit: Int) throws(SystemFailure) -> [UInt8] {
    positionLock.lock()
    defer { positionLock.unlock() }
    var entries: [DirectoryEntry] = []
    if position == 0 { entries.append(dots(1, next: 1, directory)) }
    if position <= 1 { entries.append(dots(2, next: 2, parent)) }
    let tree = directory.fileSystem.tree
    tree.lock()
    defer { tree.unlock() }
    for var entry in try directory.entries(from: position < 2 ? 0 : position - 2) {
      entry.next += 2
      entries.append(entry)
    }
    var bytes: [UInt8] = []
    for entry in entries {
      if bytes.count + entry.recordSize > limit {
        if bytes.isEmpty { throw SystemFailure(.invalidArgument) }
        break
      }
      entry.append(to: &bytes)
      position = entry.next
    }
    return bytes
  }

  private var parent: Inode {
    guard let path else { return directory }
    return NameCache.parent(of: path.dentry)?.inode ?? path.mount.point?.inode ?? directory
  }

  private func dots(_ count: Int, next: UInt64, _ inode: Inode) -> DirectoryEntry {
    DirectoryEntry(
      inode: inode.number, next: next, kind: .directory,
      name: [UInt8](repeating: 0x2e, count: count))
  }
}
