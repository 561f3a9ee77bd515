/// The shell at a terminal: edits lines, keeps them, completes words, and takes the terminal back when
/// commands have had it.
import Apus

struct Session {
  private let shell: Shell
  private var editor = LineEditor(prompt: Session.prompt)
  /// Lines of a command that is not complete yet.
  private var unfinished: [UInt8] = []

  private static let prompt: StaticString = "apus$ "
  private static let historyFile: StaticString = "/root/.sh_history"

  init(_ shell: Shell) { self.shell = shell }

  /// Types `typed` first, one command after the other; then reads lines, or ends.
  func run(typed: [UInt8]?, andEnd: Bool) -> Int32 {
    var session = self
    session.begin()
    if let typed {
      for line in Words.parts(typed) {
        session.runTyped(line)
        if shell.leaving == .shell { return shell.lastCode }
      }
      if andEnd { return 0 }
    } else {
      say("Type help for the commands.\n")
    }
    session.readLines()
    return shell.lastCode
  }

  private mutating func begin() {
    shell.controlsJobs = true
    Interrupt.prepare()
    _ = Call.setpgid(0, 0)
    Terminal.setForeground(Process.group)
    do throws(SystemError) {
      let text = try FileTree.contents(of: [UInt8](text: Self.historyFile))
      for line in text.split(separator: 0x0a) { editor.history.append(Array(line)) }
      editor.history = editor.history.suffix(LineEditor.historyCapacity)
    } catch {
      // There is none yet.
    }
    shell.history = editor.history
  }

  /// Runs a command as if it had been typed.
  private mutating func runTyped(_ line: [UInt8]) {
    say(unfinished.isEmpty ? "\(Self.prompt)" : "> ")
    say(bytes: line + [0x0a])
    finish(line)
    shell.jobs.report(shell)
  }

  /// A line is complete: runs it with the terminal as commands expect it.
  private mutating func finish(_ line: [UInt8]) {
    let text = unfinished + line + [0x0a]
    unfinished = []
    Interrupt.isPending = false
    do throws(ShellSyntaxError) {
      let list = try ShellParser.parse(text)
      Terminal.set(TerminalSettings(), of: .input)
      shell.jobs.isRunningScript = true
      shell.execute(list)
      shell.jobs.isRunningScript = false
      if case .loop = shell.leaving { shell.leaving = .no }
      if shell.leaving == .function || shell.leaving == .line { shell.leaving = .no }
    } catch {
      if error == .incomplete {
        unfinished = text
      } else {
        complain("\(error.message)")
        shell.lastCode = 2
      }
    }
  }

  private mutating func readLines() {
    var pending: [UInt8] = []
    nextLine()
    while shell.leaving != .shell {
      if pending.isEmpty {
        do throws(SystemError) {
          pending = try Descriptor.input.read(limit: 64)
        } catch {
          if error == .interrupted { continue }
          return
        }
        if pending.isEmpty { return }
      }
      handle(editor.receive(pending.removeFirst()))
    }
  }

  private mutating func handle(_ event: LineEditor.Event) {
    switch event {
    case .none:
      flush()
    case .completion:
      editor.complete(with: Completion.candidates(editor, shell))
      flush()
    case .line(let line):
      flush()
      remember(line)
      finish(line)
      if shell.leaving != .shell { nextLine() }
    case .interrupt:
      unfinished = []
      flush()
      nextLine()
    case .endOfFile:
      say("\nUse exit or poweroff to leave.\n")
      nextLine()
    }
  }

  private mutating func remember(_ line: [UInt8]) {
    guard !line.isEmpty else { return }
    shell.history = editor.history
    do throws(SystemError) {
      let file = try Descriptor.open(
        [UInt8](text: Self.historyFile), [.writeOnly, .create, .append])
      try file.write(all: line + [0x0a])
      try file.close()
    } catch {
      // It is kept in memory at least.
    }
  }

  private mutating func nextLine() {
    shell.jobs.report(shell)
    var settings = TerminalSettings.raw
    settings.makesSignals = 0
    Terminal.set(settings, of: .input)
    editor.prompt = [UInt8](text: unfinished.isEmpty ? Self.prompt : "> ")
    editor.begin()
    flush()
  }

  private mutating func flush() {
    if !editor.output.isEmpty { say(bytes: editor.output) }
    editor.output = []
    Output.flush()
  }
}

enum Completion {
  /// What the word before the cursor can become: a command in its place, else a path.
  static func candidates(_ editor: LineEditor, _ shell: Shell) -> [[UInt8]] {
    let word = editor.wordBeforeCursor
    var found: [[UInt8]] = []
    if editor.isAtCommand, !word.contains(0x2f) {
      for command in BuiltIn.all { found.append([UInt8](text: command.name)) }
      for function in shell.functions { found.append(function.name) }
      for folder in Environment.searchPath { found += shell.names(in: folder) }
      found.removeAll { !$0.hasPrefix(word) }
    }
    if found.isEmpty { found = paths(word, shell) }
    found.sort { $0.precedes($1) }
    var last: [UInt8]?
    found.removeAll { name in
      defer { last = name }
      return name == last
    }
    return found
  }

  private static func paths(_ word: [UInt8], _ shell: Shell) -> [[UInt8]] {
    let end = (word.lastIndex(of: 0x2f) ?? -1) + 1
    let folder = Array(word[..<end])
    let start = Array(word[end...])
    var found: [[UInt8]] = []
    for name in shell.names(in: folder) where name.hasPrefix(start) {
      if name.first == 0x2e, start.isEmpty { continue }
      let path = folder + name
      found.append(FileTree.isDirectory(path) ? path + [0x2f] : path)
    }
    return found
  }
}
