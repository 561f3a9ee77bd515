/// Limits of resources: kept to, inherited, lowered by anybody and raised by root.
import Apus

private let nowhere = UnsafeMutableRawPointer(bitPattern: 0x7000_0000)

/// Runs `body` in a child with a limit; 0 means well.
private func limited(
  _ resource: Resource, _ soft: UInt64, _ hard: UInt64 = ResourceLimit.infinity,
  _ body: () -> Int32
) -> WaitStatus? {
  inChild {
    guard let old = try? ResourceLimit.get(resource),
      (try? ResourceLimit.set(resource, soft, min(hard, old.hard))) != nil
    else { return 100 }
    return body()
  }
}

/// Kilobytes of this process that are locked.
private func lockedSize() -> UInt64 {
  guard let text = try? FileTree.contents(of: literal("/proc/self/status")) else { return .max }
  for line in text.split(separator: 0x0a) where line.starts(with: literal("VmLck:")) {
    return line.reduce(0) { $1 >= 0x30 && $1 <= 0x39 ? $0 * 10 + UInt64($1 - 0x30) : $0 }
  }
  return .max
}

private func isThere(_ page: UInt64) -> Bool {
  var there: UInt8 = 9
  return Call.mincore(page, 4096, &there).isSuccess && there == 1
}

private func lockEverything() -> Int32 {
  guard let old = try? Memory.map(size: 8192), !isThere(old), lockedSize() == 0 else { return 1 }
  guard Call.mlockall(1).isSuccess, isThere(old), isThere(old + 4096) else { return 2 }
  guard let unlocked = try? Memory.map(size: 4096), !isThere(unlocked) else { return 3 }
  guard Call.mlockall(2).isSuccess, !isThere(unlocked) else { return 4 }
  guard let new = try? Memory.map(size: 8192), isThere(new), isThere(new + 4096) else { return 5 }
  guard case .success(let end) = Call.brk(0), Call.brk(end + 8192).isSuccess,
    isThere((end + 8191) & ~4095)
  else { return 6 }
  guard inChild({ lockedSize() == 0 ? 0 : 1 }) == .exited(code: 0) else { return 7 }
  guard lockedSize() >= 24 else { return 8 }
  guard Call.munlockall().isSuccess, lockedSize() == 0, isThere(new) else { return 9 }
  guard let last = try? Memory.map(size: 4096), !isThere(last) else { return 10 }
  guard let one = try? Memory.map(size: 4096, [.read, .write], [.private, .anonymous, .locked]),
    isThere(one)
  else { return 11 }
  return lockedSize() == 4 ? 0 : 12
}

private func lockWithin256K() -> Int32 {
  guard (try? ResourceLimit.set(.lockedMemory, 256 << 10, 256 << 10)) != nil,
    let large = try? Memory.map(size: 512 << 10), Call.setuid(1000).isSuccess
  else { return 1 }
  guard Call.mlockall(1).error == .outOfMemory, lockedSize() == 0 else { return 2 }
  guard Call.mmap(0, 512 << 10, 3, 0x2022, -1, 0).error == .tryAgain else { return 3 }
  guard Call.mlockall(2).isSuccess, Call.mmap(0, 512 << 10, 3, 0x22, -1, 0).error == .tryAgain
  else { return 4 }
  guard case .success(let end) = Call.brk(0), Call.brk(end + 512 << 10).isSuccess,
    (try? Call.brk(0).get()) == end
  else { return 5 }
  guard Call.mmap(0, 32 << 10, 3, 0x22, -1, 0).isSuccess, lockedSize() >= 32 else { return 6 }
  // Its pages count as soon as they are locked.
  guard Call.mlock(large, 256 << 10).error == .outOfMemory else { return 7 }
  return Call.munlockall().isSuccess && Call.mlock(large, 256 << 10).isSuccess ? 0 : 8
}

