/// A file system that is nothing but its inodes in memory: the root, and /dev.
///
/// Directories are lists; contents are page frames in a tree by their index, so that a hole costs nothing;
/// what comes with the image (programs, initial modules) stays where it lies until somebody writes to
/// it. Each has a limit, by default half of memory: who fills a disk gets ENOSPC, not the OOM killer.
import KernelArch

final class RamFS: FileSystem {
  /// The last position that a file may reach.
  static let largestFile: UInt64 = 1 << 40

  private let kindName: StaticString
  private var rootInode: RamInode?
  /// Lock: `tree`.
  private var lastNumber: UInt64 = 1
  /// The most pages of content; as many inodes may be made.
  private let limit: UInt64
  private let quota = SpinLock("ramfs quota")
  // Lock for these: `quota`.
  private var usedPages: UInt64 = 0
  private var usedInodes: UInt64 = 1

  /// `limit` in pages; half of memory if nothing is said.
  init(_ name: StaticString, limit: UInt64? = nil) {
    kindName = name
    self.limit = limit ?? UInt64(Frames.totalCount) / 2
    super.init()
    rootInode = RamInode(
      number: 1, fileSystem: self, mode: FileMode(.directory, permissions: 0o755))
    rootInode?.links = 2
  }

  override var name: StaticString { kindName }
  override var root: Inode {
    guard let rootInode else { panic("ramfs without a root") }
    return rootInode
  }

  /// From mount options: `size=` and a number of bytes, or of k, m, g, or a part of memory with %.
  static func mount(_ options: [UInt8]) throws(SystemFailure) -> RamFS {
    var limit: UInt64?
    for option in options.split(separator: 0x2c) {
      guard option.starts(with: [UInt8](text: "size=")),
        let bytes = ByteCount.parse(
          Array(option.dropFirst(5)), of: UInt64(Frames.totalCount) * pageSize)
      else { throw SystemFailure(.invalidArgument) }
      limit = (bytes + pageSize - 1) / pageSize
    }
    return RamFS("ramfs", limit: limit)
  }

  fileprivate func make(_ mode: FileMode) throws(SystemFailure) -> RamInode {
    let hasRoom = quota.withLock {
      guard usedInodes < limit else { return false }
      usedInodes += 1
      return true
    }
    guard hasRoom else { throw SystemFailure(.noSpace) }
    lastNumber += 1
    return RamInode(number: lastNumber, fileSystem: self, mode: mode)
  }

  /// A file without a name, which goes when nobody has it open any more.
  func makeNameless(permissions: UInt16) throws(SystemFailure) -> Inode {
    tree.lock()
    defer { tree.unlock() }
    let inode = try make(FileMode(.regular, permissions: permissions))
    inode.links = 0
    return inode
  }

  /// Counts one more page; false when there may be no more.
  fileprivate func takePage() -> Bool {
    quota.withLock {
      guard usedPages < limit else { return false }
      usedPages += 1
      return true
    }
  }

  fileprivate func give(pages: UInt64, inodes: UInt64) {
    quota.withLock {
      usedPages -= pages
      usedInodes -= inodes
    }
  }

  override var status: FileSystemStatus {
    var status = super.status
    status.blockSize = pageSize
    let used = quota.withLock { (usedPages, usedInodes) }
    status.blocks = limit
    status.freeBlocks = limit - used.0
    status.inodes = limit
    status.freeInodes = limit - used.1
    return status
  }

  override func unmount() throws(SystemFailure) {
    rootInode?.removeEverything()
    rootInode = nil
  }
}

final class RamInode: Inode {
  private struct Entry {
    let name: [UInt8]
    let inode: RamInode
    /// Where a listing goes on after it: later entries have greater ones.
    let cookie: UInt64
  }

  // Of a directory. Lock: the file system's `tree`.
  private var children: [Entry] = []
  private var lastCookie: UInt64 = 0
  /// Of a symbolic link; never changed.
  fileprivate var target: [UInt8] = []
  // Of a file. Lock: `lock`.
  private var image: UnsafeRawBufferPointer?
  /// Physical addresses of pages by their index.
  private var frames = PageTree()

