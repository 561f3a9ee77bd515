/// The page cache: a file's pages in memory, by inode and index, for all who map it. They are filled by
/// the file system at the first touch, stay when the last mapping goes, and are taken away by reclaim or
/// when the file loses its last name. What was written through a shared mapping goes back to the file by
/// `msync`, by a thread every few seconds, and before anybody reads the file in another way.
///
/// Lock: `lock` for the list; an inode's lock before its object's.
import KernelArch

/// A file as something that can be mapped.
final class InodeObject: MemoryObject {
  fileprivate let inode: Inode
  private let label: [UInt8]
  /// Pages of areas that map it; changed by atomic operations.
  fileprivate var mappedPages: UInt64 = 0
  /// The file has no name any more: to be forgotten with the last mapping.
  fileprivate var isDoomed = false

  fileprivate init(_ inode: Inode, name: [UInt8]) {
    self.inode = inode
    label = name
    super.init()
  }

  deinit {
    end()
    inode.drop()
  }

  override var name: [UInt8] { label }
  override var isSwapBacked: Bool { false }
  override var pageCount: UInt64 { (inode.size + pageSize - 1) / pageSize }

  override func lockContents() { inode.lock.lock() }
  override func unlockContents() { inode.lock.unlock() }

  override func fill(_ index: UInt64, _ frame: PhysicalAddress) -> Bool {
    do throws(SystemFailure) {
      try inode.readPage(
        index, into: UnsafeMutableRawBufferPointer(start: frame.pointer, count: Int(pageSize)))
      return true
    } catch {
      return false
    }
  }

  override func store(_ index: UInt64, _ frame: PhysicalAddress) -> Bool {
    do throws(SystemFailure) {
      try inode.writePage(
        index, from: UnsafeRawBufferPointer(start: frame.pointer, count: Int(pageSize)))
      MemoryStatistics.count(.writtenBack)
      return true
    } catch {
      return false
    }
  }

  override func mappingChanged(by pages: Int) {
    let before = atomic_add64(&mappedPages, UInt64(bitPattern: Int64(pages)))
    if before &+ UInt64(bitPattern: Int64(pages)) == 0 { PageCache.lastMappingEnded(self) }
  }
}

enum PageCache {
  private static let lock = Mutex("page cache")
  nonisolated(unsafe) private static var objects: [InodeObject] = []
  nonisolated(unsafe) private static var hasWriter = false
  /// Files that are kept although nobody maps them.
  private static let capacity = 64

  /// What to map for a file; nil when it is gone already.
  static func object(of inode: Inode, name: [UInt8]) -> MemoryObject? {
    lock.withLock {
      if let known = inode.pages { return known }
      guard inode.hold() else { return nil }
      let object = InodeObject(inode, name: name)
      inode.pages = object
      objects.append(object)
      trim()
      return object
    }
  }

  /// The frame of a file's page, with a reference for the caller.
  static func page(of inode: Inode, _ index: UInt64) -> Result<PhysicalAddress, FaultFailure> {
    guard let object = object(of: inode, name: []) else { return .failure(.beyondEnd) }
    return object.page(index, .user).map { $0.frame }
  }

  /// Keeps the list short: the oldest without mappings goes, its pages written back.
  private static func trim() {
    var index = 0
    while objects.count > capacity, index < objects.count {
      if atomic_load64(&objects[index].mappedPages) == 0 {
        remove(objects[index])
      } else {
        index += 1
      }
    }
  }

  private static func remove(_ object: InodeObject) {
    object.writeBack()
    object.inode.pages = nil
    objects.removeAll { $0 === object }
  }

  /// The file has lost its last name: its pages need not outlive the last mapping.
  static func forget(_ inode: Inode) {
    guard inode.pages != nil, !lock.isMine else { return }
    lock.withLock {
      for object in objects where object.inode === inode {
        object.isDoomed = true
        if atomic_load64(&object.mappedPages) == 0 { remove(object) }
        return
      }
    }
  }

  /// Forgets all files of a file system that is to be unmounted.
  static func forget(_ fileSystem: FileSystem) {
    lock.withLock {
      for object in objects where object.inode.fileSystem === fileSystem {
        if atomic_load64(&object.mappedPages) == 0 { remove(object) }
      }
    }
  }

  fileprivate static func lastMappingEnded(_ object: InodeObject) {
    guard object.isDoomed else { return }
    lock.withLock { if atomic_load64(&object.mappedPages) == 0 { remove(object) } }
  }
}

// MARK: In step with read and write

extension PageCache {
  /// Before the file is read in another way: what mappings have written goes to the file.
  static func willRead(_ inode: Inode) { inode.pages?.writeBack() }

  /// After bytes of the file have been written in another way; the inode's lock is held.
  static func didWrite(_ inode: Inode, at position: UInt64, _ bytes: UnsafeRawBufferPointer) {
    inode.pages?.update(at: position, bytes)
  }

  /// After the file has become shorter; the inode's lock is held.
  static func didTruncate(_ inode: Inode) {
    inode.pages?.releasePages(from: (inode.size + pageSize - 1) / pageSize)
  }

  /// Writes everything back; returns how many pages that were.
  @discardableResult
  static func sync() -> Int {
    var written = 0
    for object in lock.withLock({ objects }) { written += object.writeBack() ?? 0 }
    return written
  }

  /// From the first writable shared mapping on, a thread writes back every five seconds.
  static func startWriter() {
    let isFirst: Bool = lock.withLock {
      if hasWriter { return false }
      hasWriter = true
      return true
    }
    guard isFirst else { return }
    let writer = Thread.trySpawn([UInt8](text: "writeback")) {
      while true {
        Thread.sleep(nanoseconds: 5_000_000_000)
        PageCache.sync()
      }
    }
    if writer == nil { lock.withLock { hasWriter = false } }
  }
}

/// Memory of a driver, mapped by a program: the open file says which frame each page is.
final class DeviceObject: MemoryObject {
  private let file: OpenFile

  init(_ file: OpenFile) {
    self.file = file
    file.hold()
    super.init()
  }

  deinit {
    end()
    file.drop()
  }

  override var name: [UInt8] { file.title }
  override var isSwapBacked: Bool { false }

  override func ownFrame(_ index: UInt64) -> PhysicalAddress? {
    do throws(SystemFailure) {
      let frame = try file.page(index)
      return Frames.isMemory(frame) ? frame : nil
    } catch {
      return nil
    }
  }

  override var hasOwnFrames: Bool { true }
}
