/// What changes names: making, linking, removing and renaming files.
///
/// Each step holds the `tree` mutex of the file system, so that a name cannot come, go or move while
/// it is being looked at, and keeps the name cache true.
import KernelArch

enum Namespace {
  /// Opens a file, making it when the flags say so.
  static func open(
    _ text: [UInt8], _ flags: OpenFlags, permissions: UInt16, from start: Path? = nil,
    _ table: FileTable? = FileTable.current
  ) throws(SystemFailure) -> OpenFile {
    let path: Path
    if flags.contains(.create) {
      path = try openOrCreate(text, flags, permissions, table, from: start, depth: 0)
    } else {
      path = try PathWalk.resolve(
        text, table, from: start, followsLast: !flags.contains(.noFollow))
    }
    return try open(path, flags)
  }

  static func open(_ path: Path, _ flags: OpenFlags) throws(SystemFailure) -> OpenFile {
    let inode = path.inode
    if inode.kind == .directory, flags.canWrite || flags.contains(.truncate) {
      throw SystemFailure(.isDirectory)
    }
    if flags.contains(.directory), inode.kind != .directory { throw SystemFailure(.notDirectory) }
    if flags.canRead { try Permission.check(inode, .read) }
    if flags.canWrite {
      try Permission.check(inode, .write)
      try checkWritable(path)
    }
    guard inode.hold() else { throw SystemFailure(.notFound) }
    do throws(SystemFailure) {
      let writes = inode.kind == .regular && flags.canWrite
      if writes { try inode.beginWriting() }
      do throws(SystemFailure) {
        if writes, flags.contains(.truncate) { try truncate(inode, to: 0) }
        return try inode.open(OpenFile.kept(flags), path)
      } catch {
        if writes { inode.endWriting() }
        throw error
      }
    } catch {
      inode.drop()
      throw error
    }
  }

  /// Makes a file shorter or longer, and what is mapped of it.
  static func truncate(_ inode: Inode, to size: UInt64) throws(SystemFailure) {
    inode.lock.lock()
    defer { inode.lock.unlock() }
    try inode.truncate(to: size)
    PageCache.didTruncate(inode)
  }

  /// A mount can be read-only; devices and pipes on it are not its content.
  static func checkWritable(_ path: Path) throws(SystemFailure) {
    guard path.mount.isReadOnly else { return }
    switch path.inode.kind {
    case .regular, .directory, .symbolicLink: throw SystemFailure(.readOnly)
    case .characterDevice, .blockDevice, .pipe, .socket: return
    }
  }

  private static func openOrCreate(
    _ text: [UInt8], _ flags: OpenFlags, _ permissions: UInt16, _ table: FileTable?,
    from start: Path?, depth: Int
  ) throws(SystemFailure) -> Path {
    guard depth < PathSteps.maximumLinks else { throw SystemFailure(.tooManyLinks) }
    // `.`, `..` and `/` exist: opening them with O_CREAT is opening a directory for writing.
    if text.last == 0x2f || text.equals(".") || text.equals("..") {
      throw SystemFailure(.isDirectory)
    }
    let place = try PathWalk.parent(of: text, table, from: start)
    do throws(SystemFailure) {
      let found = try PathWalk.child(of: place.directory, place.name)
      if flags.contains(.exclusive) { throw SystemFailure(.exists) }
      guard found.inode.kind == .symbolicLink else { return PathWalk.uncovered(found) }
      if flags.contains(.noFollow) { throw SystemFailure(.tooManyLinks) }
      return try openOrCreateTarget(
        of: found, place.directory, flags, permissions, table, depth: depth + 1)
    } catch {
      guard error.error == .notFound else { throw error }
    }
    let mode = FileMode(.regular, permissions: permissions & ~(table?.umask ?? 0))
    do throws(SystemFailure) {
      return try create(place, mode, DeviceNumber(rawValue: 0))
    } catch {
      // Somebody else made it in between: then it is opened.
      guard error.error == .exists, !flags.contains(.exclusive) else { throw error }
      return try openOrCreate(text, flags, permissions, table, from: start, depth: depth + 1)
    }
  }

