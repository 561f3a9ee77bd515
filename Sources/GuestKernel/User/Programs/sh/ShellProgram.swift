/// sh [-aCefnux] [-o NAME] [FILE [ARGUMENTS] | -c COMMANDS [NAME [ARGUMENTS]]]: reads commands and runs them.
///
/// With a file or -c it is a script and ends with it. Otherwise it edits lines at a terminal, or takes them
/// from what its input is. --type COMMANDS types those first, --run COMMANDS types them and ends.
import Apus

@main
struct ShellProgram: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    Usage.describe(
      "sh [-aCefinsux] [-o NAME] [FILE [ARGUMENTS] | -c COMMANDS [NAME [ARGUMENTS]]]",
      "reads commands and runs them; help lists them")
    Output.survivesFailure = true
    let shell = Shell()
    shell.name = arguments.first ?? []
    var words = Array(arguments.dropFirst())
    if let flag = words.first, words.count > 1, flag.equals("--type") || flag.equals("--run") {
      let code = Session(shell).run(typed: words[1], andEnd: flag.equals("--run"))
      return shell.finish(code)
    }
    if words.first?.equals("--help") ?? false { Usage.show() }
    var letters: [UInt8] = []
    guard ShellOption.take(&words, shell, others: "cis", found: &letters) else {
      complain("usage: \(Usage.text)")
      return 2
    }
    return shell.finish(run(words, letters, shell))
  }

  private static func run(_ words: [[UInt8]], _ letters: [UInt8], _ shell: Shell) -> Int32 {
    if letters.contains(UInt8(ascii: "c")) {
      guard let commands = words.first else {
        complain("usage: \(Usage.text)")
        return 2
      }
      if words.count > 1 { shell.name = words[1] }
      shell.arguments = Array(words.dropFirst(2))
      return shell.run(script: commands)
    }
    let readsInput = words.isEmpty || letters.contains(UInt8(ascii: "s"))
    if readsInput {
      shell.arguments = words
      let isTyped = letters.contains(UInt8(ascii: "i")) || Terminal.settings(of: .input) != nil
      return isTyped ? Session(shell).run(typed: nil, andEnd: false) : runInput(shell)
    }
    do throws(SystemError) {
      let script = try FileTree.contents(of: words[0], limit: 1 << 20)
      shell.name = words[0]
      shell.arguments = Array(words.dropFirst())
      return shell.run(script: script)
    } catch {
      complain("\(text: words[0]): \(error.name)")
      return 127
    }
  }

  /// Commands from a pipe or a file, as soon as each is complete: what follows may be for a command that
  /// reads, so nothing is read ahead.
  private static func runInput(_ shell: Shell) -> Int32 {
    var text: [UInt8] = []
    var isAtEnd = false
    while !isAtEnd, shell.leaving != .shell {
      let lineStart = text.count
      while true {
        guard let byte = try? Descriptor.input.read(limit: 1).first else {
          isAtEnd = true
          break
        }
        text.append(byte)
        if byte == 0x0a { break }
      }
      if text.count == lineStart, !isAtEnd { continue }
      do throws(ShellSyntaxError) {
        let list = try ShellParser.parse(text, aliases: shell.aliases)
        text = []
        if !shell.onlyParses { shell.execute(list) }
      } catch {
        if error == .incomplete, !isAtEnd { continue }
        complain("\(error.message)")
        return 2
      }
    }
    return shell.lastCode
  }
}
