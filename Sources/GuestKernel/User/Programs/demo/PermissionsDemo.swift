/// Users and permissions: what a process that is not root's cannot do, and the two ways to more rights.
import Apus

enum PermissionsDemo {
  private static let folder = [UInt8](text: "/tmp/permissions")
  private static let student: Int32 = 1000

  private static func path(_ name: StaticString) -> [UInt8] {
    folder + [0x2f] + [UInt8](text: name)
  }

  /// In a child, which gives up root's rights for good first.
  private static func asStudent(_ body: () -> Bool) -> Bool {
    let code = Child.code(
      Child.start {
        guard Call.setgid(student).isSuccess, Call.setuid(student).isSuccess else { return 2 }
        return body() ? 0 : 1
      })
    return code == 0
  }

  private static func open(_ name: StaticString, _ flags: OpenFlags = .readOnly) -> Outcome {
    path(name).withPath { Call.open($0, UInt64(flags.rawValue), 0) }
  }

  static func run() -> Bool {
    do throws(SystemError) {
      try prepare()
    } catch {
      return Demo.check(false, "the files can be made: \(error.name)")
    }
    defer { clear() }
    var passed = files()
    passed = machine() && passed
    passed = otherRights() && passed
    return passwords() && passed
  }

  private static func prepare() throws(SystemError) {
    clear()
    try FileTree.makeDirectory(folder)
    let content = [UInt8](text: "text\n")
    try FileTree.write(content, to: path("secret"), permissions: 0o600)
    try FileTree.write(content, to: path("public"), permissions: 0o644)
    try FileTree.write(content, to: path("group"), permissions: 0o640)
    try path("group").withPath { Call.chown($0, 0, student) }.check()
    try FileTree.makeDirectory(path("closed"))
    try FileTree.write(content, to: path("closed/file"), permissions: 0o644)
    try FileTree.setPermissions(0o700, of: path("closed"))
  }

  private static func clear() {
    for name in ["closed/file", "secret", "public", "group", "tool"] as [StaticString] {
      _ = path(name).withPath { Call.unlink($0) }
    }
    _ = path("closed").withPath { Call.rmdir($0) }
    _ = folder.withPath { Call.rmdir($0) }
  }

  private static func files() -> Bool {
    Demo.say("A child becomes user 1000. Files have nine bits: owner, group, others.")
    return asStudent {
      var passed = Demo.check(open("public").isSuccess, "rw-r--r-- of root: others may read it")
      passed =
        Demo.check(open("public", .writeOnly).error == .accessDenied, "and not write it: EACCES")
        && passed
      passed =
        Demo.check(open("secret").error == .accessDenied, "rw-------: not even read it")
        && passed
      passed =
        Demo.check(open("group").isSuccess, "rw-r----- of group 1000: the group may read")
        && passed
      passed =
        Demo.check(
          open("closed/file").error == .accessDenied,
          "a readable file in a directory without x for others: no way through")
        && passed
      let change = path("public").withPath { Call.chmod($0, 0o666) }
      return Demo.check(change.error == .notPermitted, "chmod is for the owner: EPERM") && passed
    }
  }

  private static func machine() -> Bool {
    Demo.say("What concerns others, or the whole machine:")
    let parent = Process.id
    return asStudent {
      var passed = Demo.check(
        Call.kill(parent, 15).error == .notPermitted, "no signals to another user's process")
      let none = [UInt8](text: "none")
      let mounted = none.withPath { name in
        folder.withPath { Call.mount(name, $0, name, 0, nil) }
      }
      passed = Demo.check(mounted.error == .notPermitted, "no mount") && passed
      let loaded = none.withPath { Call.finit_module(0, $0, 0) }
      passed = Demo.check(loaded.error == .notPermitted, "no kernel module") && passed
      var priority: Int32 = 50
      let scheduled = withUnsafeBytes(of: &priority) {
        Call.sched_setscheduler(0, 1, $0.baseAddress)
      }
      passed = Demo.check(scheduled.error == .notPermitted, "no real-time priority") && passed
      return Demo.check(Call.setuid(0).error == .notPermitted, "and no way back to root") && passed
    }
  }

  private static func otherRights() -> Bool {
    Demo.say("A program file can lend its owner's rights: the set-user-ID bit, as of /bin/su.")
    do throws(SystemError) {
      let program = try FileTree.contents(of: [UInt8](text: "/bin/id"))
      try FileTree.write(program, to: path("tool"), permissions: 0o755)
    } catch {
      return Demo.check(false, "a copy of /bin/id: \(error.name)")
    }
    var passed = Demo.check(effectiveUser() == 1000, "a copy of id runs as who starts it")
    _ = path("tool").withPath { Call.chmod($0, 0o4755) }
    passed = Demo.check(effectiveUser() == 0, "with mode 4755 it runs as root") && passed
    _ = path("tool").withPath { Call.chown($0, student, student) }
    return Demo.check(
      (try? FileTree.status(of: path("tool")))?.mode.permissions == 0o755,
      "a change of the owner takes the bit away")
      && passed
  }

  /// Who `id`, started by user 1000, says that it acts as.
  private static func effectiveUser() -> UInt64? {
    guard let pipe = try? Descriptor.pipe() else { return nil }
    let child = Child.start {
      _ = Call.setgid(student)
      _ = Call.setuid(student)
      _ = Call.dup2(pipe.writing.rawValue, 1)
      _ = Process.execute(path("tool"), [[UInt8](text: "id")])
      return 1
    }
    try? pipe.writing.close()
    let text = (try? pipe.reading.readAll()) ?? []
    try? pipe.reading.close()
    _ = Child.wait(child)
    for word in text.split(whereSeparator: { $0 == 0x20 || $0 == 0x0a }).map({ Array($0) }) {
      guard word.starts(with: "euid=") else { continue }
      return Array(word.dropFirst(5).prefix { $0 != 0x28 }).decimal
    }
    return text.isEmpty ? nil : 1000
  }

  private static func passwords() -> Bool {
    Demo.say("A password is kept as a salt and a hash that takes a thousand rounds.")
    let password = [UInt8](text: "correct horse")
    let one = PasswordHash(password, salt: [1, 2, 3, 4], rounds: 1000)
    let other = PasswordHash(password, salt: [1, 2, 3, 5], rounds: 1000)
    var passed = Demo.check(one.hash != other.hash, "another salt: nothing in common")
    passed =
      Demo.check(PasswordHash(one.text)?.matches(password) == true, "the right one fits")
      && passed
    return Demo.check(!one.matches([UInt8](text: "correct house")), "and a wrong one does not")
      && passed
  }
}
