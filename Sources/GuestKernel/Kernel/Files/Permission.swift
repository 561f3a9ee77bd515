/// Who may do what with a file: the nine bits of owner, group and others.
///
/// The superuser may do everything but execute what nobody may.
import KernelArch

enum Permission {
  enum Access: UInt16 {
    case execute = 1
    case write = 2
    case read = 4
  }

  static func check(_ inode: Inode, _ access: Access) throws(SystemFailure) {
    if !allows(inode, access) { throw SystemFailure(.accessDenied) }
  }

  static func allows(_ inode: Inode, _ access: Access) -> Bool {
    allows(inode, access, callersCredentials)
  }

  static func allows(_ inode: Inode, _ access: Access, _ who: Credentials) -> Bool {
    let bits = inode.mode.permissions
    if who.isSuperuser {
      return access != .execute || inode.kind == .directory || bits & 0o111 != 0
    }
    let shift: UInt16 =
      inode.userID == who.effectiveUser ? 6 : who.isMember(of: inode.groupID) ? 3 : 0
    return bits >> shift & access.rawValue != 0
  }

  /// Only the owner and the superuser change a file's mode and owner.
  static func checkOwner(_ inode: Inode) throws(SystemFailure) {
    let userID = caller.userID
    if userID != 0, userID != inode.userID { throw SystemFailure(.notPermitted) }
  }

  static var caller: (userID: UInt32, groupID: UInt32) {
    let credentials = callersCredentials
    return (credentials.effectiveUser, credentials.effectiveGroup)
  }

  /// Of the running process; the kernel's own threads are the superuser.
  static var callersCredentials: Credentials { FileTable.current?.credentials ?? Credentials() }

  static var isSuperuser: Bool { callersCredentials.isSuperuser }

  /// For what concerns the whole machine: mounts, modules, swap, power.
  static func checkSuperuser() throws(SystemFailure) {
    if !isSuperuser { throw SystemFailure(.notPermitted) }
  }

  /// Whether the caller may send signals to the process, or change how it is scheduled.
  static func mayControl(_ process: Process) -> Bool {
    guard process !== Scheduler.running?.process else { return true }
    return callersCredentials.mayControl(process.files?.credentials ?? Credentials())
  }
}
