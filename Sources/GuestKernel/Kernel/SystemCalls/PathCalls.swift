/// System calls on paths: names, modes, directories, mounts.
import KernelArch

extension SystemCalls {
  static func status(_ path: UInt64, _ address: UInt64) throws(Failure) -> UInt64 {
    let found = try PathWalk.resolve(try UserMemory.path(path))
    try UserMemory.put(found.inode.status, at: address)
    return 0
  }

  /// Of a symbolic link itself.
  static func linkStatus(_ path: UInt64, _ address: UInt64) throws(Failure) -> UInt64 {
    let found = try PathWalk.resolve(try UserMemory.path(path), followsLast: false)
    try UserMemory.put(found.inode.status, at: address)
    return 0
  }

  static func fileStatus(_ descriptor: Int32, _ address: UInt64) throws(Failure) -> UInt64 {
    let file = try FileTable.ofCaller().get(Int(descriptor))
    defer { file.drop() }
    var status = FileStatus()
    status.mode = FileMode(file is DeviceFile ? .characterDevice : .pipe, permissions: 0o600)
    try UserMemory.put(file.inode?.status ?? status, at: address)
    return 0
  }

  static func makeDirectory(_ path: UInt64, _ permissions: UInt32) throws(Failure) -> UInt64 {
    let place = try PathWalk.parent(of: try UserMemory.path(path))
    let mode = FileMode(.directory, permissions: try masked(permissions))
    try Namespace.create(place, mode, DeviceNumber(rawValue: 0))
    return 0
  }

  static func makeNode(
    _ path: UInt64, _ mode: UInt32, _ device: UInt64
  ) throws(Failure) -> UInt64 {
    let place = try PathWalk.parent(of: try UserMemory.path(path))
    let word = UInt16(truncatingIfNeeded: mode)
    let kind = word >> 12 == 0 ? FileKind.regular : FileKind(rawValue: word >> 12)
    switch kind {
    case .regular?, .pipe?: break
    case .characterDevice?, .blockDevice?:
      try Permission.checkSuperuser()
    default: throw Failure(.invalidArgument)
    }
    guard let kind else { throw Failure(.invalidArgument) }
    try Namespace.create(
      place, FileMode(kind, permissions: try masked(mode)),
      DeviceNumber(rawValue: UInt32(truncatingIfNeeded: device)))
    return 0
  }

  private static func masked(_ permissions: UInt32) throws(Failure) -> UInt16 {
    let bits = UInt16(truncatingIfNeeded: permissions) & 0o7777
    return bits & ~(try FileTable.ofCaller().umask)
  }

  static func removeDirectory(_ path: UInt64) throws(Failure) -> UInt64 {
    let text = try UserMemory.path(path)
    let place: PathParent
    do throws(Failure) {
      place = try PathWalk.parent(of: text)
    } catch {
      throw error.error == .exists ? Failure(.busy) : error
    }
    try Namespace.remove(place, directory: true)
    return 0
  }

  static func unlink(_ path: UInt64) throws(Failure) -> UInt64 {
    let text = try UserMemory.path(path)
    let place: PathParent
    do throws(Failure) {
      place = try PathWalk.parent(of: text)
    } catch {
      throw error.error == .exists ? Failure(.isDirectory) : error
    }
    try Namespace.remove(place, directory: false)
    return 0
  }

  static func link(_ old: UInt64, _ new: UInt64) throws(Failure) -> UInt64 {
    let source = try PathWalk.resolve(try UserMemory.path(old), followsLast: false)
    try Namespace.link(source, try PathWalk.parent(of: try UserMemory.path(new)))
    return 0
  }

  static func symbolicLink(_ text: UInt64, _ path: UInt64) throws(Failure) -> UInt64 {
    let target = try UserMemory.path(text)
    try Namespace.createLink(try PathWalk.parent(of: try UserMemory.path(path)), to: target)
    return 0
  }

  static func readLink(
    _ path: UInt64, _ address: UInt64, _ size: UInt64
  ) throws(Failure) -> UInt64 {
    guard size > 0 else { throw Failure(.invalidArgument) }
    let found = try PathWalk.resolve(try UserMemory.path(path), followsLast: false)
    let text = Array(try found.inode.readLink().prefix(Int(min(size, pageSize))))
    guard UserMemory.write(text, to: address) else { throw Failure(.badAddress) }
    return UInt64(text.count)
  }

  static func rename(_ old: UInt64, _ new: UInt64) throws(Failure) -> UInt64 {
    let oldText = try UserMemory.path(old)
    let newText = try UserMemory.path(new)
    do throws(Failure) {
      try Namespace.rename(
        try PathWalk.parent(of: oldText), try PathWalk.parent(of: newText))
    } catch {
      throw error.error == .exists ? Failure(.busy) : error
    }
    return 0
  }

  static func truncate(_ path: UInt64, _ size: Int64) throws(Failure) -> UInt64 {
    let found = try PathWalk.resolve(try UserMemory.path(path))
    guard size >= 0, size < 1 << 62 else { throw Failure(.invalidArgument) }
    try Permission.check(found.inode, .write)
    try Namespace.checkWritable(found)
    guard found.inode.hold() else { throw Failure(.notFound) }
    defer { found.inode.drop() }
    try found.inode.beginWriting()
    defer { found.inode.endWriting() }
    try Namespace.truncate(found.inode, to: UInt64(size))
    return 0
  }

  static func access(_ path: UInt64, _ mode: UInt32) throws(Failure) -> UInt64 {
    let found = try PathWalk.resolve(try UserMemory.path(path))
    for access in [.execute, .write, .read] as [Permission.Access]
    where mode & UInt32(access.rawValue) != 0 {
      try Permission.check(found.inode, access)
    }
    return 0
  }
}

