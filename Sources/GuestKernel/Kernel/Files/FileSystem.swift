/// File systems and where they are mounted.
///
/// A mount covers a directory of another file system with the root of its own; a path walk that comes
/// to a covered directory goes on in what covers it.
import KernelArch

/// A mounted tree of files.
class FileSystem {
  let number: UInt64
  /// Held while names change, and while a directory is searched.
  let tree = Mutex("tree")
  // Users of all its inodes. Lock: `InodeUses.lock`.
  final var uses = 0

  init() { number = FileSystems.nextNumber() }

  var name: StaticString { "none" }
  var root: Inode { panic("a file system without a root") }
  /// What `df` shows.
  var status: FileSystemStatus {
    var status = FileSystemStatus()
    status.name = RecordName(bytes: [UInt8](text: name))
    return status
  }
  func sync() throws(SystemFailure) {}
  /// Nobody can reach the files any more.
  func unmount() throws(SystemFailure) {}
}

/// A kind of file system, and how to mount one.
struct FileSystemKind {
  let name: StaticString
  let needsDevice: Bool
  /// Given the source (a device's path, or any text) and the options.
  let mount: (_ source: [UInt8], _ options: [UInt8]) throws(SystemFailure) -> FileSystem
}

enum FileSystems {
  private static let lock = SpinLock("file systems", usesReserve: true)
  /// Lock: `lock`.
  nonisolated(unsafe) private static var kinds: [FileSystemKind] = []
  nonisolated(unsafe) private static var lastNumber: UInt64 = 0

  static func nextNumber() -> UInt64 {
    lock.withLock {
      lastNumber += 1
      return lastNumber
    }
  }

  /// Modules may add and remove kinds.
  static func add(_ kind: FileSystemKind) { lock.withLock { kinds.append(kind) } }

  static func remove(_ name: StaticString) {
    let text = [UInt8](text: name)
    lock.withLock { kinds.removeAll { text.equals($0.name) } }
  }

  static var all: [FileSystemKind] { lock.withLock { kinds } }

  static func find(_ name: [UInt8]) -> FileSystemKind? {
    for kind in all where name.equals(kind.name) { return kind }
    return nil
  }
}

/// One file system in one place.
final class Mount {
  let fileSystem: FileSystem
  let root: Dentry
  /// The covered directory; nil for the root of everything.
  let point: Path?
  let source: [UInt8]
  let isReadOnly: Bool

  init(_ fileSystem: FileSystem, on point: Path?, source: [UInt8], isReadOnly: Bool) {
    self.fileSystem = fileSystem
    self.point = point
    self.source = source
    self.isReadOnly = isReadOnly
    root = Dentry(name: [], parent: nil, inode: fileSystem.root)
  }
}

enum Mounts {
  private static let lock = SpinLock("mounts", usesReserve: true)
  // In the order of mounting. Lock: `lock`.
  nonisolated(unsafe) private static var list: [Mount] = []

  static var all: [Mount] { lock.withLock { list } }

  static var root: Path {
    guard let mount = lock.withLock({ list.first }) else { panic("no root file system") }
    return Path(mount: mount, dentry: mount.root)
  }

  /// What covers this directory, if anything.
  static func covering(_ path: Path) -> Mount? {
    lock.withLock {
      for mount in list {
        if let point = mount.point, point.dentry === path.dentry, point.mount === path.mount {
          return mount
        }
      }
      return nil
    }
  }

  static func isCovered(_ dentry: Dentry) -> Bool {
    lock.withLock {
      for mount in list where mount.point?.dentry === dentry { return true }
      return false
    }
  }

  @discardableResult
  static func add(
    _ fileSystem: FileSystem, on point: Path?, source: [UInt8], isReadOnly: Bool = false
  ) -> Mount {
    let mount = Mount(fileSystem, on: point, source: source, isReadOnly: isReadOnly)
    lock.withLock { list.append(mount) }
    return mount
  }

  /// Takes a mount away that nobody uses.
  static func remove(_ path: Path) throws(SystemFailure) {
    let mount = path.mount
    guard path.dentry === mount.root, mount.point != nil else {
      throw SystemFailure(.invalidArgument)
    }
    PageCache.forget(mount.fileSystem)
    mount.fileSystem.tree.lock()
    let isBusy = NameCache.forgetAll(of: mount.fileSystem) || isUsed(mount)
    mount.fileSystem.tree.unlock()
    if isBusy { throw SystemFailure(.busy) }
    lock.withLock { list.removeAll { $0 === mount } }
    try mount.fileSystem.unmount()
  }

  private static func isUsed(_ mount: Mount) -> Bool {
    for other in all where other.point?.mount === mount { return true }
    return InodeUses.count(on: mount.fileSystem) > 0
  }

  static func sync() {
    for mount in all {
      do throws(SystemFailure) {
        try mount.fileSystem.sync()
      } catch {
        log(
          "files", "sync of \(mount.fileSystem.name) on \(text: mount.source): \(error.error.name)")
      }
    }
  }
}
