/// shell [-c COMMANDS | -x COMMANDS]: reads lines and runs them.
///
/// -c begins with COMMANDS, -x ends too.
import Apus

private let prompt: StaticString = "apus$ "

@main
struct ShellProgram: Program {
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    System.keepInterrupts()
    System.makeTerminalRaw()
    var shell = Shell()
    if arguments.count > 2, arguments[1].equals("-c") || arguments[1].equals("-x") {
      for line in Words.parts(arguments[2]) { shell.runScripted(line) }
      if arguments[1].equals("-x") { return 0 }
    } else {
      say("Type help for the commands.\n")
    }
    shell.run()
    return 0
  }
}

struct Shell {
  var editor = LineEditor(prompt: prompt)
  /// Programs started in the background, by process.
  var jobs: [(pid: Int, name: [UInt8])] = []
  var isDone = false

  mutating func run() {
    var pending: [UInt8] = []
    editor.begin()
    flush()
    while !isDone {
      if pending.isEmpty { pending = System.read() }
      guard !pending.isEmpty else { return }
      let byte = pending.removeFirst()
      handle(editor.receive(byte))
    }
  }

  /// Runs a command as if it had been typed.
  mutating func runScripted(_ line: [UInt8]) {
    say("\(prompt)")
    say(bytes: line + [0x0a])
    execute(line)
    reportEndedJobs()
  }

  private mutating func handle(_ event: LineEditor.Event) {
    switch event {
    case .none:
      break
    case .completion:
      editor.complete(with: candidates())
    case .line(let line):
      flush()
      execute(line)
      nextLine()
    case .interrupt:
      flush()
      nextLine()
    case .endOfFile:
      say("\nUse poweroff to leave.\n")
      nextLine()
    }
    flush()
  }

  private mutating func nextLine() {
    reportEndedJobs()
    editor.begin()
  }

  private mutating func flush() {
    guard !editor.output.isEmpty else { return }
    say(bytes: editor.output)
    editor.output = []
  }

  /// What the word before the cursor can become: a command, or a file after one.
  private func candidates() -> [[UInt8]] {
    let word = editor.wordBeforeCursor
    var found: [[UInt8]] = []
    if editor.isAtCommand {
      for command in commandTable {
        let name = [UInt8](text: command.name)
        if name.hasPrefix(word) { found.append(name) }
      }
    }
    for file in Listing.files() where file.name.bytes.hasPrefix(word) {
      found.append(file.name.bytes)
    }
    return found
  }
}

// MARK: Running

extension Shell {
  mutating func execute(_ line: [UInt8]) {
    do throws(SyntaxError) {
      for command in try Words.commands(line) {
        run(command)
        if isDone { return }
      }
    } catch {
      say("\(error.name)\n")
    }
  }

  private mutating func run(_ command: LineCommand) {
    guard let name = command.words.first else { return }
    for entry in commandTable where name.equals(entry.name) {
      entry.run(&self, Array(command.words.dropFirst()), command.inBackground)
      return
    }
    start(command.words, inBackground: command.inBackground)
  }

  mutating func start(_ words: [[UInt8]], inBackground: Bool) {
    guard let name = words.first else { return }
    switch System.spawn(words, inBackground: inBackground) {
    case .failure(.notFound):
      say("\(text: name): no such command or program; try help\n")
    case .failure(let error):
      say("\(text: name): \(error.name)\n")
    case .success(let pid) where inBackground:
      jobs.append((Int(pid), name))
      say("[\(pid)] \(text: name)\n")
    case .success(let pid):
      let (outcome, status) = System.wait(Int(pid), noHang: false)
      if case .success = outcome, status & 0x7f == 0, status != 0 {
        say("\(text: name): exit code \(status >> 8)\n")
      }
    }
  }

  /// Says which background programs have ended since last time.
  mutating func reportEndedJobs() {
    while case (.success(let pid), let status) = System.wait(0, noHang: true) {
      jobHasEnded(Int(pid), status)
    }
  }

  mutating func jobHasEnded(_ pid: Int, _ status: UInt32) {
    guard let index = jobs.firstIndex(where: { $0.pid == pid }) else { return }
    let name = jobs.remove(at: index).name
    if status & 0x7f == 0 {
      say("[\(pid)] \(text: name) ended, exit code \(status >> 8)\n")
    } else {
      say("[\(pid)] \(text: name) ended by signal \(status & 0x7f)\n")
    }
  }
}
