/// In whose name a process acts, and what it has used.
import KernelArch

extension SystemCalls {
  private static var own: Credentials { Permission.callersCredentials }

  static func getUser() -> Answer { .success(UInt64(own.realUser)) }
  static func getUserGroup() -> Answer { .success(UInt64(own.realGroup)) }
  static func getEffectiveUser() -> Answer { .success(UInt64(own.effectiveUser)) }
  static func getEffectiveGroup() -> Answer { .success(UInt64(own.effectiveGroup)) }

  private static func change(
    _ body: (inout Credentials) -> Bool
  ) throws(SystemFailure) -> UInt64 {
    guard try FileTable.ofCaller().changeCredentials(body) else {
      throw SystemFailure(.notPermitted)
    }
    return 0
  }

  static func setUser(_ id: Int32) throws(SystemFailure) -> UInt64 {
    guard id >= 0 else { throw SystemFailure(.invalidArgument) }
    return try change { $0.setUser(UInt32(id)) }
  }

  static func setUserGroup(_ id: Int32) throws(SystemFailure) -> UInt64 {
    guard id >= 0 else { throw SystemFailure(.invalidArgument) }
    return try change { $0.setGroup(UInt32(id)) }
  }

  /// -1 leaves one as it is.
  static func setUsers(
    _ real: Int32, _ effective: Int32, _ saved: Int32
  ) throws(SystemFailure) -> UInt64 {
    guard real >= -1, effective >= -1, saved >= -1 else { throw SystemFailure(.invalidArgument) }
    return try change {
      $0.setUsers(UInt32(exactly: real), UInt32(exactly: effective), UInt32(exactly: saved))
    }
  }

  static func getUsers(
    _ real: UInt64, _ effective: UInt64, _ saved: UInt64
  ) throws(SystemFailure) -> UInt64 {
    let own = own
    try UserMemory.put(own.realUser, at: real)
    try UserMemory.put(own.effectiveUser, at: effective)
    try UserMemory.put(own.savedUser, at: saved)
    return 0
  }

  static func setUserGroups(
    _ real: Int32, _ effective: Int32, _ saved: Int32
  ) throws(SystemFailure) -> UInt64 {
    guard real >= -1, effective >= -1, saved >= -1 else { throw SystemFailure(.invalidArgument) }
    return try change {
      $0.setGroups(UInt32(exactly: real), UInt32(exactly: effective), UInt32(exactly: saved))
    }
  }

  static func getUserGroups(
    _ real: UInt64, _ effective: UInt64, _ saved: UInt64
  ) throws(SystemFailure) -> UInt64 {
    let own = own
    try UserMemory.put(own.realGroup, at: real)
    try UserMemory.put(own.effectiveGroup, at: effective)
    try UserMemory.put(own.savedGroup, at: saved)
    return 0
  }

  /// `setgroups`: the groups that the process belongs to besides its own.
  static func setSupplementaryGroups(
    _ count: UInt64, _ list: UInt64
  ) throws(SystemFailure) -> UInt64 {
    try Permission.checkSuperuser()
    guard count <= UInt64(Credentials.mostGroups) else { throw SystemFailure(.invalidArgument) }
    var groups: [UInt32] = []
    for index in 0..<count {
      groups.append(try UserMemory.get(0 as UInt32, at: list &+ index * 4))
    }
    return try change { $0.setSupplementary(groups) }
  }

  /// `getgroups`: how many there are; they are stored if there is room, and only counted for a size of 0.
  static func getSupplementaryGroups(
    _ size: Int32, _ list: UInt64
  ) throws(SystemFailure) -> UInt64 {
    let groups = own.groups
    if size == 0 { return UInt64(groups.count) }
    guard size >= groups.count else { throw SystemFailure(.invalidArgument) }
    for (index, group) in groups.enumerated() {
      try UserMemory.put(group, at: list &+ UInt64(index) * 4)
    }
    return UInt64(groups.count)
  }

  /// `getrusage`: seconds and microseconds of the process (0) or of its children (-1); the rest is 0.
  static func getUsage(_ who: Int32, _ usage: UInt64) throws(SystemFailure) -> UInt64 {
    let process = Process.current
    let nanoseconds: UInt64
    switch who {
    case 0: nanoseconds = process.processorTime
    case -1: nanoseconds = process.usage.childrenNanoseconds
    default: throw SystemFailure(.invalidArgument)
    }
    var words = [UInt64](repeating: 0, count: 18)
    words[0] = nanoseconds / 1_000_000_000
    words[1] = nanoseconds % 1_000_000_000 / 1000
    guard words.withUnsafeBytes({ UserMemory.write($0, to: usage) }) else {
      throw SystemFailure(.badAddress)
    }
    return 0
  }
}
