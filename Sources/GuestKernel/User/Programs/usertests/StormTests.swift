/// Storms: everything there is of something, and all of it given back.
import Apus

let stormTests: [UserTest] = [
  UserTest(name: "fork-storm", isSlow: true) { check in
    for _ in 0..<20 {
      var count = 0
      for _ in 0..<20 {
        guard let pid = try? Process.fork() else { break }
        if pid == 0 {
          if let grandchild = try? Process.fork(), grandchild == 0 { System.exitNow(0) }
          System.exitNow(0)
        }
        count += 1
      }
      while count > 0, (try? Process.wait()) != nil { count -= 1 }
      check.expect(count == 0, "every child can be waited for")
    }
  },
  UserTest(name: "processes-to-the-end", isSlow: true) { check in
    var pids: [Int32] = []
    while pids.count < 400 {
      do throws(SystemError) {
        let pid = try Process.fork()
        if pid == 0 { while true { Time.sleep(nanoseconds: 10_000_000_000) } }
        pids.append(pid)
      } catch {
        check.expect(
          error == .tryAgain || error == .outOfMemory, "after \(pids.count): \(error.symbol)")
        break
      }
    }
    check.expect(pids.count >= 50, "\(pids.count) processes at once")
    for pid in pids { _ = Call.kill(pid, Signal.kill.rawValue) }
    var ended = 0
    while (try? Process.wait()) != nil { ended += 1 }
    check.expect(ended == pids.count, "all of them end")
  },
  UserTest(name: "exec-storm", isSlow: true) { check in
    for round in 0..<30 {
      let status = try? Process.run([literal("/bin/true")])
      check.expect(status == .exited(code: 0), "round \(round)")
    }
  },
  UserTest(name: "memory-to-the-end", isSlow: true) { check in
    let status = inChild {
      var taken: UInt64 = 0
      while taken < 1 << 36 {
        guard let base = try? Memory.map(size: 1 << 20) else { return 0 }
        // Touching must not be refused by anything but the end of this process.
        for page in 0..<256 { Memory.words(base)[page * 512] = 1 }
        taken += 1 << 20
      }
      return 1
    }
    check.expect(
      status == .exited(code: 0) || status == .killed(by: .kill), "an error or the killer")
    check.expect(inChild { 0 } == .exited(code: 0), "the system goes on")
  },
  UserTest(name: "descriptors-to-the-end", isSlow: true) { check in
    let status = inChild {
      var count = 0
      while true {
        switch Call.dup(0) {
        case .success: count += 1
        case .failure(let error): return error == .tooManyOpenFiles && count > 16 ? 0 : 1
        }
        if count > 100_000 { return 2 }
      }
    }
    check.expect(status == .exited(code: 0), "EMFILE at the end")
  },
  UserTest(name: "pipes-to-the-end", isSlow: true) { check in
    let status = inChild {
      for _ in 0..<10_000 {
        guard let pipe = try? Descriptor.pipe() else { return 0 }
        _ = Call.write(pipe.writing.rawValue, [UInt8](repeating: 1, count: 4000), 4000)
      }
      return 1
    }
    check.expect(status == .exited(code: 0), "an error at the end")
  },
  UserTest(name: "files-many", isSlow: true) { check in
    inScratch(check) { () throws(SystemError) in
      for index in 0..<300 {
        try FileTree.write(
          [UInt8](repeating: 1, count: 3000), to: [UInt8]("file\(index)" as TextLine))
      }
      check.expect(try FileTree.entries(of: literal(".")).count == 300, "300 files")
    }
  },
  UserTest(name: "file-system-to-the-end", isSlow: true) { check in
    inScratch(check) { () throws(SystemError) in
      let file = try Descriptor.open(literal("big"), [.writeOnly, .create])
      let block = [UInt8](repeating: 0x55, count: 65536)
      var written: UInt64 = 0
      var error: SystemError?
      // Where the only limit is memory, filling it is the subject of another test.
      let status = try FileTree.fileSystemStatus(of: literal("."))
      let most: UInt64 = status.blocks == 0 ? 16 << 20 : 1 << 34
      while error == nil, written < most {
        switch block.withUnsafeBytes({ Call.write(file.rawValue, $0.baseAddress, 65536) }) {
        case .success(let count): written += count
        case .failure(let found): error = found
        }
      }
      check.expect(
        error == .noSpace || error == .fileTooLarge || (error == nil && written == most),
        "an error after \(written >> 20) MiB")
      try file.close()
    }
  },
]
