/// The shell at a terminal: edits lines, keeps them, completes words, and takes the terminal back when
/// commands have had it.
import Apus

struct Session {
  private let shell: Shell
  private var editor = LineEditor(prompt: "")
  /// Lines of a command that is not complete yet.
  private var unfinished: [UInt8] = []

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
    shell.isInteractive = true
    Interrupt.prepare()
    _ = Call.setpgid(0, 0)
    Terminal.setForeground(Process.group)
    if let text = try? FileTree.contents(of: historyFile) {
      for line in text.split(separator: 0x0a) { editor.history.append(Array(line)) }
      editor.history = editor.history.suffix(LineEditor.historyCapacity)
    }
    shell.history = editor.history
    // POSIX.1, "sh": what ENV names is run before anything is typed.
    if let file = shell.value(of: [UInt8](text: "ENV")),
      let script = try? FileTree.contents(of: file, limit: 1 << 20)
    {
      _ = shell.run(script: script)
      if shell.leaving != .shell { shell.leaving = .no }
    }
  }

  private var historyFile: [UInt8] {
    (shell.value(of: [UInt8](text: "HOME")) ?? []) + [UInt8](text: "/.sh_history")
  }

  /// PS1, or PS2 in the middle of a command, with `$NAME` in it replaced.
  private var prompt: [UInt8] {
    let name: StaticString = unfinished.isEmpty ? "PS1" : "PS2"
    let text = shell.value(of: [UInt8](text: name)) ?? []
    guard text.contains(0x24), let word = try? ShellParser.word([0x22] + text + [0x22]) else {
      return text
    }
    let code = shell.lastCode
    defer { shell.lastCode = code }
    return (try? ShellExpansion.text(word, shell)) ?? text
  }

  /// Runs a command as if it had been typed.
  private mutating func runTyped(_ line: [UInt8]) {
    say(bytes: prompt + line + [0x0a])
    finish(line)
    shell.jobs.report(shell)
  }

  /// A line is complete: runs it with the terminal as commands expect it.
  private mutating func finish(_ line: [UInt8]) {
    let text = unfinished + line + [0x0a]
    unfinished = []
    Interrupt.isPending = false
    let hadWarned = shell.hasWarned
    defer { if hadWarned { shell.hasWarned = false } }
    do throws(ShellSyntaxError) {
      let list = try ShellParser.parse(text, aliases: shell.aliases)
      Terminal.set(shell.jobs.terminal, of: .input)
      shell.jobs.isRunningScript = true
      shell.conditionDepth = 0
      if !shell.onlyParses { shell.execute(list) }
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
      say("\n")
      if unfinished.isEmpty {
        say("Use exit or poweroff to leave.\n")
      } else {
        unfinished = []
        complain("the text ends too early: a quote or a command is open")
      }
      nextLine()
    }
  }

  private mutating func remember(_ line: [UInt8]) {
    guard !line.isEmpty, shell.history != editor.history else { return }
    shell.history = editor.history
    do throws(SystemError) {
      let file = try Descriptor.open(
        historyFile, [.writeOnly, .create, .append], permissions: 0o600)
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
    editor.prompt = prompt
    editor.columns = Terminal.size(of: .input).columns
    editor.begin()
    flush()
  }

  private mutating func flush() {
    if !editor.output.isEmpty { say(bytes: editor.output) }
    editor.output = []
    Output.flush()
  }
}
