/// execve: another program in the same process; and every way in which that can fail before it is too late.
import Apus

enum ExecDemo {
  static func run() -> Bool {
    var passed = becomesAnother()
    passed = fails() && passed
    return script() && passed
  }

  private static func becomesAnother() -> Bool {
    Demo.say("A child turns into /bin/hello; its number stays, its memory is gone.")
    let pid = Child.start {
      _ = Process.execute([UInt8](text: "/bin/hello"), [[UInt8](text: "hello")])
      return 99
    }
    return Demo.check(Child.code(pid) == 0, "hello ran and ended with 0")
  }

  private static func error(_ path: StaticString, _ arguments: [[UInt8]] = []) -> SystemError {
    Process.execute([UInt8](text: path), arguments)
  }

  private static func fails() -> Bool {
    var passed = Demo.check(
      error("/bin/none") == .notFound, "no such file: ENOENT, and we are still here")
    passed = Demo.check(error("/bin") == .accessDenied, "a directory: EACCES") && passed
    passed = Demo.check(make("/tmp/text", "hello\n"), "a text file that may be executed") && passed
    passed =
      Demo.check(error("/tmp/text") == .badExecutable, "but is no program: ENOEXEC") && passed
    let long = [[UInt8]](repeating: [UInt8](repeating: 0x61, count: 4000), count: 40)
    passed =
      Demo.check(error("/bin/hello", long) == .argumentsTooLong, "160 KB of arguments: E2BIG")
      && passed
    return passed
  }

  private static func script() -> Bool {
    guard make("/tmp/script", "#!/bin/costs -\n") else { return false }
    Demo.say("A script whose first line is #!/bin/costs -:")
    let pid = Child.start {
      // What it prints does not matter here.
      if let null = try? Descriptor.open([UInt8](text: "/dev/null"), .writeOnly) {
        try? null.duplicate(as: .output)
      }
      _ = error("/tmp/script")
      return 99
    }
    return Demo.check(Child.code(pid) == 0, "the kernel started the interpreter with its argument")
  }

  private static func make(_ path: StaticString, _ content: StaticString) -> Bool {
    let flags: OpenFlags = [.writeOnly, .create, .truncate]
    guard let file = try? Descriptor.open([UInt8](text: path), flags, permissions: 0o755) else {
      return false
    }
    let isWritten = [UInt8](text: content).withUnsafeBytes {
      Call.write(file.rawValue, $0.baseAddress, UInt64($0.count)).isSuccess
    }
    try? file.close()
    return isWritten
  }
}