  /// A link that points nowhere yet: what it points to is made.
  private static func openOrCreateTarget(
    of link: Path, _ directory: Path, _ flags: OpenFlags, _ permissions: UInt16,
    _ table: FileTable?, depth: Int
  ) throws(SystemFailure) -> Path {
    var target = try link.inode.readLink()
    if target.first != 0x2f { target = directory.text + [0x2f] + target }
    return try openOrCreate(target, flags, permissions, table, from: nil, depth: depth)
  }

  /// Makes a file, directory, pipe or device file.
  @discardableResult
  static func create(
    _ place: PathParent, _ mode: FileMode, _ device: DeviceNumber
  ) throws(SystemFailure) -> Path {
    if place.wantsDirectory, mode.kind != .directory { throw SystemFailure(.notFound) }
    return try change(place) { (directory) throws(SystemFailure) in
      let inode = try directory.create(place.name, mode, device)
      (inode.userID, inode.groupID) = Permission.caller
      return inode
    }
  }

  static func createLink(_ place: PathParent, to text: [UInt8]) throws(SystemFailure) {
    guard !text.isEmpty else { throw SystemFailure(.notFound) }
    guard text.count <= PathSteps.longestPath else { throw SystemFailure(.nameTooLong) }
    _ = try change(place) { (directory) throws(SystemFailure) in
      try directory.createLink(place.name, to: text)
    }
  }

  static func link(_ old: Path, _ place: PathParent) throws(SystemFailure) {
    guard old.mount === place.directory.mount else { throw SystemFailure(.crossDevice) }
    guard old.inode.kind != .directory else { throw SystemFailure(.notPermitted) }
    _ = try change(place) { (directory) throws(SystemFailure) in
      guard old.inode.links > 0 else { throw SystemFailure(.notFound) }
      try directory.link(place.name, old.inode)
      return old.inode
    }
  }

  /// Adds a name to a directory that does not have it yet.
  private static func change(
    _ place: PathParent, _ make: (Inode) throws(SystemFailure) -> Inode
  ) throws(SystemFailure) -> Path {
    let dentry = place.directory.dentry
    try checkWritable(place.directory)
    try Permission.check(dentry.inode, .write)
    let tree = dentry.inode.fileSystem.tree
    tree.lock()
    defer { tree.unlock() }
    guard try find(dentry, place.name) == nil else { throw SystemFailure(.exists) }
    let inode = try make(dentry.inode)
    return Path(
      mount: place.directory.mount, dentry: NameCache.add(dentry, place.name, inode))
  }

  /// The dentry of a name; the caller holds the tree.
  private static func find(_ parent: Dentry, _ name: [UInt8]) throws(SystemFailure) -> Dentry? {
    if let known = NameCache.find(parent, name) { return known }
    do throws(SystemFailure) {
      return NameCache.add(parent, name, try parent.inode.lookup(name))
    } catch {
      if error.error == .notFound { return nil }
      throw error
    }
  }
}

// MARK: Removing and moving

extension Namespace {
  /// `unlink` and `rmdir`.
  static func remove(_ place: PathParent, directory: Bool) throws(SystemFailure) {
    let parent = place.directory.dentry
    try checkWritable(place.directory)
    try Permission.check(parent.inode, .write)
    let tree = parent.inode.fileSystem.tree
    let inode: Inode
    do {
      tree.lock()
      defer { tree.unlock() }
      guard let dentry = try find(parent, place.name) else { throw SystemFailure(.notFound) }
      inode = dentry.inode
      try checkSticky(parent.inode, inode)
      if directory {
        guard inode.kind == .directory else { throw SystemFailure(.notDirectory) }
      } else {
        guard inode.kind != .directory else { throw SystemFailure(.isDirectory) }
        if place.wantsDirectory { throw SystemFailure(.notDirectory) }
      }
      if Mounts.isCovered(dentry) { throw SystemFailure(.busy) }
      try parent.inode.remove(place.name, inode)
      NameCache.remove(dentry)
    }
    inode.evictIfUnused()
  }

