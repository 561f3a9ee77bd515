/// In whose name a process acts: users and groups as POSIX has them.
///
/// The effective user decides what is allowed. The real one says who started the program. The saved one lets
/// a program of another owner (set-user-ID) give up its rights for a while. User 0 may do everything.
package struct Credentials: Equatable {
  package private(set) var realUser: UInt32 = 0
  package private(set) var effectiveUser: UInt32 = 0
  package private(set) var savedUser: UInt32 = 0
  package private(set) var realGroup: UInt32 = 0
  package private(set) var effectiveGroup: UInt32 = 0
  package private(set) var savedGroup: UInt32 = 0
  /// Groups that it belongs to besides (`setgroups`).
  package private(set) var groups: [UInt32] = []
  package static let mostGroups = 64

  package init() {}

  package var isSuperuser: Bool { effectiveUser == 0 }

  /// `setuid`: the superuser becomes somebody else for good; others choose among who they are.
  package mutating func setUser(_ user: UInt32) -> Bool {
    if isSuperuser {
      (realUser, effectiveUser, savedUser) = (user, user, user)
      return true
    }
    guard user == realUser || user == savedUser else { return false }
    effectiveUser = user
    return true
  }

  /// `setgid`, which goes by the effective user too.
  package mutating func setGroup(_ group: UInt32) -> Bool {
    if isSuperuser {
      (realGroup, effectiveGroup, savedGroup) = (group, group, group)
      return true
    }
    guard group == realGroup || group == savedGroup else { return false }
    effectiveGroup = group
    return true
  }

  /// `setresuid`: nil leaves one as it is.
  package mutating func setUsers(_ real: UInt32?, _ effective: UInt32?, _ saved: UInt32?) -> Bool {
    guard isSuperuser || isOwn(real) && isOwn(effective) && isOwn(saved) else { return false }
    realUser = real ?? realUser
    effectiveUser = effective ?? effectiveUser
    savedUser = saved ?? savedUser
    return true
  }

  private func isOwn(_ user: UInt32?) -> Bool {
    user == nil || user == realUser || user == effectiveUser || user == savedUser
  }

  private func isOwnGroup(_ group: UInt32?) -> Bool {
    group == nil || group == realGroup || group == effectiveGroup || group == savedGroup
  }

  /// `setresgid`.
  package mutating func setGroups(_ real: UInt32?, _ effective: UInt32?, _ saved: UInt32?) -> Bool {
    guard isSuperuser || isOwnGroup(real) && isOwnGroup(effective) && isOwnGroup(saved) else {
      return false
    }
    realGroup = real ?? realGroup
    effectiveGroup = effective ?? effectiveGroup
    savedGroup = saved ?? savedGroup
    return true
  }

  /// `setgroups`, which only the superuser may call.
  package mutating func setSupplementary(_ groups: [UInt32]) -> Bool {
    guard isSuperuser, groups.count <= Credentials.mostGroups else { return false }
    self.groups = groups
    return true
  }

  /// Whether files of the group are its own group's.
  package func isMember(of group: UInt32) -> Bool {
    group == effectiveGroup || groups.contains(group)
  }

  /// For `access`, which asks what the one who started the program may do, whoever it acts for.
  package var ofRealUser: Credentials {
    var credentials = self
    credentials.effectiveUser = realUser
    credentials.effectiveGroup = realGroup
    return credentials
  }

  /// A program begins: if its file says so, in the name of the file's owner or group.
  package mutating func execute(asUser user: UInt32?, asGroup group: UInt32?) {
    effectiveUser = user ?? effectiveUser
    effectiveGroup = group ?? effectiveGroup
    savedUser = effectiveUser
    savedGroup = effectiveGroup
  }

  /// Whether it may send signals to a process with these, or change how that is scheduled.
  package func mayControl(_ other: Credentials) -> Bool {
    isSuperuser || realUser == other.realUser || realUser == other.savedUser
      || effectiveUser == other.realUser || effectiveUser == other.savedUser
  }
}
