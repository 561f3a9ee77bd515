/// System calls on names: making, linking, renaming and removing files, and asking what they are.
///
/// Each has two forms. In the one whose name ends in `at` a relative path begins at an open directory, so that
/// nobody can put another one into its place meanwhile; the other form begins at the working directory.
import KernelArch

/// A path as a call gets it, and where it begins when it is relative.
struct PathArgument {
  let text: [UInt8]
  /// Nil for the working directory.
  let start: Path?

  /// The descriptor is not even looked at for an absolute path.
  init(_ directory: Int32, _ address: UInt64) throws(SystemFailure) {
    text = try UserMemory.path(address)
    guard directory != AtFlags.workingDirectory, text.first != 0x2f else {
      start = nil
      return
    }
    let file = try FileTable.ofCaller().get(Int(directory))
    defer { file.drop() }
    guard let path = file.path, path.inode.kind == .directory else {
      throw SystemFailure(.notDirectory)
    }
    start = path
  }

  func resolve(followsLast: Bool = true) throws(SystemFailure) -> Path {
    try PathWalk.resolve(text, from: start, followsLast: followsLast)
  }

  /// The directory and the last name; `special` is the error for `/`, `.` and `..`, which have none.
  func parent(_ special: SystemError = .exists) throws(SystemFailure) -> PathParent {
    do throws(SystemFailure) {
      return try PathWalk.parent(of: text, from: start)
    } catch {
      throw error.error == .exists ? SystemFailure(special) : error
    }
  }
}

extension SystemCalls {
  private static let here = AtFlags.workingDirectory

  static func makeDirectory(_ path: UInt64, _ permissions: UInt32) throws(Failure) -> UInt64 {
    try makeDirectoryAt(here, path, permissions)
  }

  static func makeDirectoryAt(
    _ directory: Int32, _ path: UInt64, _ permissions: UInt32
  ) throws(Failure) -> UInt64 {
    let place = try PathArgument(directory, path).parent()
    let mode = FileMode(.directory, permissions: try masked(permissions))
    try Namespace.create(place, mode, DeviceNumber(rawValue: 0))
    return 0
  }

  static func makeNode(
    _ path: UInt64, _ mode: UInt32, _ device: UInt64
  ) throws(Failure) -> UInt64 {
    try makeNodeAt(here, path, mode, device)
  }

  static func makeNodeAt(
    _ directory: Int32, _ path: UInt64, _ mode: UInt32, _ device: UInt64
  ) throws(Failure) -> UInt64 {
    let place = try PathArgument(directory, path).parent()
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
    try removeAt(here, path, AtFlags.removeDirectory.rawValue)
  }

  static func unlink(_ path: UInt64) throws(Failure) -> UInt64 { try removeAt(here, path, 0) }

  static func removeAt(
    _ directory: Int32, _ path: UInt64, _ flags: UInt64
  ) throws(Failure) -> UInt64 {
    let flags = AtFlags(rawValue: flags)
    guard flags.isSubset(of: .removeDirectory) else { throw Failure(.invalidArgument) }
    let isDirectory = flags.contains(.removeDirectory)
    let place = try PathArgument(directory, path).parent(isDirectory ? .busy : .isDirectory)
    try Namespace.remove(place, directory: isDirectory)
    return 0
  }

  static func link(_ old: UInt64, _ new: UInt64) throws(Failure) -> UInt64 {
    try linkAt(here, old, here, new, 0)
  }

  static func linkAt(
    _ oldDirectory: Int32, _ old: UInt64, _ newDirectory: Int32, _ new: UInt64, _ flags: UInt64
  ) throws(Failure) -> UInt64 {
    let flags = AtFlags(rawValue: flags)
    guard flags.isSubset(of: .follow) else { throw Failure(.invalidArgument) }
    let source = try PathArgument(oldDirectory, old).resolve(followsLast: flags.contains(.follow))
    try Namespace.link(source, try PathArgument(newDirectory, new).parent())
    return 0
  }

  static func symbolicLink(_ text: UInt64, _ path: UInt64) throws(Failure) -> UInt64 {
    try symbolicLinkAt(text, here, path)
  }

  static func symbolicLinkAt(
    _ text: UInt64, _ directory: Int32, _ path: UInt64
  ) throws(Failure) -> UInt64 {
    let target = try UserMemory.path(text)
    try Namespace.createLink(try PathArgument(directory, path).parent(), to: target)
    return 0
  }

  static func readLink(
    _ path: UInt64, _ address: UInt64, _ size: UInt64
  ) throws(Failure) -> UInt64 {
    try readLinkAt(here, path, address, size)
  }

  static func readLinkAt(
    _ directory: Int32, _ path: UInt64, _ address: UInt64, _ size: UInt64
  ) throws(Failure) -> UInt64 {
    guard size > 0 else { throw Failure(.invalidArgument) }
    let found = try PathArgument(directory, path).resolve(followsLast: false)
    let text = Array(try found.inode.readLink().prefix(Int(min(size, pageSize))))
    guard UserMemory.write(text, to: address) else { throw Failure(.badAddress) }
    return UInt64(text.count)
  }

  static func rename(_ old: UInt64, _ new: UInt64) throws(Failure) -> UInt64 {
    try renameAt(here, old, here, new)
  }

  static func renameAt(
    _ oldDirectory: Int32, _ old: UInt64, _ newDirectory: Int32, _ new: UInt64
  ) throws(Failure) -> UInt64 {
    let from = try PathArgument(oldDirectory, old)
    let to = try PathArgument(newDirectory, new)
    try Namespace.rename(try from.parent(.busy), try to.parent(.busy))
    return 0
  }

  static func truncate(_ path: UInt64, _ size: Int64) throws(Failure) -> UInt64 {
    let found = try PathArgument(here, path).resolve()
    guard size >= 0, size < 1 << 62 else { throw Failure(.invalidArgument) }
    try Permission.check(found.inode, .write)
    try Namespace.checkWritable(found)
    guard found.inode.hold() else { throw Failure(.notFound) }
    defer { found.inode.drop() }
    try found.inode.beginWriting()
    defer { found.inode.endWriting() }
    try setSize(of: found.inode, UInt64(size))
    return 0
  }

  static func setSize(of inode: Inode, _ size: UInt64) throws(Failure) {
    if size > inode.size { _ = try ResourceLimits.writable(1, at: size - 1) }
    try Namespace.truncate(inode, to: size)
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