  override var residentContent: UnsafeRawBufferPointer? { image }

  private var ram: RamFS? { fileSystem as? RamFS }

  // MARK: Directory

  private func index(of name: [UInt8]) -> Int? {
    for (index, entry) in children.enumerated() where entry.name == name { return index }
    return nil
  }

  private func add(_ name: [UInt8], _ inode: RamInode) {
    lastCookie += 1
    children.append(Entry(name: name, inode: inode, cookie: lastCookie))
    modified = Clock.wallTime
    if inode.kind == .directory { links += 1 }
  }

  private func take(_ name: [UInt8]) {
    guard let index = index(of: name) else { return }
    let entry = children.remove(at: index)
    modified = Clock.wallTime
    if entry.inode.kind == .directory { links -= 1 }
  }

  override func lookup(_ name: [UInt8]) throws(SystemFailure) -> Inode {
    guard let index = index(of: name) else { throw SystemFailure(.notFound) }
    return children[index].inode
  }

  override func create(
    _ name: [UInt8], _ mode: FileMode, _ device: DeviceNumber
  ) throws(SystemFailure) -> Inode {
    guard let ram, links > 0 else { throw SystemFailure(.notFound) }
    let inode = try ram.make(mode)
    inode.device = device
    if mode.kind == .directory { inode.links = 2 }
    add(name, inode)
    return inode
  }

  override func createLink(
    _ name: [UInt8], to text: [UInt8]
  ) throws(SystemFailure) -> Inode {
    guard let ram, links > 0 else { throw SystemFailure(.notFound) }
    let inode = try ram.make(FileMode(.symbolicLink, permissions: 0o777))
    inode.target = text
    inode.size = UInt64(text.count)
    add(name, inode)
    return inode
  }

  override func link(_ name: [UInt8], _ inode: Inode) throws(SystemFailure) {
    guard links > 0, let inode = inode as? RamInode else { throw SystemFailure(.notFound) }
    inode.links += 1
    add(name, inode)
  }

  override func remove(_ name: [UInt8], _ inode: Inode) throws(SystemFailure) {
    guard let inode = inode as? RamInode else { throw SystemFailure(.notFound) }
    if inode.kind == .directory {
      guard inode.children.isEmpty else { throw SystemFailure(.notEmpty) }
      take(name)
      inode.links = 0
    } else {
      take(name)
      inode.links -= 1
    }
    inode.changed = Clock.wallTime
  }

  override func rename(
    _ name: [UInt8], _ inode: Inode, to directory: Inode, _ newName: [UInt8], replacing: Inode?
  ) throws(SystemFailure) {
    guard let directory = directory as? RamInode, let inode = inode as? RamInode else {
      throw SystemFailure(.crossDevice)
    }
    if let replacing { try directory.remove(newName, replacing) }
    take(name)
    directory.add(newName, inode)
  }

  override func entries(from position: UInt64) throws(SystemFailure) -> [DirectoryEntry] {
    var list: [DirectoryEntry] = []
    for entry in children where entry.cookie > position {
      list.append(
        DirectoryEntry(
          inode: entry.inode.number, next: entry.cookie, kind: entry.inode.kind, name: entry.name))
    }
    return list
  }

  override func readLink() throws(SystemFailure) -> [UInt8] {
    guard kind == .symbolicLink else { throw SystemFailure(.invalidArgument) }
    return target
  }

  /// Breaks the circles of references when the file system goes.
  fileprivate func removeEverything() {
    for entry in children { entry.inode.removeEverything() }
    children = []
    freePages(from: 0)
  }

  /// Holes take no room.
  override var status: FileStatus {
    var status = super.status
    if image == nil, kind == .regular { status.blocks = UInt64(frames.count) * (pageSize / 512) }
    return status
  }

  // MARK: Content

  /// Shows memory that belongs to the kernel's image as the content, until it is written to.
  func setContent(_ bytes: UnsafeRawBufferPointer) {
    image = bytes
    size = UInt64(bytes.count)
  }