let limitTests: [UserTest] = [
  UserTest(name: "limit-calls") { check in
    var limit = ResourceLimit()
    check.succeeds(Call.getrlimit(7, &limit), "getrlimit")
    check.expect(limit.soft == 256, "\(limit.soft) descriptors")
    check.fails(Call.getrlimit(99, &limit), .invalidArgument, "of what?")
    check.fails(Call.getrlimit(7, nowhere), .badAddress, "into nothing")
    check.fails(Call.setrlimit(7, nowhere), .badAddress, "from nothing")
    check.fails(Call.setrlimit(-1, &limit), .invalidArgument, "of what?")
    limit = ResourceLimit(10, 5)
    check.fails(Call.setrlimit(1, &limit), .invalidArgument, "the soft one above the hard one")
    limit = ResourceLimit(1 << 20, 1 << 20)
    check.fails(Call.setrlimit(7, &limit), .notPermitted, "more descriptors than there can be")
    check.succeeds(Call.prlimit64(0, 1, nil, &limit), "prlimit64")
    check.fails(Call.prlimit64(99_999, 1, nil, &limit), .noSuchProcess, "of nobody")
    check.fails(Call.prlimit64(0, 1, nowhere, nil), .badAddress, "from nothing")
    let parent = Process.id
    let status = inChild {
      guard Call.setuid(1000).isSuccess else { return 1 }
      var limit = ResourceLimit()
      guard Call.prlimit64(parent, 1, nil, &limit).error == .notPermitted else { return 2 }
      limit = ResourceLimit(100, 100)
      guard Call.setrlimit(1, &limit).isSuccess else { return 3 }
      limit = ResourceLimit(100, 101)
      return Call.setrlimit(1, &limit).error == .notPermitted ? 0 : 4
    }
    check.expect(status == .exited(code: 0), "a user lowers a limit, and cannot raise it again")
  },
  UserTest(name: "limit-files") { check in
    let status = limited(.openFiles, 10) {
      var count: Int32 = 0
      while count < 100, (try? Descriptor.input.duplicate()) != nil { count += 1 }
      guard Call.dup(0).error == .tooManyOpenFiles else { return 1 }
      guard Call.dup2(0, 10).error == .badDescriptor else { return 2 }
      guard Call.fcntl(0, 0, 10).error == .invalidArgument else { return 3 }
      return Call.close(9).isSuccess && Call.close(10).error == .badDescriptor ? 0 : 4
    }
    check.expect(status == .exited(code: 0), "ten descriptors, and no eleventh")
  },
  UserTest(name: "limit-file-size") { check in
    inScratch(check) { () throws(SystemError) in
      let status = limited(.fileSize, 1000) {
        SignalAction.ignore.install(for: Signal(25))
        guard let file = try? Descriptor.open(literal("file"), [.writeOnly, .create]),
          (try? file.write([UInt8](repeating: 1, count: 1500))) == 1000
        else { return 1 }
        guard Call.write(file.rawValue, [1] as [UInt8], 1).error == .fileTooLarge else { return 2 }
        guard Call.ftruncate(file.rawValue, 1001).error == .fileTooLarge else { return 3 }
        guard Call.ftruncate(file.rawValue, 999).isSuccess else { return 4 }
        SignalAction.standard.install(for: Signal(25))
        _ = Call.pwrite64(file.rawValue, [1] as [UInt8], 1, 5000)
        return 5
      }
      check.expect(status == .killed(by: Signal(25)), "EFBIG, and then SIGXFSZ")
    }
  },
  UserTest(name: "limit-processes") { check in
    let status = inChild {
      guard Call.setuid(1001).isSuccess else { return 100 }
      guard (try? ResourceLimit.set(.processes, 3, 3)) != nil else { return 101 }
      var children: [Int32] = []
      while children.count < 10, let pid = try? Process.fork() {
        if pid == 0 { while true { Time.sleep(nanoseconds: 1_000_000_000) } }
        children.append(pid)
      }
      let error = Call.fork().error
      for pid in children {
        try? Process.send(.kill, to: pid)
        _ = try? Process.wait(for: pid)
      }
      return children.count == 2 && error == .tryAgain ? 0 : Int32(children.count)
    }
    check.expect(status == .exited(code: 0), "three processes, and no fourth")
  },
  UserTest(name: "limit-memory") { check in
    let status = limited(.addressSpace, 64 << 20) {
      guard Call.mmap(0, 128 << 20, 3, 0x22, -1, 0).error == .outOfMemory else { return 1 }
      guard let page = try? Memory.map(size: 1 << 20) else { return 2 }
      Memory.words(page)[0] = 1
      return 0
    }
    check.expect(status == .exited(code: 0), "no area beyond the limit")
    let deep = limited(.stack, 256 << 10) {
      var here: UInt64 = 0
      let top = withUnsafeMutableBytes(of: &here) { UInt64(UInt(bitPattern: $0.baseAddress)) }
      Memory.words(top - (128 << 10))[0] = 1
      Memory.words(top - (512 << 10))[0] = 1
      return 1
    }
    check.expect(deep == .killed(by: .segmentation), "a stack that may not grow so far")
  },
  UserTest(name: "limit-time", isSlow: true) { check in
    let status = limited(.processorTime, 1) { while true {} }
    check.expect(status == .killed(by: Signal(24)), "a second, and SIGXCPU")
  },
  UserTest(name: "memory-locks") { check in
    do throws(SystemError) {
      let pages = try Memory.map(size: 16384)
      check.succeeds(Call.mlock(pages + 5, 8192), "mlock")
      var there: [UInt8] = [9, 9, 9, 9]
      check.succeeds(Call.mincore(pages, 16384, &there), "mincore")
      check.expect(there == [1, 1, 1, 0], "all pages that have a byte of it are there")
      check.succeeds(Call.munlock(pages, 16384), "munlock")
      check.fails(Call.mlock(0x7000_0000, 4096), .outOfMemory, "of nothing")
      check.fails(Call.munlock(0x7000_0000, 4096), .outOfMemory, "of nothing")
      let status = inChild {
        guard (try? ResourceLimit.set(.lockedMemory, 4096, 4096)) != nil,
          Call.setuid(1000).isSuccess
        else { return 1 }
        guard Call.mlock(pages, 4096).isSuccess else { return 2 }
        return Call.mlock(pages, 8192).error == .outOfMemory ? 0 : 3
      }
      check.expect(status == .exited(code: 0), "a user locks no more than the limit")
      Memory.unmap(pages, size: 16384)
    } catch {
      check.expect(false, "pages: \(error.symbol)")
    }
  },
  UserTest(name: "memory-locks-of-all") { check in
    for flags in [0, 4, 8, -1] as [Int32] {
      check.fails(Call.mlockall(flags), .invalidArgument, "mlockall of \(flags)")
    }
    check.expect(inChild(lockEverything) == .exited(code: 0), "what is there, and what comes")
    check.expect(inChild(lockWithin256K) == .exited(code: 0), "a user locks no more than the limit")
    let status = inChild {
      guard (try? ResourceLimit.set(.lockedMemory, 0, 0)) != nil, Call.setuid(1000).isSuccess
      else { return 1 }
      guard Call.mlockall(1).error == .notPermitted else { return 2 }
      guard Call.mmap(0, 4096, 3, 0x2022, -1, 0).error == .notPermitted else { return 3 }
      return Call.munlockall().isSuccess ? 0 : 4
    }
    check.expect(status == .exited(code: 0), "nor anything with a limit of none")
  },
  UserTest(name: "groups") { check in
    var groups: [UInt32] = [70, 71]
    check.fails(Call.setgroups(2, nowhere), .badAddress, "from nothing")
    check.fails(Call.setgroups(1000, nowhere), .invalidArgument, "too many")
    inScratch(check) { () throws(SystemError) in
      try FileTree.write([1], to: literal("file"), permissions: 0o040)
      _ = literal("file").withPath { Call.chown($0, 0, 71) }
      _ = literal(".").withPath { Call.chmod($0, 0o755) }
      let status = inChild {
        guard Call.setgroups(2, &groups).isSuccess, Call.setresgid(5, 5, 5).isSuccess,
          Call.setuid(1000).isSuccess
        else { return 1 }
        guard Call.getgroups(0, nil).isSuccess else { return 2 }
        var list: [UInt32] = [0, 0, 0]
        guard (try? Call.getgroups(3, &list).get()) == 2, list[1] == 71 else { return 3 }
        guard Call.getgroups(1, &list).error == .invalidArgument else { return 4 }
        guard Call.getgroups(3, nowhere).error == .badAddress else { return 5 }
        guard Call.setgroups(0, nil).error == .notPermitted else { return 6 }
        guard Call.setresgid(0, -1, -1).error == .notPermitted else { return 7 }
        var (real, effective, saved): (UInt32, UInt32, UInt32) = (0, 0, 0)
        guard Call.getresgid(&real, &effective, &saved).isSuccess else { return 8 }
        guard (real, effective, saved) == (5, 5, 5) else { return 8 }
        guard Call.getresgid(nowhere, nowhere, nowhere).error == .badAddress else { return 9 }
        return literal("file").withPath { Call.open($0, 0, 0).isSuccess } ? 0 : 10
      }
      check.expect(status == .exited(code: 0), "a supplementary group opens the file")
      let other = inChild {
        guard Call.setgroups(0, nil).isSuccess, Call.setresgid(5, 5, 5).isSuccess,
          Call.setuid(1000).isSuccess
        else { return 1 }
        let outcome = literal("file").withPath { Call.open($0, 0, 0) }
        return outcome.error == .accessDenied ? 0 : 2
      }
      check.expect(other == .exited(code: 0), "without it nothing does")
    }
    check.fails(Call.setresgid(-2, 0, 0), .invalidArgument, "group -2")
  },
]
