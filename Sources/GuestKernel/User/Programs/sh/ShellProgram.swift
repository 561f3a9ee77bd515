/// sh [FILE [ARGUMENTS] | -c COMMANDS]: reads commands and runs them.
///
/// With a file or -c it is a script and ends with it. Otherwise it edits lines at a terminal; -s COMMANDS
/// types those first, -x COMMANDS types them and ends.
import Apus

@main
struct ShellProgram: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    Output.survivesFailure = true
    let shell = Shell()
    shell.name = arguments.first ?? []
    guard arguments.count > 1 else { return Session(shell).run(typed: nil, andEnd: false) }
    let flag = arguments[1]
    if flag.equals("-s") || flag.equals("-x"), arguments.count > 2 {
      return Session(shell).run(typed: arguments[2], andEnd: flag.equals("-x"))
    }
    if flag.equals("-c"), arguments.count > 2 {
      if arguments.count > 3 { shell.name = arguments[3] }
      shell.arguments = Array(arguments.dropFirst(4))
      return shell.run(script: arguments[2])
    }
    do throws(SystemError) {
      let script = try FileTree.contents(of: flag, limit: 1 << 20)
      shell.name = flag
      shell.arguments = Array(arguments.dropFirst(2))
      return shell.run(script: script)
    } catch {
      complain("\(text: flag): \(error.name)")
      return 127
    }
  }
}
