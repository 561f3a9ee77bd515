/// A process that gives up system calls it will not need: whoever takes it over later has them not.
import Apus

enum SandboxDemo {
  static func run() -> Bool {
    Demo.say("A child asks for strict mode: reading, writing and ending, nothing else, for good.")
    guard let pipe = try? Descriptor.pipe() else { return false }
    let pid = Child.start {
      guard Call.seccomp(0, 0, nil).isSuccess else { return 1 }
      Call.write(pipe.writing.rawValue, [0x6f, 0x6b] as [UInt8], 2)
      Call.getpid()
      Call.write(pipe.writing.rawValue, [0x21] as [UInt8], 1)
      return 2
    }
    let signal = Child.signal(pid)
    try? pipe.writing.close()
    let text = (try? pipe.reading.read(limit: 8)) ?? []
    let wrote = Demo.check(text == [0x6f, 0x6b], "it could still write")
    return Demo.check(signal == 31, "getpid, which it had given up, ended it: SIGSYS") && wrote
  }
}