// MARK: Attributes

extension SystemCalls {
  static func changeMode(_ path: UInt64, _ mode: UInt32) throws(Failure) -> UInt64 {
    try setMode(try PathWalk.resolve(try UserMemory.path(path)), mode)
  }

  private static func setMode(_ path: Path, _ mode: UInt32) throws(Failure) -> UInt64 {
    let inode = path.inode
    try Namespace.checkWritable(path)
    try Permission.checkOwner(inode)
    inode.lock.lock()
    defer { inode.lock.unlock() }
    inode.mode.permissions = UInt16(truncatingIfNeeded: mode) & 0o7777
    inode.changed = Clock.nanoseconds
    try inode.attributesChanged()
    return 0
  }

  static func changeFileMode(_ descriptor: Int32, _ mode: UInt32) throws(Failure) -> UInt64 {
    let file = try FileTable.ofCaller().get(Int(descriptor))
    defer { file.drop() }
    guard let path = file.path else { throw Failure(.invalidArgument) }
    return try setMode(path, mode)
  }

  static func changeOwner(
    _ path: UInt64, _ user: Int32, _ group: Int32
  ) throws(Failure) -> UInt64 {
    try setOwner(try PathWalk.resolve(try UserMemory.path(path)), user, group)
  }

  static func changeFileOwner(
    _ descriptor: Int32, _ user: Int32, _ group: Int32
  ) throws(Failure) -> UInt64 {
    let file = try FileTable.ofCaller().get(Int(descriptor))
    defer { file.drop() }
    guard let path = file.path else { throw Failure(.invalidArgument) }
    return try setOwner(path, user, group)
  }

  private static func setOwner(
    _ path: Path, _ user: Int32, _ group: Int32
  ) throws(Failure) -> UInt64 {
    let inode = path.inode
    try Namespace.checkWritable(path)
    try Permission.checkSuperuser()
    inode.lock.lock()
    defer { inode.lock.unlock() }
    let unchanged = UInt32.max
    let (user, group) = (UInt32(bitPattern: user), UInt32(bitPattern: group))
    if user != unchanged { inode.userID = user }
    if group != unchanged { inode.groupID = group }
    // What ran in the old owner's name does not run in the new one's.
    let setsIdentity: UInt16 = 0o6000
    if inode.kind == .regular { inode.mode.permissions &= ~setsIdentity }
    inode.changed = Clock.nanoseconds
    try inode.attributesChanged()
    return 0
  }

  static func setUmask(_ mask: UInt32) throws(Failure) -> UInt64 {
    UInt64(try FileTable.ofCaller().setUmask(UInt16(truncatingIfNeeded: mask)))
  }
}

// MARK: Working directory, mounts

extension SystemCalls {
  static func changeDirectory(_ path: UInt64) throws(Failure) -> UInt64 {
    try setDirectory(try PathWalk.resolve(try UserMemory.path(path)))
  }

  static func changeDirectoryTo(_ descriptor: Int32) throws(Failure) -> UInt64 {
    let file = try FileTable.ofCaller().get(Int(descriptor))
    defer { file.drop() }
    guard let path = file.path else { throw Failure(.notDirectory) }
    return try setDirectory(path)
  }

  private static func setDirectory(_ path: Path) throws(Failure) -> UInt64 {
    guard path.inode.kind == .directory else { throw Failure(.notDirectory) }
    try Permission.check(path.inode, .execute)
    try FileTable.ofCaller().setCurrent(path)
    return 0
  }

  static func changeRoot(_ path: UInt64) throws(Failure) -> UInt64 {
    try Permission.checkSuperuser()
    let found = try PathWalk.resolve(try UserMemory.path(path))
    guard found.inode.kind == .directory else { throw Failure(.notDirectory) }
    try FileTable.ofCaller().setRoot(found)
    return 0
  }

  /// Returns the length with the NUL, as Linux does.
  static func currentDirectory(_ address: UInt64, _ size: UInt64) throws(Failure) -> UInt64 {
    let current = try FileTable.ofCaller().base.current
    if current.isDead { throw Failure(.notFound) }
    let text = current.text + [0]
    guard UInt64(text.count) <= size else { throw Failure(.outOfRange) }
    guard UserMemory.write(text, to: address) else { throw Failure(.badAddress) }
    return UInt64(text.count)
  }

  static func mount(
    _ source: UInt64, _ target: UInt64, _ kind: UInt64, _ flags: UInt64, _ options: UInt64
  ) throws(Failure) -> UInt64 {
    try Permission.checkSuperuser()
    let sourceText = try UserMemory.path(source)
    let point = try PathWalk.resolve(try UserMemory.path(target))
    guard point.inode.kind == .directory else { throw Failure(.notDirectory) }
    guard let kind = FileSystems.find(try UserMemory.path(kind)) else {
      throw Failure(.noSuchDevice)
    }
    let readOnly: UInt64 = 1
    let fileSystem = try kind.mount(
      sourceText, options == 0 ? [] : try UserMemory.path(options))
    Mounts.add(
      fileSystem, on: point, source: sourceText, isReadOnly: flags & readOnly != 0)
    return 0
  }

  static func unmount(_ target: UInt64, _ flags: UInt64) throws(Failure) -> UInt64 {
    try Permission.checkSuperuser()
    try Mounts.remove(try PathWalk.resolve(try UserMemory.path(target)))
    return 0
  }

  static func syncAll() throws(Failure) -> UInt64 {
    PageCache.sync()
    Mounts.sync()
    return 0
  }

  static func fileSystemStatus(_ path: UInt64, _ address: UInt64) throws(Failure) -> UInt64 {
    let found = try PathWalk.resolve(try UserMemory.path(path))
    try UserMemory.put(found.mount.fileSystem.status, at: address)
    return 0
  }
}
