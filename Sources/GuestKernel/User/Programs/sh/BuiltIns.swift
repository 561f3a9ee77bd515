/// The commands that only the shell itself can do, because they change it; and a few for speed.
import Apus

struct BuiltIn {
  let name: StaticString
  let usage: StaticString
  let summary: StaticString
  /// Takes the words, the name first; returns the code.
  let run: (Shell, [[UInt8]]) -> Int32

  static func find(_ name: [UInt8]) -> BuiltIn? {
    for entry in all where name.equals(entry.name) { return entry }
    return nil
  }

  static let all: [BuiltIn] = movement + variables + control + jobControl + speed

  /// `exec`: this process becomes the program, or its descriptors change for good.
  static func execute(_ shell: Shell, _ words: [[UInt8]], _ redirections: [ShellRedirection]) {
    var saved = SavedDescriptors()
    guard Redirecting.apply(redirections, shell, saving: &saved) else {
      saved.restore()
      shell.lastCode = 1
      return
    }
    saved.discard()
    guard words.count > 1 else {
      shell.lastCode = 0
      return
    }
    Interrupt.restoreDefaults()
    let error = Process.executeFromPath(Array(words.dropFirst()))
    complain("\(text: words[1]): \(error.name)")
    shell.lastCode = error == .notFound ? 127 : 126
  }
}

private let movement: [BuiltIn] = [
  BuiltIn(name: "help", usage: "help [boot|keys|NAME]", summary: "this list") { _, words in
    Help.show(words.count > 1 ? words[1] : nil)
    return 0
  },
  BuiltIn(name: "cd", usage: "cd [PATH]", summary: "changes the directory") { shell, words in
    let home = shell.value(of: [UInt8](text: "HOME")) ?? [0x2f]
    let path = words.count > 1 ? words[1] : home
    do throws(SystemError) {
      try FileTree.changeDirectory(to: path)
      shell.export([UInt8](text: "PWD"), FileTree.currentDirectory)
      return 0
    } catch {
      complain("cd: \(text: path): \(error.name)")
      return 1
    }
  },
  BuiltIn(name: "history", usage: "history", summary: "the lines typed") { shell, _ in
    for (index, line) in shell.history.enumerated() {
      say("\(index + 1, width: 4)  \(text: line)\n")
    }
    return 0
  },
]

private let variables: [BuiltIn] = [
  BuiltIn(name: "set", usage: "set [-ex] [ARGUMENTS]", summary: "shows variables, sets $1...") {
    shell, words in
    guard words.count > 1 else {
      shell.showVariables()
      return 0
    }
    var arguments = Array(words.dropFirst())
    while let first = arguments.first, first.first == 0x2d || first.first == 0x2b {
      arguments.removeFirst()
      if first.equals("--") { break }
      if first.contains(0x65) { shell.endsOnFailure = first[0] == 0x2d }
      if first.contains(0x78) { shell.echoesCommands = first[0] == 0x2d }
      if arguments.isEmpty { return 0 }
    }
    shell.arguments = arguments
    return 0
  },
  BuiltIn(name: "export", usage: "export NAME[=VALUE]...", summary: "for commands to see") {
    shell, words in
    for word in words.dropFirst() {
      if let sign = word.firstIndex(of: 0x3d) {
        shell.export(Array(word[..<sign]), Array(word[(sign + 1)...]))
      } else {
        shell.export(word, nil)
      }
    }
    return 0
  },
  BuiltIn(name: "unset", usage: "unset NAME...", summary: "forgets variables and functions") {
    shell, words in
    for word in words.dropFirst() { shell.unset(word) }
    return 0
  },
  BuiltIn(name: "read", usage: "read [NAME...]", summary: "a line of input into variables") {
    shell, words in
    Reading.run(shell, Array(words.dropFirst()))
  },
  BuiltIn(name: "shift", usage: "shift [N]", summary: "drops the first arguments") { shell, words in
    let count = words.count > 1 ? Int(words[1].decimal ?? 1) : 1
    guard count <= shell.arguments.count else { return 1 }
    shell.arguments.removeFirst(count)
    return 0
  },
]

private let control: [BuiltIn] = [
  BuiltIn(name: "exit", usage: "exit [CODE]", summary: "ends the shell") { shell, words in
    shell.leaving = .shell
    return words.code ?? shell.lastCode
  },
  BuiltIn(name: "return", usage: "return [CODE]", summary: "ends a function") { shell, words in
    shell.leaving = .function
    return words.code ?? shell.lastCode
  },
  BuiltIn(name: "break", usage: "break [N]", summary: "leaves loops") { shell, words in
    shell.leaving = .loop(levels: Int(max(1, words.code ?? 1)), goesOn: false)
    return 0
  },
  BuiltIn(name: "continue", usage: "continue [N]", summary: "next round of a loop") {
    shell, words in
    shell.leaving = .loop(levels: Int(max(1, words.code ?? 1)), goesOn: true)
    return 0
  },
  BuiltIn(name: "eval", usage: "eval WORDS", summary: "runs them as a command") { shell, words in
    shell.run(script: Array(words.dropFirst().joined(separator: [0x20])))
  },
  BuiltIn(name: ".", usage: ". FILE", summary: "runs a script in this shell") { shell, words in
    guard words.count > 1 else { return 2 }
    do throws(SystemError) {
      return shell.run(script: try FileTree.contents(of: words[1], limit: 1 << 20))
    } catch {
      complain("\(text: words[1]): \(error.name)")
      return 1
    }
  },
  BuiltIn(name: "exec", usage: "exec [COMMAND]", summary: "becomes the command") { _, _ in 0 },
  BuiltIn(name: ":", usage: ":", summary: "does nothing") { _, _ in 0 },
]

