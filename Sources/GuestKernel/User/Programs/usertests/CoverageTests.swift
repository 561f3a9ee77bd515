/// The calls that no other subject needs, each with good arguments and with bad ones, so that together every
/// call of SystemCalls.tbl is in these files; a test on the host compares.
import Apus

/// Nothing is there.
private let nowhere = UnsafeMutableRawPointer(bitPattern: 0x7000_0000)
/// Nobody has it open.
private let closed: Int32 = 57
private let nobody: Int32 = 0x7fff_fff0

let coverageTests: [UserTest] = [
  UserTest(name: "status-calls") { check in
    var status = FileStatus()
    withUnsafeMutableBytes(of: &status) { status in
      literal("/bin").withPath { path in
        check.succeeds(Call.stat(path, status.baseAddress), "stat")
        check.succeeds(Call.lstat(path, status.baseAddress), "lstat")
        check.fails(Call.stat(path, nowhere), .badAddress, "stat into nothing")
        check.fails(Call.lstat(path, nowhere), .badAddress, "lstat into nothing")
        check.fails(Call.statfs(path, nowhere), .badAddress, "statfs into nothing")
        check.fails(Call.readlink(path, nowhere, 8), .invalidArgument, "readlink of a directory")
      }
      check.fails(Call.stat(nil, status.baseAddress), .badAddress, "stat of nothing")
      check.fails(Call.lstat(nil, status.baseAddress), .badAddress, "lstat of nothing")
      literal("/none").withPath { path in
        check.fails(Call.stat(path, status.baseAddress), .notFound, "stat of no file")
        check.fails(Call.statfs(path, status.baseAddress), .notFound, "statfs of no file")
        check.fails(Call.readlink(path, status.baseAddress, 8), .notFound, "readlink of no file")
      }
    }
  },
  UserTest(name: "positions-and-directories") { check in
    inScratch(check) { () throws(SystemError) in
      let file = try Descriptor.open(literal("file"), [.readWrite, .create])
      check.succeeds(Call.pwrite64(file.rawValue, [1, 2, 3] as [UInt8], 3, 4), "pwrite64")
      var bytes = [UInt8](repeating: 9, count: 7)
      check.succeeds(Call.pread64(file.rawValue, &bytes, 7, 0), "pread64")
      check.expect(bytes == [0, 0, 0, 0, 1, 2, 3], "a hole and three bytes")
      check.fails(Call.pread64(file.rawValue, &bytes, 7, -1), .invalidArgument, "before the file")
      check.fails(Call.pread64(file.rawValue, nowhere, 7, 0), .badAddress, "pread64 to nothing")
      check.fails(Call.pwrite64(file.rawValue, nowhere, 7, 0), .badAddress, "pwrite64 of nothing")
      check.succeeds(Call.fdatasync(file.rawValue), "fdatasync")
      check.succeeds(Call.fchmod(file.rawValue, 0o600), "fchmod")
      check.succeeds(Call.fchown(file.rawValue, 5, 6), "fchown")
      check.expect(try file.status().userID == 5, "and it has another owner")
      check.fails(Call.fchdir(file.rawValue), .notDirectory, "fchdir to a file")
      check.fails(Call.getdents64(file.rawValue, nowhere, 64), .notDirectory, "names in a file")
      check.fails(Call.ioctl(file.rawValue, 0xdead, 0), .notTerminal, "ioctl of a file")
      let here = try Descriptor.open(literal("."))
      check.succeeds(Call.fchdir(here.rawValue), "fchdir")
      check.fails(Call.getdents64(here.rawValue, nowhere, 4096), .badAddress, "names to nothing")
      let copy = check.succeeds(Call.dup3(here.rawValue, 40, 0), "dup3")
      check.expect(copy == 40, "to the number asked for")
      check.fails(Call.dup3(40, 40, 0), .invalidArgument, "dup3 to itself")
      check.fails(Call.dup3(40, 41, 1), .invalidArgument, "dup3 with unknown flags")
      for number in [40, here.rawValue, file.rawValue] { _ = Call.close(number) }
      let made = literal("made").withPath { Call.creat($0, 0o644) }
      _ = Call.close(Int32(truncatingIfNeeded: check.succeeds(made, "creat")))
      check.fails(Call.creat(nil, 0), .badAddress, "creat of nothing")
    }
    for (name, outcome) in [
      ("pread64", Call.pread64(closed, nowhere, 1, 0)),
      ("pwrite64", Call.pwrite64(closed, nowhere, 1, 0)),
      ("fdatasync", Call.fdatasync(closed)), ("fchmod", Call.fchmod(closed, 0)),
      ("fchown", Call.fchown(closed, 0, 0)), ("fchdir", Call.fchdir(closed)),
      ("getdents64", Call.getdents64(closed, nowhere, 1)), ("ioctl", Call.ioctl(closed, 0, 0)),
      ("dup3", Call.dup3(closed, 5, 0)),
    ] as [(StaticString, Outcome)] { check.fails(outcome, .badDescriptor, "\(name) of no file") }
    let old = check.succeeds(Call.umask(0o077), "umask")
    check.expect(check.succeeds(Call.umask(UInt32(old)), "umask") == 0o077, "umask is kept")
    check.succeeds(Call.sync(), "sync")
  },
  UserTest(name: "waiting-for-files") { check in
    check.fails(Call.poll(nowhere, 1, 0), .badAddress, "poll of nothing")
    check.fails(Call.poll(nil, 1 << 40, 0), .invalidArgument, "poll of too many")
    check.expect(check.succeeds(Call.poll(nil, 0, 1), "poll of none") == 0, "comes back in time")
    check.fails(Call.select(-1, nil, nil, nil, nil), .invalidArgument, "select of -1")
    check.fails(Call.select(1, nowhere, nil, nil, nil), .badAddress, "select of nothing")
    check.fails(Call.pipe2(nowhere, 0), .badAddress, "pipe2 into nothing")
  },
  UserTest(name: "memory-advice") { check in
    do throws(SystemError) {
      let page = try Memory.map(size: 8192)
      Memory.words(page)[0] = 1
      var there: [UInt8] = [9, 9]
      check.succeeds(Call.mincore(page, 8192, &there), "mincore")
      check.expect(there == [1, 0], "one page is there, one is not")
      check.fails(Call.mincore(page, 8192, nowhere), .badAddress, "mincore into nothing")
      check.fails(Call.mincore(page + 1, 4096, &there), .invalidArgument, "half pages")
      check.succeeds(Call.madvise(page, 4096, 4), "madvise(DONTNEED)")
      check.expect(Memory.words(page)[0] == 0, "and the page is zero again")
      check.fails(Call.madvise(page, 4096, 99), .invalidArgument, "unknown advice")
      check.succeeds(Call.msync(page, 4096, 4), "msync")
      Memory.unmap(page, size: 8192)
      check.fails(Call.msync(page, 4096, 4), .outOfMemory, "msync of nothing")
      check.fails(Call.mincore(page, 4096, &there), .outOfMemory, "mincore of nothing")
    } catch {
      check.expect(false, "a page: \(error.symbol)")
    }
  },
  UserTest(name: "identity-calls") { check in
    let own = Process.id
    check.expect(Int32(check.succeeds(Call.getpid(), "getpid")) == own, "who I am")
    check.expect(Int32(check.succeeds(Call.gettid(), "gettid")) > 0, "a thread has a number")
    check.expect(check.succeeds(Call.getppid(), "getppid") > 0, "there is a parent")
    let group = check.succeeds(Call.getpgrp(), "getpgrp")
    check.expect(check.succeeds(Call.getpgid(0), "getpgid") == group, "one group, two calls")
    check.succeeds(Call.getsid(0), "getsid")
    check.fails(Call.getsid(nobody), .noSuchProcess, "getsid of nobody")
    check.succeeds(Call.getgid(), "getgid")
    check.succeeds(Call.getegid(), "getegid")
    check.fails(Call.getresuid(nowhere, nowhere, nowhere), .badAddress, "getresuid into nothing")
    check.succeeds(Call.set_tid_address(0), "set_tid_address")
    check.fails(Call.getrusage(0, nowhere), .badAddress, "getrusage into nothing")
    check.fails(Call.getrusage(77, nil), .invalidArgument, "getrusage of whom?")
  },
  UserTest(name: "signal-calls") { check in
    var set: UInt64 = 0
    check.succeeds(Call.rt_sigpending(&set, 8), "rt_sigpending")
    check.fails(Call.rt_sigpending(&set, 7), .invalidArgument, "of another size")
    check.fails(Call.rt_sigpending(nowhere, 8), .badAddress, "rt_sigpending into nothing")
    check.fails(Call.rt_sigsuspend(nowhere, 8), .badAddress, "rt_sigsuspend from nothing")
    check.fails(Call.rt_sigsuspend(&set, 9), .invalidArgument, "of another size")
    check.succeeds(Call.rt_sigprocmask(0, &set, nil, 8), "rt_sigprocmask")
    check.fails(Call.rt_sigprocmask(7, &set, nil, 8), .invalidArgument, "an unknown way")
    check.fails(Call.rt_sigprocmask(0, nowhere, nil, 8), .badAddress, "a mask from nothing")
    let status = inChild {
      SignalAction({ _, _, _ in }).install(for: .alarm)
      // Again and again: the first may come before the pause.
      let every: [UInt64] = [0, 20_000, 0, 20_000]
      _ = Call.setitimer(0, every, nil)
      return Call.pause().error == .interrupted ? 0 : 1
    }
    check.expect(status == .exited(code: 0), "pause until an alarm")
  },
  UserTest(name: "clock-calls") { check in
    var words: [UInt64] = [0, 0, 0, 0]
    check.succeeds(Call.gettimeofday(&words, nil), "gettimeofday")
    check.expect(words[0] > 0 && words[1] < 1_000_000, "seconds and microseconds")
    check.expect(check.succeeds(Call.time(&words), "time") == words[0], "one time, twice")
    check.fails(Call.time(nowhere), .badAddress, "time into nothing")
    check.fails(Call.gettimeofday(nowhere, nil), .badAddress, "gettimeofday into nothing")
    check.succeeds(Call.clock_getres(1, &words), "clock_getres")
    check.fails(Call.clock_getres(99, &words), .invalidArgument, "of no clock")
    check.fails(Call.clock_nanosleep(1, 0, nowhere, nil), .badAddress, "how long?")
    words = [0, 1_000_000_001]
    check.fails(Call.clock_nanosleep(1, 0, words, nil), .invalidArgument, "too many nanoseconds")
    words = [0, 1000, 0, 0]
    check.succeeds(Call.clock_nanosleep(1, 0, words, nil), "a microsecond")
    check.succeeds(Call.getitimer(0, &words), "getitimer")
    check.fails(Call.getitimer(7, &words), .invalidArgument, "no such timer")
    check.fails(Call.getitimer(0, nowhere), .badAddress, "getitimer into nothing")
  },
  UserTest(name: "scheduling-calls") { check in
    check.succeeds(Call.sched_yield(), "sched_yield")
    check.succeeds(Call.getpriority(0, 0), "getpriority")
    check.fails(Call.getpriority(9, 0), .invalidArgument, "of what?")
    check.fails(Call.getpriority(0, nobody), .noSuchProcess, "of nobody")
    check.succeeds(Call.sched_getscheduler(0), "sched_getscheduler")
    check.fails(Call.sched_getscheduler(nobody), .noSuchProcess, "of nobody")
    var word: Int32 = 0
    check.succeeds(Call.sched_getparam(0, &word), "sched_getparam")
    check.succeeds(Call.sched_setparam(0, &word), "sched_setparam")
    check.fails(Call.sched_getparam(0, nowhere), .badAddress, "sched_getparam into nothing")
    check.fails(Call.sched_setparam(0, nowhere), .badAddress, "sched_setparam from nothing")
    check.fails(Call.sched_setscheduler(0, 0, nowhere), .badAddress, "a policy from nothing")
    check.fails(Call.sched_setscheduler(0, 77, &word), .invalidArgument, "an unknown policy")
    var mask: UInt64 = 0
    check.succeeds(Call.sched_getaffinity(0, 8, &mask), "sched_getaffinity")
    check.succeeds(Call.sched_setaffinity(0, 8, &mask), "sched_setaffinity")
    mask = 0
    check.fails(Call.sched_setaffinity(0, 8, &mask), .invalidArgument, "on no processor")
    check.fails(Call.sched_setaffinity(0, 8, nowhere), .badAddress, "a mask from nothing")
    check.fails(Call.sched_getaffinity(0, 8, nowhere), .badAddress, "a mask into nothing")
    var attributes = [UInt32](repeating: 0, count: 12)
    attributes[0] = 48
    check.succeeds(Call.sched_getattr(0, &attributes, 48, 0), "sched_getattr")
    check.fails(Call.sched_getattr(0, &attributes, 8, 0), .invalidArgument, "too short")
    check.fails(Call.sched_getattr(0, nowhere, 48, 0), .badAddress, "attributes into nothing")
    check.fails(Call.sched_setattr(0, nowhere, 0), .badAddress, "attributes from nothing")
    check.fails(Call.sched_setattr(0, &attributes, 1), .invalidArgument, "unknown flags")
  },
  UserTest(name: "children-calls") { check in
    check.expect(inChild { 3 } == .exited(code: 3), "fork and exit_group")
    if case .success(0) = Call.fork() { _ = Call.exit(4) }
    var word: UInt32 = 0
    check.succeeds(Call.wait4(-1, &word, 0, nil), "wait4")
    check.expect(word == 0x400, "exit of the only thread")
    if case .success(0) = Call.fork() { _ = Call.exit_group(5) }
    check.succeeds(Call.waitid(0, 0, nil, 4, nil), "waitid")
    check.fails(Call.waitid(0, 0, nil, 4, nil), .noChild, "nobody is left")
    check.fails(Call.waitid(9, 0, nil, 4, nil), .invalidArgument, "of what kind?")
    check.fails(Call.waitid(0, 0, nil, 0, nil), .invalidArgument, "for what?")
    // Its child has our memory, and this very stack: it may do nothing but end.
    if case .success(0) = Call.vfork() { System.exitNow(0) }
    check.succeeds(Call.wait4(-1, &word, 0, nil), "vfork")
  },
  UserTest(name: "own-calls") { check in
    check.fails(Call.processes(nowhere, 8), .badAddress, "processes into nothing")
    check.fails(Call.memory(nowhere), .badAddress, "memory into nothing")
    check.fails(Call.read_log(0, nowhere, 64), .badAddress, "the log into nothing")
    check.fails(Call.demo(nowhere, 4), .badAddress, "a demonstration of no name")
    check.fails(Call.demo(literal("none"), 4), .notFound, "of an unknown name")
    check.fails(Call.demo(nil, 0), .invalidArgument, "of an empty name")
    check.fails(Call.fetch_once(nowhere, nowhere), .badAddress, "fetch_once from nothing")
    check.fails(Call.fetch_twice(nowhere, nowhere), .badAddress, "fetch_twice from nothing")
    check.fails(Call.seccomp(9, 0, nil), .invalidArgument, "seccomp does not know that")
    check.fails(Call.seccomp(1, 8, nowhere), .badAddress, "a filter from nothing")
    check.fails(Call.bpf(99, nil, 0, 0), .invalidArgument, "bpf does not know that")
  },
  UserTest(name: "calls-to-come") { check in
    // It has a number and a name, so that strace knows it, and is left for an exercise.
    let outcome = Call.mremap(0, 0, 0, 0, 0)
    check.expect(outcome.error != nil, "mremap of nothing")
  },
]
