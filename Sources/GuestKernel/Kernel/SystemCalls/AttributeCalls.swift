/// System calls on what is known of a file beside its content: status, mode, owner, who may do what.
import KernelArch

extension SystemCalls {
  private static let here = AtFlags.workingDirectory

  static func status(_ path: UInt64, _ address: UInt64) throws(Failure) -> UInt64 {
    try statusAt(here, path, address, 0)
  }

  /// Of a symbolic link itself.
  static func linkStatus(_ path: UInt64, _ address: UInt64) throws(Failure) -> UInt64 {
    try statusAt(here, path, address, AtFlags.noFollow.rawValue)
  }

  static func statusAt(
    _ directory: Int32, _ path: UInt64, _ address: UInt64, _ flags: UInt64
  ) throws(Failure) -> UInt64 {
    let flags = AtFlags(rawValue: flags)
    guard flags.isSubset(of: [.noFollow, .emptyPath]) else { throw Failure(.invalidArgument) }
    if flags.contains(.emptyPath), try UserMemory.path(path).isEmpty, directory != here {
      return try fileStatus(directory, address)
    }
    let found = try PathArgument(directory, path).resolve(followsLast: !flags.contains(.noFollow))
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

  static func access(_ path: UInt64, _ mode: UInt32) throws(Failure) -> UInt64 {
    try checkAccessAt(here, path, mode, 0)
  }

  static func accessAt(
    _ directory: Int32, _ path: UInt64, _ mode: UInt32
  ) throws(Failure) -> UInt64 {
    try checkAccessAt(directory, path, mode, 0)
  }

  /// `faccessat2`: for the real user, so that a program that acts for another one can ask what its caller
  /// may do; with AT_EACCESS for the effective one.
  static func checkAccessAt(
    _ directory: Int32, _ path: UInt64, _ mode: UInt32, _ flags: UInt64
  ) throws(Failure) -> UInt64 {
    let flags = AtFlags(rawValue: flags)
    guard mode & ~7 == 0, flags.isSubset(of: [.effective, .noFollow]) else {
      throw Failure(.invalidArgument)
    }
    let found = try PathArgument(directory, path).resolve(followsLast: !flags.contains(.noFollow))
    let own = Permission.callersCredentials
    let who = flags.contains(.effective) ? own : own.ofRealUser
    for access in [.execute, .write, .read] as [Permission.Access]
    where mode & UInt32(access.rawValue) != 0 {
      guard Permission.allows(found.inode, access, who) else { throw Failure(.accessDenied) }
    }
    if mode & UInt32(Permission.Access.write.rawValue) != 0 { try Namespace.checkWritable(found) }
    return 0
  }
}

// MARK: Changing them

extension SystemCalls {
  static func changeMode(_ path: UInt64, _ mode: UInt32) throws(Failure) -> UInt64 {
    try changeModeAt(here, path, mode)
  }

  static func changeModeAt(
    _ directory: Int32, _ path: UInt64, _ mode: UInt32
  ) throws(Failure) -> UInt64 {
    try setMode(try PathArgument(directory, path).resolve(), mode)
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
    try changeOwnerAt(here, path, user, group, 0)
  }

  static func changeOwnerAt(
    _ directory: Int32, _ path: UInt64, _ user: Int32, _ group: Int32, _ flags: UInt64
  ) throws(Failure) -> UInt64 {
    let flags = AtFlags(rawValue: flags)
    guard flags.isSubset(of: [.noFollow, .emptyPath]) else { throw Failure(.invalidArgument) }
    if flags.contains(.emptyPath), try UserMemory.path(path).isEmpty, directory != here {
      return try changeFileOwner(directory, user, group)
    }
    let found = try PathArgument(directory, path).resolve(followsLast: !flags.contains(.noFollow))
    return try setOwner(found, user, group)
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
    let unchanged = UInt32.max
    let (user, group) = (UInt32(bitPattern: user), UInt32(bitPattern: group))
    try checkNewOwner(inode, user == unchanged ? nil : user, group == unchanged ? nil : group)
    inode.lock.lock()
    defer { inode.lock.unlock() }
    if user != unchanged { inode.userID = user }
    if group != unchanged { inode.groupID = group }
    // What ran in the old owner's name does not run in the new one's.
    let setsIdentity: UInt16 = 0o6000
    if inode.kind == .regular { inode.mode.permissions &= ~setsIdentity }
    inode.changed = Clock.nanoseconds
    try inode.attributesChanged()
    return 0
  }

  /// The superuser gives files away; their owner only chooses among the groups they are in.
  private static func checkNewOwner(
    _ inode: Inode, _ user: UInt32?, _ group: UInt32?
  ) throws(Failure) {
    let who = Permission.callersCredentials
    if who.isSuperuser { return }
    guard inode.userID == who.effectiveUser, user ?? inode.userID == inode.userID,
      group.map({ who.isMember(of: $0) }) ?? true
    else { throw Failure(.notPermitted) }
  }

  static func setUmask(_ mask: UInt32) throws(Failure) -> UInt64 {
    UInt64(try FileTable.ofCaller().setUmask(UInt16(truncatingIfNeeded: mask)))
  }
}
