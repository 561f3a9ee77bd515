/// The commands that only the shell itself can do, because they change it; and a few for speed.
import Apus

struct BuiltIn {
  let name: StaticString
  let usage: StaticString
  let summary: StaticString
  /// Variables set before it keep their values; POSIX.1, "Special Built-In Utilities".
  var isSpecial = false
  /// Takes the words, the name first; returns the code.
  let run: (Shell, [[UInt8]]) -> Int32

  /// What a command returns whose words make no sense; the shell then says how it is used.
  static let misused: Int32 = -2

  static func find(_ name: [UInt8]) -> BuiltIn? {
    for entry in all where name.equals(entry.name) { return entry }
    return nil
  }

  static let all: [BuiltIn] =
    movement + variableCommands + [ShellOption.builtIn, Traps.builtIn] + control + naming
    + jobControl + shared

  /// `exec`: this process becomes the program, or its descriptors change for good.
  static func execute(_ shell: Shell, _ words: [[UInt8]], _ redirections: [ShellRedirection]) {
    var saved = SavedDescriptors()
    guard Redirecting.apply(redirections, shell, saving: &saved) else {
      saved.restore()
      shell.lastCode = 1
      if !shell.isInteractive { shell.leaving = .shell }
      return
    }
    guard words.count > 1 else {
      saved.discard()
      shell.lastCode = 0
      return
    }
    if shell.isInteractive { Interrupt.restoreDefaults() }
    let error = Process.executeFromPath(Array(words.dropFirst()))
    if shell.isInteractive { Interrupt.prepare() }
    saved.restore()
    complain("\(text: words[1]): \(error.name)")
    shell.lastCode = error == .notFound ? 127 : 126
    if !shell.isInteractive { shell.leaving = .shell }
  }
}

private let movement: [BuiltIn] = [
  BuiltIn(name: "help", usage: "help [boot|keys|NAME]", summary: "this list") { _, words in
    Help.show(words.count > 1 ? words[1] : nil)
    return 0
  },
  BuiltIn(name: "cd", usage: "cd [PATH | -]", summary: "changes the directory") { shell, words in
    guard words.count < 3 else { return BuiltIn.misused }
    var path = shell.value(of: [UInt8](text: "HOME")) ?? [0x2f]
    let goesBack = words.count > 1 && words[1].equals("-")
    if goesBack {
      guard let old = shell.value(of: [UInt8](text: "OLDPWD")) else {
        complain("cd: there is no directory before this one")
        return 1
      }
      path = old
    } else if words.count > 1 {
      path = words[1]
    }
    let old = FileTree.currentDirectory
    do throws(SystemError) {
      try FileTree.changeDirectory(to: path)
    } catch {
      complain("cd: \(text: path): \(error.name)")
      return 1
    }
    shell.export([UInt8](text: "OLDPWD"), old)
    shell.export([UInt8](text: "PWD"), FileTree.currentDirectory)
    if goesBack { say(bytes: FileTree.currentDirectory + [0x0a]) }
    return 0
  },
  BuiltIn(name: "pwd", usage: "pwd", summary: "the current directory") { _, _ in
    say(bytes: FileTree.currentDirectory + [0x0a])
    return 0
  },
  BuiltIn(name: "history", usage: "history [COUNT]", summary: "the lines typed") { shell, words in
    let count = words.count > 1 ? Int(words[1].decimal ?? 0) : shell.history.count
    for (index, line) in shell.history.enumerated().suffix(count) {
      say("\(index + 1, width: 4)  ")
      say(bytes: line + [0x0a])
    }
    return 0
  },
]