private let jobControl: [BuiltIn] = [
  BuiltIn(name: "jobs", usage: "jobs", summary: "programs in the background") { shell, _ in
    shell.jobs.report(shell)
    for job in shell.jobs.all {
      say("[\(job.number)] \(text: job.text)\(job.isStopped ? " (stopped)" as StaticString : "")\n")
    }
    return 0
  },
  BuiltIn(name: "wait", usage: "wait [JOB]", summary: "until background programs have ended") {
    shell, words in
    var number: Int32?
    if words.count > 1, let index = shell.jobs.find(words[1]) {
      number = shell.jobs.all[index].number
    }
    return shell.jobs.wait(for: number, shell) ? 0 : 130
  },
  BuiltIn(name: "fg", usage: "fg [JOB]", summary: "goes on in the foreground") { shell, words in
    guard let index = shell.jobs.find(words.count > 1 ? words[1] : nil) else {
      complain("fg: no such job")
      return 1
    }
    var job = shell.jobs.remove(at: index)
    say("\(text: job.text)\n")
    Terminal.setForeground(job.group)
    job.isStopped = false
    _ = Call.kill(-job.group, Signal.continue.rawValue)
    return shell.jobs.waitInForeground(job, shell)
  },
  BuiltIn(name: "bg", usage: "bg [JOB]", summary: "goes on in the background") { shell, words in
    guard let index = shell.jobs.find(words.count > 1 ? words[1] : nil) else {
      complain("bg: no such job")
      return 1
    }
    var job = shell.jobs.remove(at: index)
    job.isStopped = false
    say("[\(job.number)] \(text: job.text)\n")
    _ = Call.kill(-job.group, Signal.continue.rawValue)
    shell.jobs.add(job)
    return 0
  },
  BuiltIn(name: "run", usage: "run PROGRAM [ARGUMENTS]", summary: "so does its name alone") {
    shell, words in
    guard words.count > 1 else { return 2 }
    Launch.run(Array(words.dropFirst()), [], [], shell, text: words[1], reportsCode: true)
    return shell.lastCode
  },
]

private let speed: [BuiltIn] = [
  BuiltIn(name: "echo", usage: "echo [-n] WORDS", summary: "prints them") { _, words in
    let endsLine = words.count < 2 || !words[1].equals("-n")
    let rest = words.dropFirst(endsLine ? 1 : 2)
    say(bytes: Array(rest.joined(separator: [0x20])) + (endsLine ? [0x0a] : []))
    return 0
  },
  BuiltIn(name: "true", usage: "true", summary: "succeeds") { _, _ in 0 },
  BuiltIn(name: "false", usage: "false", summary: "fails") { _, _ in 1 },
  BuiltIn(name: "test", usage: "test EXPRESSION", summary: "whether it is true") { _, words in
    var words = Array(words.dropFirst())
    return TestExpression.evaluate(&words)
  },
  BuiltIn(name: "[", usage: "[ EXPRESSION ]", summary: "whether it is true") { _, words in
    var words = Array(words.dropFirst())
    guard let last = words.popLast(), last.equals("]") else {
      complain("] is missing")
      return 2
    }
    return TestExpression.evaluate(&words)
  },
]

enum Reading {
  /// Byte by byte: what follows the line belongs to the next command.
  static func run(_ shell: Shell, _ names: [[UInt8]]) -> Int32 {
    Output.flush()
    var line: [UInt8] = []
    var sawEnd = false
    while true {
      do throws(SystemError) {
        guard let byte = try Descriptor.input.read(limit: 1).first else {
          sawEnd = true
          break
        }
        if byte == 0x0a { break }
        line.append(byte)
      } catch {
        return 1
      }
    }
    let names = names.isEmpty ? [[UInt8](text: "REPLY")] : names
    var rest = line[...]
    for (index, name) in names.enumerated() {
      rest = rest.drop { $0.isBlank }
      let word = index == names.count - 1 ? rest : rest.prefix { !$0.isBlank }
      rest = rest.dropFirst(word.count)
      shell.assign(Array(word), to: name)
    }
    return sawEnd && line.isEmpty ? 1 : 0
  }
}

extension [[UInt8]] {
  /// The number after the command's name.
  fileprivate var code: Int32? {
    guard count > 1, let number = self[1].signedDecimal else { return nil }
    return Int32(truncatingIfNeeded: number)
  }
}