  /// In a directory like /tmp each user removes their own files only.
  private static func checkSticky(_ directory: Inode, _ inode: Inode) throws(SystemFailure) {
    let sticky: UInt16 = 0o1000
    guard directory.mode.permissions & sticky != 0 else { return }
    if Permission.caller.userID != directory.userID { try Permission.checkOwner(inode) }
  }

  static func rename(_ old: PathParent, _ new: PathParent) throws(SystemFailure) {
    guard old.directory.mount === new.directory.mount else { throw SystemFailure(.crossDevice) }
    try checkWritable(old.directory)
    try Permission.check(old.directory.inode, .write)
    try Permission.check(new.directory.inode, .write)
    var replaced: Inode?
    do {
      let tree = old.directory.inode.fileSystem.tree
      tree.lock()
      defer { tree.unlock() }
      guard let dentry = try find(old.directory.dentry, old.name) else {
        throw SystemFailure(.notFound)
      }
      if old.wantsDirectory || new.wantsDirectory, dentry.inode.kind != .directory {
        throw SystemFailure(.notDirectory)
      }
      try checkSticky(old.directory.inode, dentry.inode)
      let target = try find(new.directory.dentry, new.name)
      if let target {
        if target.inode === dentry.inode { return }
        try checkSticky(new.directory.inode, target.inode)
      }
      try checkRename(dentry, target, into: new.directory.dentry)
      try old.directory.inode.rename(
        old.name, dentry.inode, to: new.directory.inode, new.name, replacing: target?.inode)
      if let target { NameCache.remove(target) }
      NameCache.move(dentry, to: new.directory.dentry, new.name)
      replaced = target?.inode
    }
    replaced?.evictIfUnused()
  }

  private static func checkRename(
    _ dentry: Dentry, _ target: Dentry?, into directory: Dentry
  ) throws(SystemFailure) {
    if Mounts.isCovered(dentry) { throw SystemFailure(.busy) }
    // A directory cannot become its own descendant.
    var at: Dentry? = directory
    while let above = at {
      if above === dentry { throw SystemFailure(.invalidArgument) }
      at = NameCache.parent(of: above)
    }
    guard let target else { return }
    if Mounts.isCovered(target) { throw SystemFailure(.busy) }
    let isDirectory = dentry.inode.kind == .directory
    if target.inode.kind == .directory, !isDirectory { throw SystemFailure(.isDirectory) }
    if target.inode.kind != .directory, isDirectory { throw SystemFailure(.notDirectory) }
  }
}

// MARK: For the kernel's own use

extension Namespace {
  /// Makes the directories of a path that are missing.
  static func makeDirectories(_ path: [UInt8]) throws(SystemFailure) {
    var text: [UInt8] = []
    for name in path.split(separator: 0x2f) {
      text += [0x2f] + Array(name)
      do throws(SystemFailure) {
        let mode = FileMode(.directory, permissions: 0o755)
        try create(try PathWalk.parent(of: text, nil), mode, DeviceNumber(rawValue: 0))
      } catch {
        if error.error != .exists { throw error }
      }
    }
  }

  /// The whole content of a file, which must be a small one.
  static func contents(of path: [UInt8], limit: Int = 64 << 10) throws(SystemFailure) -> [UInt8] {
    let file = try open(path, .readOnly, permissions: 0, nil)
    defer { file.drop() }
    guard file.inode?.kind == .regular else { throw SystemFailure(.invalidArgument) }
    var bytes: [UInt8] = []
    while true {
      let part = try FileBytes.read(Int(pageSize), from: file)
      if part.isEmpty { return bytes }
      guard bytes.count + part.count <= limit else { throw SystemFailure(.fileTooLarge) }
      bytes += part
    }
  }
}
