/// Paths: from a text like `/dev/../bin/sh` to a file, and back.
///
/// A walk goes through the name cache, asks directories for what is not there, follows symbolic links
/// by putting their text before the rest, and changes to another file system where one is mounted.
import KernelArch

/// A place in the tree: which mount, and which name in it.
struct Path {
  let mount: Mount
  let dentry: Dentry

  var inode: Inode { dentry.inode }

  static func == (a: Path, b: Path) -> Bool { a.mount === b.mount && a.dentry === b.dentry }
}

/// Where the last component of a path belongs, whether or not it exists.
struct PathParent {
  let directory: Path
  let name: [UInt8]
  let wantsDirectory: Bool
}

struct PathWalk {
  private let base: (root: Path, current: Path)
  private var steps: PathSteps
  private(set) var at: Path

  private init(_ text: [UInt8], _ table: FileTable?, _ start: Path?) throws(SystemFailure) {
    guard !text.isEmpty else { throw SystemFailure(.notFound) }
    guard let steps = PathSteps(text) else { throw SystemFailure(.nameTooLong) }
    let root = Mounts.root
    base = table?.base ?? (root, root)
    self.steps = steps
    at = steps.isAbsolute ? base.root : start ?? base.current
  }

  /// The file that a path names, for the process with that table (the kernel itself has none); a relative
  /// one begins at `start`, or at the working directory.
  static func resolve(
    _ text: [UInt8], _ table: FileTable? = FileTable.current, from start: Path? = nil,
    followsLast: Bool = true
  ) throws(SystemFailure) -> Path {
    var walk = try PathWalk(text, table, start)
    while let name = try walk.step(followsLast: followsLast, stopsBeforeLast: false) {
      panic("a walk stopped before \(text: name)")
    }
    if walk.steps.wantsDirectory, walk.at.inode.kind != .directory {
      throw SystemFailure(.notDirectory)
    }
    return walk.at
  }

  /// The directory and name that a path's last component stands for.
  static func parent(
    of text: [UInt8], _ table: FileTable? = FileTable.current, from start: Path? = nil
  ) throws(SystemFailure) -> PathParent {
    var walk = try PathWalk(text, table, start)
    guard let name = try walk.step(followsLast: false, stopsBeforeLast: true) else {
      throw SystemFailure(.exists)  // the path is /, or ends in . or ..
    }
    guard walk.at.inode.kind == .directory else { throw SystemFailure(.notDirectory) }
    return PathParent(
      directory: walk.at, name: name, wantsDirectory: walk.steps.wantsDirectory)
  }

  /// Walks to the end, or to before the last name and returns that.
  private mutating func step(
    followsLast: Bool, stopsBeforeLast: Bool
  ) throws(SystemFailure) -> [UInt8]? {
    while true {
      switch steps.next() {
      case .end: return nil
      case .parent:
        guard at.inode.kind == .directory else { throw SystemFailure(.notDirectory) }
        goUp()
      case .name(let name, let isLast):
        if isLast, stopsBeforeLast { return name }
        let found = try PathWalk.child(of: at, name)
        if found.inode.kind == .symbolicLink, !isLast || followsLast || steps.wantsDirectory {
          guard steps.expand(try found.inode.readLink()) else {
            throw SystemFailure(.tooManyLinks)
          }
          if steps.isAbsolute { at = base.root }
        } else {
          at = PathWalk.uncovered(found)
        }
      }
    }
  }

  /// The name in that directory, which may be covered by a mount.
  static func child(of directory: Path, _ name: [UInt8]) throws(SystemFailure) -> Path {
    let dentry = directory.dentry
    guard dentry.inode.kind == .directory else { throw SystemFailure(.notDirectory) }
    try Permission.check(dentry.inode, .execute)
    if let known = NameCache.find(dentry, name) {
      return Path(mount: directory.mount, dentry: known)
    }
    let tree = dentry.inode.fileSystem.tree
    tree.lock()
    defer { tree.unlock() }
    // Another thread may have been faster.
    if let known = NameCache.find(dentry, name) {
      return Path(mount: directory.mount, dentry: known)
    }
    let inode = try dentry.inode.lookup(name)
    return Path(mount: directory.mount, dentry: NameCache.add(dentry, name, inode))
  }

  /// What a program sees at this path: the root of what is mounted there last.
  static func uncovered(_ path: Path) -> Path {
    var path = path
    while let mount = Mounts.covering(path) { path = Path(mount: mount, dentry: mount.root) }
    return path
  }

  /// To the directory above, out of mounts, but not out of the process's root.
  private mutating func goUp() {
    if at == base.root { return }
    while at.dentry === at.mount.root, let point = at.mount.point {
      at = point
      if at == base.root { return }
    }
    if let parent = NameCache.parent(of: at.dentry) {
      at = PathWalk.uncovered(Path(mount: at.mount, dentry: parent))
    }
  }
}

extension Path {
  /// The path as text, from the root of everything.
  var text: [UInt8] {
    var text: [UInt8] = []
    var at = self
    while true {
      let (names, isDead) = NameCache.names(of: at.dentry)
      var part: [UInt8] = []
      for name in names { part += [0x2f] + name }
      text = part + text
      if isDead { return text + [UInt8](text: " (deleted)") }
      guard let point = at.mount.point else { break }
      at = point
    }
    return text.isEmpty ? [0x2f] : text
  }

  var isDead: Bool { NameCache.names(of: dentry).isDead }
}
