import GuestKernel
import Testing

/// Users and passwords.
@Suite struct CredentialsTests {
  private func student() -> Credentials {
    var credentials = Credentials()
    let group = credentials.setGroup(100)
    let user = credentials.setUser(1000)
    #expect(group && user)
    return credentials
  }

  @Test func rightsAreGivenUpForGood() {
    var credentials = student()
    let back = credentials.setUser(0)
    let other = credentials.setUser(1001)
    let group = credentials.setGroup(0)
    #expect(!back && !other && !group)
    #expect(!credentials.isSuperuser && credentials.effectiveGroup == 100)
  }

  @Test func aProgramOfRootMaySwitchThereAndBack() {
    var credentials = student()
    credentials.execute(asUser: 0, asGroup: nil)
    #expect(credentials.isSuperuser && credentials.realUser == 1000)
    // seteuid(1000), as setresuid: the saved user remains.
    let down = credentials.setUsers(nil, 1000, nil)
    #expect(down && !credentials.isSuperuser)
    let up = credentials.setUser(0)
    #expect(up && credentials.isSuperuser)
    // As root, setuid is for good.
    let forGood = credentials.setUser(1000)
    let back = credentials.setUser(0)
    #expect(forGood && !back)
  }

  @Test func anotherProgramForgetsTheSavedUser() {
    var credentials = student()
    credentials.execute(asUser: 7, asGroup: 8)
    let down = credentials.setUsers(nil, 1000, nil)
    credentials.execute(asUser: nil, asGroup: nil)
    let up = credentials.setUser(7)
    #expect(down && !up)
  }

  @Test func strangersCannotBeBecome() {
    var credentials = student()
    for users in [(0, nil, nil), (nil, 0, nil), (nil, nil, 0)] as [(UInt32?, UInt32?, UInt32?)] {
      let changed = credentials.setUsers(users.0, users.1, users.2)
      #expect(!changed)
    }
    #expect(credentials == student())
  }

  @Test func signalsGoToOnesOwn() {
    var guest = Credentials()
    let isGuest = guest.setUser(1001)
    var su = student()
    su.execute(asUser: 0, asGroup: nil)
    #expect(isGuest)
    #expect(!student().mayControl(Credentials()) && !student().mayControl(guest))
    #expect(student().mayControl(student()) && Credentials().mayControl(guest))
    // By its real user a program of root's is still its starter's.
    #expect(student().mayControl(su))
  }

  @Test func supplementaryGroupsAreForTheSuperuserToGive() {
    var credentials = Credentials()
    let given = credentials.setSupplementary([7, 8])
    let user = credentials.setUser(1000)
    let more = credentials.setSupplementary([9])
    #expect(given && user && !more)
    #expect(credentials.isMember(of: 8) && !credentials.isMember(of: 9))
    let tooMany = [UInt32](repeating: 1, count: Credentials.mostGroups + 1)
    var root = Credentials()
    let taken = root.setSupplementary(tooMany)
    #expect(!taken)
  }

  @Test func groupsAreChosenAmongOnesOwn() {
    var credentials = student()
    let other = credentials.setGroups(nil, 7, nil)
    let own = credentials.setGroups(100, 100, 100)
    #expect(!other && own)
    credentials.execute(asUser: 0, asGroup: 5)
    #expect(!credentials.ofRealUser.isSuperuser && credentials.ofRealUser.effectiveGroup == 100)
  }

  // MARK: Limits

  @Test func limitsAreLoweredByAnybodyAndRaisedByRoot() {
    var limits = ResourceLimits()
    #expect(limits.set(.fileSize, ResourceLimit(10, 20), isSuperuser: false) == nil)
    #expect(limits.set(.fileSize, ResourceLimit(20, 20), isSuperuser: false) == nil)
    #expect(limits.set(.fileSize, ResourceLimit(20, 21), isSuperuser: false) == .notPermitted)
    #expect(limits.set(.fileSize, ResourceLimit(20, 21), isSuperuser: true) == nil)
    #expect(limits.set(.fileSize, ResourceLimit(5, 4), isSuperuser: true) == .invalidArgument)
    #expect(limits[.fileSize] == ResourceLimit(20, 21))
    let tooMany = ResourceLimit(1, ResourceLimits.mostOpenFiles + 1)
    #expect(limits.set(.openFiles, tooMany, isSuperuser: true) == .notPermitted)
  }

  // MARK: Passwords

  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  /// From Python's hashlib.pbkdf2_hmac("sha512", ...).
  @Test func theHashIsPBKDF2() {
    let password = Array("password".utf8)
    let salt = Array("salt".utf8)
    #expect(
      hex(PasswordHash(password, salt: salt, rounds: 1).hash)
        == "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252"
        + "c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce")
    let many = PasswordHash(password, salt: salt, rounds: 1000)
    #expect(hex(many.hash).hasPrefix("afe6c5530785b6cc6b1c6453384731bd5ee432ee549fd42f"))
    let long = PasswordHash([UInt8](repeating: 0x61, count: 200), salt: [], rounds: 2)
    #expect(hex(long.hash).hasPrefix("4c0f852e688dbb2109d8280d6e36f3310885699b19672de3"))
  }

  @Test func onlyTheRightPasswordMatches() throws {
    let hash = PasswordHash(Array("geheim".utf8), salt: [1, 2, 255], rounds: 10)
    let again = try #require(PasswordHash(hash.text))
    #expect(again == hash && again.matches(Array("geheim".utf8)))
    for wrong in ["Geheim", "geheim ", "", "gehei"] {
      #expect(!again.matches(Array(wrong.utf8)))
    }
  }

  @Test(arguments: [
    "", "*", "$", "$pbkdf2-sha512$1$00$", "$pbkdf2-sha512$0$00$00", "$md5$1$00$00",
    "$pbkdf2-sha512$99999999$00$00", "$pbkdf2-sha512$1$0$00", "$pbkdf2-sha512$1$zz$00",
  ])
  func whatIsNoHashLetsNobodyIn(text: String) {
    #expect(PasswordHash(Array(text.utf8)) == nil)
  }
}