  override func read(
    at position: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int {
    guard kind == .regular else { throw SystemFailure(.isDirectory) }
    guard position < size, let target = buffer.baseAddress else { return 0 }
    let count = Int(min(UInt64(buffer.count), size - position))
    if let base = image?.baseAddress {
      target.copyMemory(from: base + Int(position), byteCount: count)
      return count
    }
    var done = 0
    while done < count {
      let at = position + UInt64(done)
      let offset = Int(at % pageSize)
      let chunk = min(count - done, Int(pageSize) - offset)
      if let page = present(at / pageSize) {
        (target + done).copyMemory(from: page + offset, byteCount: chunk)
      } else {
        (target + done).initializeMemory(as: UInt8.self, repeating: 0, count: chunk)
      }
      done += chunk
    }
    return count
  }

  override func write(
    at position: UInt64, from buffer: UnsafeRawBufferPointer
  ) throws(SystemFailure) -> Int {
    guard kind == .regular else { throw SystemFailure(.isDirectory) }
    guard let source = buffer.baseAddress, !buffer.isEmpty else { return 0 }
    guard position < RamFS.largestFile else { throw SystemFailure(.fileTooLarge) }
    try ownContent()
    let count = Int(min(UInt64(buffer.count), RamFS.largestFile - position))
    var done = 0
    while done < count {
      let at = position + UInt64(done)
      let offset = Int(at % pageSize)
      let chunk = min(count - done, Int(pageSize) - offset)
      guard let page = page(at / pageSize) else { break }
      (page + offset).copyMemory(from: source + done, byteCount: chunk)
      done += chunk
      size = max(size, at + UInt64(chunk))
    }
    if done == 0 { throw SystemFailure(.noSpace) }
    modified = Clock.wallTime
    return done
  }

  override func truncate(to newSize: UInt64) throws(SystemFailure) {
    guard kind == .regular else { throw SystemFailure(.isDirectory) }
    guard newSize <= RamFS.largestFile else { throw SystemFailure(.fileTooLarge) }
    if newSize == 0 { image = nil }
    try ownContent()
    if newSize < size {
      freePages(from: (newSize + pageSize - 1) / pageSize)
      let offset = Int(newSize % pageSize)
      if offset > 0, let page = present(newSize / pageSize) {
        (page + offset).initializeMemory(
          as: UInt8.self, repeating: 0, count: Int(pageSize) - offset)
      }
    }
    size = newSize
    modified = Clock.wallTime
  }

  override func evict() {
    freePages(from: 0)
    ram?.give(pages: 0, inodes: 1)
  }

  /// Copies what lies in the image, before the first change.
  private func ownContent() throws(SystemFailure) {
    guard let bytes = image else { return }
    image = nil
    let whole = size
    size = 0
    do throws(SystemFailure) {
      guard try write(at: 0, from: bytes) == bytes.count else { throw SystemFailure(.noSpace) }
    } catch {
      freePages(from: 0)
      image = bytes
      size = whole
      throw error
    }
  }

  private func present(_ index: UInt64) -> UnsafeMutableRawPointer? {
    let frame = frames[index]
    return frame == 0 ? nil : PhysicalAddress(frame).pointer
  }

  /// The page to be written to, made if it is not there yet.
  private func page(_ index: UInt64) -> UnsafeMutableRawPointer? {
    if let page = present(index) { return page }
    guard let ram, ram.takePage() else { return nil }
    guard let frame = Frames.allocate(order: 0, [.zero, .user]) else {
      ram.give(pages: 1, inodes: 0)
      return nil
    }
    frames.set(index, frame.value)
    return frame.pointer
  }

  private func freePages(from first: UInt64) {
    let before = frames.count
    while let (index, frame) = frames.next(from: first) {
      frames.set(index, 0)
      Frames.release(PhysicalAddress(frame))
    }
    ram?.give(pages: UInt64(before - frames.count), inodes: 0)
  }
}
