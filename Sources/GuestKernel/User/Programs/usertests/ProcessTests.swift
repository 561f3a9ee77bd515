/// Processes: copies that do not share, ends that are told, orphans, groups, and programs with arguments.
import Apus

let processTests: [UserTest] = [
  UserTest(name: "fork-memory") { check in
    var values = [UInt64](repeating: 7, count: 3000)
    let status = inChild {
      for index in values.indices { values[index] = 8 }
      return values.contains { $0 != 8 } ? 1 : 0
    }
    check.expect(status == .exited(code: 0), "the child sees what it writes")
    check.expect(!values.contains { $0 != 7 }, "the parent does not")
  },
  UserTest(name: "exit-codes") { check in
    for code in [0, 1, 42, 255] as [Int32] {
      check.expect(inChild { code } == .exited(code: code), "code \(code)")
    }
    check.expect(inChild { 256 + 3 } == .exited(code: 3), "only eight bits count")
  },
  UserTest(name: "wait-errors") { check in
    var word: UInt32 = 0
    check.fails(Call.wait4(-1, &word, 0, nil), .noChild, "without children")
    check.fails(Call.wait4(1, &word, 0, nil), .noChild, "for somebody else's")
    check.fails(Call.wait4(-1, &word, 0xff00, nil), .invalidArgument, "with unknown options")
    do throws(SystemError) {
      let pipe = try Descriptor.pipe()
      let pid = try Process.fork()
      if pid == 0 {
        try pipe.writing.close()
        _ = try? pipe.reading.read(limit: 1)
        System.exitNow(0)
      }
      check.expect(try Process.wait(for: pid, .noHang).pid == 0, "WNOHANG: not yet")
      for end in [pipe.writing, pipe.reading] { try end.close() }
      check.expect(try Process.wait(for: pid).pid == pid, "and then it is")
      check.fails(Call.wait4(pid, &word, 0, nil), .noChild, "a second time")
    } catch {
      check.succeeds(.failure(error), "fork")
    }
  },
  UserTest(name: "wait-bad-address") { check in
    do throws(SystemError) {
      let pid = try Process.fork()
      if pid == 0 { System.exitNow(3) }
      let outcome = Call.wait4(pid, UnsafeMutableRawPointer(bitPattern: 0x7000_0000), 0, nil)
      check.fails(outcome, .badAddress, "the status goes nowhere")
      _ = Call.wait4(pid, nil, 0, nil)
    } catch {
      check.succeeds(.failure(error), "fork")
    }
  },
  UserTest(name: "many-children") { check in
    var pids: [Int32] = []
    for index in 0..<30 {
      do throws(SystemError) {
        let pid = try Process.fork()
        if pid == 0 { System.exitNow(Int32(index)) }
        pids.append(pid)
      } catch {
        check.succeeds(.failure(error), "fork \(index)")
      }
    }
    var seen = 0
    while let (pid, status) = try? Process.wait() {
      guard let index = pids.firstIndex(of: pid) else { continue }
      check.expect(status == .exited(code: Int32(index)), "child \(index)")
      seen += 1
    }
    check.expect(seen == pids.count, "\(seen) of \(pids.count) seen")
  },
  UserTest(name: "orphans") { check in
    let status = inChild {
      let parent = Process.id
      for _ in 0..<5 {
        if let pid = try? Process.fork(), pid == 0 {
          while Process.parentID == parent { Time.sleep(nanoseconds: 5_000_000) }
          System.exitNow(0)
        }
      }
      return 0
    }
    check.expect(status == .exited(code: 0), "the parent of five ends; somebody adopts them")
    Time.sleep(nanoseconds: 100_000_000)
  },
  UserTest(name: "exec-arguments") { check in
    do throws(SystemError) {
      let pipe = try Descriptor.pipe()
      let pid = try Process.fork()
      if pid == 0 {
        _ = Call.dup2(pipe.writing.rawValue, 1)
        let words = [literal("echo"), literal("a b"), [], literal("c")]
        _ = Process.execute(literal("/bin/echo"), words)
        System.exitNow(9)
      }
      try pipe.writing.close()
      check.expect(try pipe.reading.readAll() == literal("a b  c\n"), "words arrive as they are")
      try pipe.reading.close()
      check.expect(try Process.wait(for: pid).status == .exited(code: 0), "echo ended well")
    } catch {
      check.succeeds(.failure(error), "exec")
    }
  },
  UserTest(name: "exec-environment") { check in
    do throws(SystemError) {
      let pipe = try Descriptor.pipe()
      let pid = try Process.fork()
      if pid == 0 {
        _ = Call.dup2(pipe.writing.rawValue, 1)
        _ = Process.execute(
          literal("/bin/env"), [literal("env")], environment: [literal("A=1"), literal("B=two")])
        System.exitNow(9)
      }
      try pipe.writing.close()
      check.expect(try pipe.reading.readAll() == literal("A=1\nB=two\n"), "so does the environment")
      try pipe.reading.close()
      _ = try Process.wait(for: pid)
    } catch {
      check.succeeds(.failure(error), "exec")
    }
  },
  UserTest(name: "exec-name") { check in
    do throws(SystemError) {
      let input = try Descriptor.pipe(.closeOnExec)
      let begun = try Descriptor.pipe(.closeOnExec)
      let pid = try Process.fork()
      if pid == 0 {
        _ = Call.dup2(input.reading.rawValue, 0)
        _ = Process.execute(literal("/bin/cat"), [literal("cat")])
        System.exitNow(9)
      }
      try begun.writing.close()
      check.expect(try begun.reading.readAll().isEmpty, "closed by execve")
      for (file, start) in [("comm", ""), ("stat", "\(pid) ("), ("status", "Name:\t")]
        as [(StaticString, TextLine)]
      {
        let text = try FileTree.contents(of: [UInt8]("/proc/\(pid)/\(file)" as TextLine))
        check.expect(text.hasPrefix([UInt8](start) + literal("cat")), "/proc/\(pid)/\(file)")
      }
      let record = System.processes().first { $0.pid == UInt32(pid) }
      check.expect(record?.name.equals("cat") ?? false, "a line of ps")
      let threads = try FileTree.contents(of: literal("/proc/sched")).split(separator: 0x0a)
      let line = threads.map { Array($0).split(separator: 0x20).map { Array($0) } }
        .first { $0.first?.decimal == UInt64(pid) }
      check.expect(line?.last?.equals("cat") ?? false, "the thread's line in /proc/sched")
      try input.writing.close()
      check.expect(try Process.wait(for: pid).status == .exited(code: 0), "cat has read all")
      for descriptor in [input.reading, begun.reading] { try descriptor.close() }
    } catch {
      check.succeeds(.failure(error), "exec")
    }
  },
  UserTest(name: "exec-errors") { check in
    inScratch(check) { () throws(SystemError) in
      try FileTree.write(literal("no program at all"), to: literal("text"))
      _ = literal("text").withPath { Call.chmod($0, 0o755) }
      var broken = Array(try FileTree.contents(of: literal("/bin/hello")).prefix(200))
      try FileTree.write(broken, to: literal("short"))
      for index in 64..<broken.count { broken[index] = 0xff }
      try FileTree.write(broken, to: literal("wild"))
      for name in ["short", "wild"] as [StaticString] {
        _ = literal(name).withPath { Call.chmod($0, 0o755) }
      }
      check.expect(Process.execute(literal("nothing"), []) == .notFound, "no file")
      for name in ["text", "short", "wild"] as [StaticString] {
        let error = Process.execute(literal(name), [literal(name)])
        check.expect(error == .badExecutable, "\(name): \(error.symbol)")
      }
      check.expect(Process.execute(literal("."), []) == .accessDenied, "a directory")
      let long = [UInt8](repeating: 0x61, count: 4 << 20)
      let error = Process.execute(literal("/bin/true"), [literal("true"), long])
      check.expect(error == .argumentsTooLong, "arguments of 4 MiB: \(error.symbol)")
    }
  },
  UserTest(name: "close-on-exec") { check in
    do throws(SystemError) {
      let kept = try Descriptor.open(literal("/proc/version"))
      let closed = try Descriptor.open(literal("/proc/version"), .closeOnExec)
      let text = [UInt8](
        "exec 2>&-; read a <&\(closed.rawValue) && exit 1; read a <&\(kept.rawValue)" as TextLine)
      let status = try Process.run([literal("sh"), literal("-c"), text])
      check.expect(status == .exited(code: 0), "one is closed, the other open")
      try kept.close()
      try closed.close()
    } catch {
      check.succeeds(.failure(error), "exec")
    }
  },
  UserTest(name: "groups") { check in
    let status = inChild {
      guard Call.setpgid(0, 0).isSuccess, Process.group == Process.id else { return 1 }
      if case .success = Call.setpgid(0, 99_999) { return 2 }
      if Call.setsid().isSuccess { return 3 }  // a leader of a group cannot
      return 0
    }
    check.expect(status == .exited(code: 0), "setpgid and setsid")
    check.fails(Call.setpgid(99_999, 0), .noSuchProcess, "of nobody")
    check.fails(Call.setpgid(0, -1), .invalidArgument, "a negative group")
  },
]
