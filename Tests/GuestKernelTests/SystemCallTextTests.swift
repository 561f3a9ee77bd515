import GuestKernel
import Testing

@Suite struct SystemCallTextTests {
  private static let memory: [UInt8] =
    Array("hello, \"world\"\n\0".utf8) + [UInt8](repeating: 0x61, count: 64) + [0]

  /// Bytes at 0x1000.
  private func call(
    _ name: StaticString, _ letters: StaticString, _ arguments: [UInt64], result: UInt64 = 0,
    memory: [UInt8] = memory
  ) -> String {
    let fetch: TracedCall.Fetch = { at, count in
      guard at >= 0x1000, at < 0x1000 + UInt64(memory.count) else { return nil }
      return Array(memory[Int(at - 0x1000)...].prefix(count))
    }
    let call = TracedCall(name: name, letters: letters, arguments: arguments, fetch: fetch)
    let line = call.line(result: result, isAddress: false, fetch)
    return String(decoding: line.bytes, as: UTF8.self)
  }

  private func text(_ name: StaticString, _ letters: StaticString, _ arguments: [UInt64]) -> String
  {
    let line = call(name, letters, arguments)
    #expect(line.hasSuffix(" = 0"))
    return String(line.dropLast(4))
  }

  private func bytes(_ words: UInt64...) -> [UInt8] {
    words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
  }

  @Test func numbersAreShownByTheirLetters() {
    #expect(text("read", "dpu", [3, 0x7f10, 64]) == "read(3, 0x7f10, 64)")
    #expect(text("kill", "dg", [UInt64(bitPattern: -1), 15]) == "kill(-1, SIGTERM)")
    #expect(text("lseek", "dl#", [0, UInt64(bitPattern: -5), 1]) == "lseek(0, -5, SEEK_CUR)")
    #expect(
      text("mmap", "punkdl", [0, 4096, 3, 0x22, 0xffff_ffff, 0])
        == "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)")
    #expect(text("umask", "o", [0o22]) == "umask(022)")
    #expect(text("getpid", "", []) == "getpid()")
  }

  @Test func flagsAreSetsOfNames() {
    #expect(text("open", "sfo", [0x1000, 0, 0o644]).hasSuffix(", O_RDONLY)"))
    #expect(
      text("open", "sfo", [0x1000, 0o102, 0o644]).hasSuffix(", O_RDWR|O_CREAT, 0644)"))
    #expect(
      text("pipe2", "pf", [0x1000, 0o2004001]) == "pipe2(0x1000, O_WRONLY|O_NONBLOCK|O_CLOEXEC)")
    #expect(text("mprotect", "pun", [0x1000, 1, 0]) == "mprotect(0x1000, 1, PROT_NONE)")
    #expect(text("access", "sz", [0, 0]) == "access(NULL, F_OK)")
    #expect(text("wait4", "dwp", [1, 0x8000_0001, 0]) == "wait4(1, WNOHANG|0x80000000, NULL)")
    #expect(text("ioctl", "dqp", [0, 0x5401, 0]) == "ioctl(0, TCGETS, NULL)")
    #expect(
      text("unlinkat", "@sy", [UInt64(bitPattern: -100), 0, 0x200])
        == "unlinkat(AT_FDCWD, NULL, AT_REMOVEDIR)")
    #expect(text("clone", "x", [0]) == "clone(0)")
  }

  @Test func whatACallStoresIsShownAfterwards() {
    let pair = call("pipe", "P", [0x1000], memory: bytes(3 | 4 << 32))
    #expect(pair == "pipe([3, 4]) = 0")
    let failed = call("pipe", "P", [0x1000], result: UInt64(bitPattern: -24), memory: bytes(0))
    #expect(failed == "pipe(0x1000) = -1 EMFILE (too many open files)")
    let data = call("read", "dBu", [0, 0x1000, 64], result: 5)
    #expect(data == #"read(0, "hello", 64) = 5"#)
    let news = call("wait4", "dW", [7, 0x1000], result: 7, memory: bytes(0x300))
    #expect(news == "wait4(7, [exited 3]) = 7")
    let killed = call("wait4", "dW", [7, 0x1000], result: 7, memory: bytes(9))
    #expect(killed == "wait4(7, [killed by SIGKILL]) = 7")
  }

  @Test func structuresAreShownInBraces() {
    let span = call("nanosleep", "tT", [0x1000, 0], memory: bytes(1, 500))
    #expect(span == "nanosleep({1, 500}, NULL) = 0")
    let set = call("rt_sigsuspend", "m", [0x1000], memory: bytes(1 << 9 | 1 << 39))
    #expect(set == "rt_sigsuspend([SIGUSR1 40]) = 0")
    let action = call("rt_sigaction", "ga", [2, 0x1000], memory: bytes(1, 0x1000_0004, 0, 0))
    #expect(action == "rt_sigaction(SIGINT, {SIG_IGN, [], SA_SIGINFO|SA_RESTART}) = 0")
    let limit = call("setrlimit", "$r", [7, 0x1000], memory: bytes(64, .max))
    #expect(limit == "setrlimit(RLIMIT_NOFILE, {64, RLIM_INFINITY}) = 0")
    let strings = bytes(0x1018, 0x101b, 0) + Array("ls\0-l\0".utf8)
    let arguments = call("execve", "v", [0x1000], memory: strings)
    #expect(arguments == #"execve(["ls", "-l"]) = 0"#)
    let environment = call("execve", "e", [0x1000], memory: strings)
    #expect(environment == "execve(0x1000 /* 2 vars */) = 0")
  }

  @Test func stringsAreQuotedAndCut() {
    #expect(text("unlink", "s", [0x1000]) == #"unlink("hello, \"world\"\n")"#)
    #expect(
      text("unlink", "s", [0x1010]) == "unlink(\"" + String(repeating: "a", count: 32) + "\"...)")
    #expect(text("unlink", "s", [0]) == "unlink(NULL)")
    #expect(text("unlink", "s", [0x9000]) == "unlink(0x9000)")
    #expect(text("write", "dbu", [1, 0x1000, 5]) == #"write(1, "hello", 5)"#)
  }

  @Test func resultsAreNumbersAddressesOrErrors() {
    func result(_ value: UInt64, isAddress: Bool = false) -> String {
      var text = SystemCallText()
      text.append(result: value, isAddress: isAddress)
      return String(decoding: text.bytes, as: UTF8.self)
    }
    #expect(result(5) == " = 5")
    #expect(result(UInt64(bitPattern: -2)) == " = -1 ENOENT (no such file or directory)")
    #expect(result(0x1000, isAddress: true) == " = 0x1000")
    #expect(result(0x1_0000_0000) == " = 0x100000000")
  }

  @Test func everyErrorHasItsNumber() {
    #expect(SystemError.notEmpty.rawValue == -39)
    #expect(SystemError.timedOut.symbol.utf8CodeUnitCount == "ETIMEDOUT".utf8.count)
  }
}
