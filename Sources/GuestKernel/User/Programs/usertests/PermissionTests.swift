/// Users: what others than root must not do, and that nothing gives them a way to.
import Apus

private let student: Int32 = 1000

/// In a child that has become an ordinary user.
private func asStudent(_ body: () -> Int32) -> WaitStatus? {
  inChild {
    guard Call.setgid(student).isSuccess, Call.setuid(student).isSuccess else { return 100 }
    return body()
  }
}

let permissionTests: [UserTest] = [
  UserTest(name: "file-permissions") { check in
    inScratch(check) { () throws(SystemError) in
      try FileTree.write([1], to: literal("file"), permissions: 0o600)
      _ = literal(".").withPath { Call.chmod($0, 0o755) }
      let status = asStudent {
        let name = literal("file")
        var failures: Int32 = 0
        func denied(_ outcome: Outcome, _ error: SystemError) {
          if outcome.error != error { failures += 1 }
        }
        name.withPath { name in
          denied(Call.open(name, 0, 0), .accessDenied)
          denied(Call.open(name, 1, 0), .accessDenied)
          denied(Call.truncate(name, 0), .accessDenied)
          denied(Call.access(name, 4), .accessDenied)
          denied(Call.chmod(name, 0o777), .notPermitted)
          denied(Call.chown(name, student, student), .notPermitted)
          denied(Call.unlink(name), .accessDenied)
          denied(Call.execve(name, nil, nil), .accessDenied)
        }
        literal("new").withPath { new in
          denied(Call.mkdir(new, 0o755), .accessDenied)
          denied(Call.mknod(new, 0o10644, 0), .accessDenied)
          denied(Call.symlink(new, new), .accessDenied)
          name.withPath { denied(Call.rename($0, new), .accessDenied) }
          name.withPath { denied(Call.link($0, new), .accessDenied) }
        }
        return failures
      }
      check.expect(status == .exited(code: 0), "each is refused")
    }
  },
  UserTest(name: "superuser-only") { check in
    let parent = Process.id
    let status = asStudent {
      var failures: Int32 = 0
      let path = literal("/tmp")
      path.withPath { path in
        for outcome in [
          Call.mount(path, path, path, 0, nil), Call.umount2(path, 0), Call.chroot(path),
          Call.swapon(path, 0), Call.swapoff(path), Call.init_module(nil, 0, nil),
          Call.finit_module(0, nil, 0), Call.delete_module(path, 0),
          Call.request_module(path, nil), Call.setuid(0), Call.setgid(0),
          Call.setresuid(0, -1, -1), Call.kill(parent, 0), Call.kill(1, 15),
          Call.tkill(parent, 15), Call.tgkill(parent, parent, 15), Call.power(0),
          Call.setpriority(0, parent, 5),
        ] where outcome.error != .notPermitted { failures += 1 }
      }
      return failures
    }
    check.expect(status == .exited(code: 0), "EPERM for each")
  },
  UserTest(name: "kernel-symbols") { check in
    do throws(SystemError) {
      let name = literal("/proc/kallsyms")
      let shown = try FileTree.contents(of: name)
      let lines = shown.split(separator: 0x0a)
      check.expect(lines.count > 1000, "\(lines.count) symbols")
      let unknown = [UInt8](repeating: 0x30, count: 16)
      check.expect(lines.allSatisfy { !$0.starts(with: unknown) }, "root sees addresses")
      // Parts of lines, not in their order.
      let file = try Descriptor.open(name)
      for position in [100_000, 5000, 5001, 0] {
        _ = try file.seek(Int64(position), from: .start)
        let part = try file.read(limit: 1000)
        check.expect(part == Array(shown[position..<position + 1000]), "from \(position) on")
      }
      try file.close()
      let status = asStudent {
        guard let hidden = try? FileTree.contents(of: name) else { return 1 }
        guard hidden.count == shown.count else { return 2 }
        let lines = hidden.split(separator: 0x0a)
        return lines.allSatisfy { $0.starts(with: unknown + [0x20]) } ? 0 : 3
      }
      check.expect(status == .exited(code: 0), "others see zeros")
    } catch {
      check.succeeds(.failure(error), "/proc/kallsyms")
    }
  },
  UserTest(name: "private-environment") { check in
    do throws(SystemError) {
      let pipe = try Descriptor.pipe()
      let pid = try Process.fork()
      if pid == 0 {
        _ = Call.dup2(pipe.writing.rawValue, 1)
        _ = Process.execute(
          literal("/bin/cat"), [literal("cat"), literal("/proc/self/environ")],
          environment: [literal("A=1"), literal("B=two")])
        System.exitNow(9)
      }
      try pipe.writing.close()
      let shown = try pipe.reading.readAll()
      check.expect(shown == literal("A=1") + [0] + literal("B=two") + [0], "one's own")
      try pipe.reading.close()
      _ = try Process.wait(for: pid)
      let name = literal("/proc/") + [UInt8](decimal: UInt64(Process.id)) + literal("/environ")
      check.expect(try !FileTree.contents(of: name).isEmpty, "root may read it")
      let status = asStudent {
        if (try? FileTree.contents(of: name))?.isEmpty != true { return 1 }
        let own = try? FileTree.contents(of: literal("/proc/self/environ"))
        return own?.isEmpty == false ? 0 : 2
      }
      check.expect(status == .exited(code: 0), "others only their own")
    } catch {
      check.succeeds(.failure(error), "/proc/PID/environ")
    }
  },
  UserTest(name: "identities") { check in
    let status = inChild {
      guard Call.setresuid(student, student, 0).isSuccess else { return 1 }
      // The saved user gives the way back, until it is given up.
      guard Call.setuid(0).isSuccess, Call.setuid(student).isSuccess else { return 2 }
      guard Call.setuid(0).error == .notPermitted else { return 3 }
      var (real, effective, saved): (UInt32, UInt32, UInt32) = (0, 0, 0)
      guard Call.getresuid(&real, &effective, &saved).isSuccess,
        real == 1000, effective == 1000, saved == 1000
      else { return 4 }
      return Call.getuid().error == nil && Call.geteuid().error == nil ? 0 : 5
    }
    check.expect(status == .exited(code: 0), "real, effective and saved users")
  },
  UserTest(name: "set-user-id") { check in
    inScratch(check) { () throws(SystemError) in
      let script = literal("script")
      try FileTree.write([UInt8](text: "#!/bin/id\n"), to: script, permissions: 0o755)
      _ = script.withPath { Call.chmod($0, 0o4755) }
      // The bit of a script means nothing: what runs is its interpreter.
      check.expect(try FileTree.status(of: script).mode.permissions == 0o4755, "the bit is kept")
      _ = script.withPath { Call.chown($0, student, student) }
      check.expect(try FileTree.status(of: script).mode.permissions == 0o755, "chown clears it")
    }
  },
]
