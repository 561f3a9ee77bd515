/// The first program and what it starts: init runs /etc/rc, then keeps a shell running for whoever sits
/// at the terminal; the program `login` asks who that is.
import Apus

let initTools: [Tool] = [
  Tool(
    name: "init", usage: "init [-s COMMANDS | -x COMMANDS]",
    summary: "the first program: runs /etc/rc and keeps a shell running", run: Init.run)
]

enum Init {
  /// -s and -x hand their commands to the first shell; with -x nothing comes after it.
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    let options = Options(arguments, known: "s:x:", operands: 0...0)
    for (name, value) in [
      ("PATH", "/bin:/"), ("HOME", "/root"), ("USER", "root"), ("TERM", "ansi"),
    ] as [(StaticString, StaticString)] where Environment.value(of: [UInt8](text: name)) == nil {
      Environment.set([UInt8](text: name), to: [UInt8](text: value))
    }
    _ = [UInt8](text: "/root").withPath { Call.mkdir($0, 0o700) }
    Account.install()
    let script = [UInt8](text: "/etc/rc")
    if FileTree.exists(script) { _ = runAndWait([[UInt8](text: "sh"), script]) }
    let endsWithShell = options.has("x")
    // The shell's names for them: there -s and -x are POSIX's.
    let flag: StaticString = endsWithShell ? "--run" : "--type"
    let commands = options.value("x") ?? options.value("s")
    var words = shellWords + (commands.map { [[UInt8](text: flag), $0] } ?? [])
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
      let line = options.filter { $0 != 0x0a }
      for word in Words.split(line) where word.equals("login") { return [word] }
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
