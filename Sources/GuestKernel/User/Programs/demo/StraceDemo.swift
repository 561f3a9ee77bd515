/// strace: a process that writes its system calls down as it makes them.
import Apus

enum StraceDemo {
  static func run() -> Bool {
    guard let pipe = try? Descriptor.pipe() else { return false }
    let pid = Child.start {
      Call.trace_calls(pipe.writing.rawValue, 0, 0)
      Call.getppid()
      Call.write(99, [0x68, 0x69, 0x0a] as [UInt8], 3)
      [UInt8](text: "/no/such").withPath { _ = Call.open($0, 0o102, 0o640) }
      SignalMask.change(.block, Signal.user1.mask | Signal.pipe.mask)
      Call.kill(0x7000_0000, 15)
      return 3
    }
    _ = Child.wait(pid)
    try? pipe.writing.close()
    var text: [UInt8] = []
    while let part = try? pipe.reading.read(limit: 512), !part.isEmpty { text += part }
    Demo.say("A child made six calls and wrote them into a pipe as it went:")
    for line in text.split(separator: 0x0a) {
      // Without the child's number, which depends on what ran before.
      if let end = line.firstIndex(of: 0x5d) { Demo.say("|\(text: Array(line[(end + 1)...]))") }
    }
    var passed = has(text, "write(99, \"hi\\n\", 3) = -1 EBADF (bad file descriptor)")
    passed = has(text, "open(\"/no/such\", O_RDWR|O_CREAT, 0640) = -1 ENOENT") && passed
    passed = has(text, "rt_sigprocmask(SIG_BLOCK, [SIGUSR1 SIGPIPE], [], 8) = 0") && passed
    passed = has(text, "kill(1879048192, SIGTERM) = -1 ESRCH (no such process)") && passed
    return has(text, "exit_group(3) = ?") && passed
  }

  private static func has(_ text: [UInt8], _ wanted: StaticString) -> Bool {
    let wanted = [UInt8](text: wanted)
    var found = false
    if text.count >= wanted.count {
      for start in 0...text.count - wanted.count where text[start] == wanted[0] {
        if Array(text[start..<start + wanted.count]) == wanted { found = true }
      }
    }
    return Demo.check(found, "there is \(text: wanted)")
  }
}