private let control: [BuiltIn] = [
  BuiltIn(name: "exit", usage: "exit [CODE]", summary: "ends the shell", isSpecial: true) {
    shell, words in
    if shell.isInteractive, shell.jobs.hasStopped, !shell.hasWarned {
      say("There are stopped jobs; exit once more ends them with the shell.\n")
      shell.hasWarned = true
      return 1
    }
    let code = words.code(shell)
    shell.leaving = .shell
    return code
  },
  BuiltIn(
    name: "return", usage: "return [CODE]", summary: "ends a function or a file", isSpecial: true
  ) { shell, words in
    guard shell.returnDepth > 0 else {
      complain("return: not in a function")
      return 1
    }
    let code = words.code(shell)
    shell.leaving = .function
    return code
  },
  BuiltIn(name: "break", usage: "break [N]", summary: "leaves loops", isSpecial: true) {
    shell, words in
    leaveLoops(shell, words, goesOn: false)
  },
  BuiltIn(
    name: "continue", usage: "continue [N]", summary: "next round of a loop", isSpecial: true
  ) { shell, words in
    leaveLoops(shell, words, goesOn: true)
  },
  BuiltIn(name: "eval", usage: "eval WORDS", summary: "runs them as a command", isSpecial: true) {
    shell, words in
    shell.lastCode = 0
    return shell.run(script: Array(words.dropFirst().joined(separator: [0x20])))
  },
  BuiltIn(
    name: ".", usage: ". FILE", summary: "runs a script in this shell", isSpecial: true, run: source
  ),
  BuiltIn(name: "source", usage: "source FILE", summary: "the same", run: source),
  BuiltIn(
    name: "exec", usage: "exec [COMMAND]", summary: "becomes the command", isSpecial: true
  ) { _, _ in 0 },
  BuiltIn(name: ":", usage: ":", summary: "does nothing", isSpecial: true) { _, _ in 0 },
]

private func leaveLoops(_ shell: Shell, _ words: [[UInt8]], goesOn: Bool) -> Int32 {
  let levels = words.count > 1 ? words[1].decimal ?? 0 : 1
  guard levels > 0, levels < 1000 else { return BuiltIn.misused }
  shell.leaving = .loop(levels: Int(levels), goesOn: goesOn)
  return 0
}

/// A name without a slash is looked for where programs are, then here.
private func source(_ shell: Shell, _ words: [[UInt8]]) -> Int32 {
  guard words.count > 1 else { return BuiltIn.misused }
  var path = words[1]
  if !path.contains(0x2f), let found = Naming.path(of: path, mustRun: false) { path = found }
  do throws(SystemError) {
    let script = try FileTree.contents(of: path, limit: 1 << 20)
    shell.returnDepth += 1
    defer { shell.returnDepth -= 1 }
    let saved = shell.arguments
    if words.count > 2 { shell.arguments = Array(words.dropFirst(2)) }
    shell.lastCode = 0
    let code = shell.run(script: script)
    if words.count > 2 { shell.arguments = saved }
    if shell.leaving == .function { shell.leaving = .no }
    return code
  } catch {
    complain("\(text: path): \(error.name)")
    return 1
  }
}

private let shared: [BuiltIn] = [
  BuiltIn(
    name: "echo", usage: "echo [-ne] WORDS", summary: "prints them",
    run: { SharedCommands.echo($1) }
  ),
  BuiltIn(
    name: "printf", usage: "printf FORMAT [WORDS]", summary: "prints them in a form",
    run: { SharedCommands.printf($1) ?? BuiltIn.misused }),
  BuiltIn(name: "true", usage: "true", summary: "succeeds") { _, _ in 0 },
  BuiltIn(name: "false", usage: "false", summary: "fails") { _, _ in 1 },
  BuiltIn(
    name: "test", usage: "test EXPRESSION", summary: "whether it is true",
    run: { SharedCommands.test($1) }),
  BuiltIn(
    name: "[", usage: "[ EXPRESSION ]", summary: "whether it is true",
    run: { SharedCommands.test($1) }),
]

extension [[UInt8]] {
  /// The number after the command's name, or the code of the last command.
  fileprivate func code(_ shell: Shell) -> Int32 {
    guard count > 1 else { return shell.lastCode }
    guard let number = self[1].signedDecimal else {
      complain("\(text: self[0]): \(text: self[1]): not a number")
      return 2
    }
    return Int32(truncatingIfNeeded: number & 255)
  }
}
