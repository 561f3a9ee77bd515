/// The first program and what it starts: init runs /etc/rc, then keeps a shell running for whoever sits
/// at the terminal; login asks who that is.
import Apus

let initTools: [Tool] = [
  Tool(
    name: "init", usage: "init [-s COMMANDS | -x COMMANDS]",
    summary: "the first program: runs /etc/rc and keeps a shell running", run: Init.run),
  Tool(
    name: "login", usage: "login [NAME]", summary: "asks for a name, starts a shell", run: login),
]

enum Init {
  /// -s and -x hand their commands to the first shell; with -x nothing comes after it.
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    for (name, value) in [
      ("PATH", "/bin:/"), ("HOME", "/root"), ("USER", "root"), ("TERM", "ansi"),
    ] as [(StaticString, StaticString)] where Environment.value(of: [UInt8](text: name)) == nil {
      Environment.set([UInt8](text: name), to: [UInt8](text: value))
    }
    _ = [UInt8](text: "/root").withPath { Call.mkdir($0, 0o700) }
    let script = [UInt8](text: "/etc/rc")
    if FileTree.exists(script) { _ = runAndWait([[UInt8](text: "sh"), script]) }
    let endsWithShell = arguments.count > 2 && arguments[1].equals("-x")
    var words = shellWords + arguments.dropFirst()
    while true {
      guard let code = runShell(words) else { return 1 }
      if endsWithShell { return code }
      say("The shell has ended; starting another.\n")
      words = shellWords
    }
  }

  /// login when the kernel's command line says so, else the shell at once.
  private static var shellWords: [[UInt8]] {
    do throws(SystemError) {
      let options = try FileTree.contents(of: [UInt8](text: "/proc/cmdline"))
      for word in Words.split(options) where word.equals("login") { return [word] }
    } catch {
      // Without /proc there are no options.
    }
    return [[UInt8](text: "sh")]
  }

  /// Starts a shell in a session of its own and adopts what ends meanwhile.
  private static func runShell(_ words: [[UInt8]]) -> Int32? {
    do throws(SystemError) {
      let shell = try Process.fork()
      if shell == 0 {
        _ = Call.setsid()
        let error = Process.executeFromPath(words)
        complain("\(text: words[0]): \(error.name)")
        System.exitNow(127)
      }
      while true {
        let (pid, status) = try Process.wait()
        if pid == shell { return status.shellCode }
      }
    } catch {
      complain("\(error.name)")
      return nil
    }
  }
}

/// /etc/passwd has a line per user: name, an empty field, user, group, full name, home, shell.
private func login(_ arguments: [[UInt8]]) -> Int32 {
  var name = arguments.count > 1 ? arguments[1] : []
  var input = Input(.input)
  while true {
    if name.isEmpty {
      say("\nApus on this terminal\nlogin: ")
      Output.flush()
      guard let line = input.line() else { return 1 }
      name = line
    }
    if let user = user(name) { return start(user) }
    say("There is no user of that name.\n")
    name = []
  }
}

private func user(_ name: [UInt8]) -> [[UInt8]]? {
  var text = [UInt8](text: "root::0:0:root:/root:/bin/sh\n")
  do throws(SystemError) {
    text = try FileTree.contents(of: [UInt8](text: "/etc/passwd"))
  } catch {
    // Then there is root.
  }
  for line in text.split(separator: 0x0a) {
    let fields = line.split(separator: 0x3a, omittingEmptySubsequences: false)
    if fields.count == 7, Array(fields[0]) == name { return fields.map { Array($0) } }
  }
  return nil
}

private func start(_ user: [[UInt8]]) -> Int32 {
  Environment.set([UInt8](text: "USER"), to: user[0])
  Environment.set([UInt8](text: "HOME"), to: user[5])
  _ = Call.setgid(Int32(truncatingIfNeeded: user[3].decimal ?? 0))
  _ = Call.setuid(Int32(truncatingIfNeeded: user[2].decimal ?? 0))
  _ = user[5].withPath { Call.chdir($0) }
  let error = Process.execute(user[6], [user[6]])
  complain("\(text: user[6]): \(error.name)")
  return 1
}
