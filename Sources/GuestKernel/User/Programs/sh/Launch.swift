/// Starts processes: forks, puts them into groups, connects pipes, redirects, and becomes programs.
import Apus

enum Launch {
  /// Runs a program in the foreground and waits for it.
  static func run(
    _ words: [[UInt8]], _ values: [(name: [UInt8], value: [UInt8])],
    _ redirections: [ShellRedirection], _ shell: Shell, text: [UInt8], reportsCode: Bool
  ) {
    let group = shell.controlsJobs ? 0 : nil as Int32?
    guard
      let pid = fork(
        shell, group: group, inBackground: false,
        {
          for value in values { Environment.set(value.name, to: value.value) }
          become(words, redirections, shell)
        })
    else { return }
    let job = Job(group: pid, processes: [pid], text: text)
    shell.lastCode = shell.jobs.waitInForeground(job, shell)
    if reportsCode, shell.controlsJobs, shell.lastCode > 0, shell.lastCode < 126 {
      say("\(text: words[0].lastPathPart): exit code \(shell.lastCode)\n")
    }
  }

  /// Runs commands as a pipeline, each in a process of its own.
  static func start(
    _ commands: [ShellCommand], _ shell: Shell, text: [UInt8], inBackground: Bool
  ) {
    var processes: [Int32] = []
    var group: Int32?
    if shell.controlsJobs { group = 0 }
    var input: Descriptor?
    for (index, command) in commands.enumerated() {
      var pipe: (reading: Descriptor, writing: Descriptor)?
      if index < commands.count - 1 {
        do throws(SystemError) {
          pipe = try Descriptor.pipe()
        } catch {
          complain("pipe: \(error.name)")
          break
        }
      }
      let pid = fork(shell, group: group, inBackground: inBackground) {
        if let input { move(input, to: .input) }
        if let pipe {
          _ = Call.close(pipe.reading.rawValue)
          move(pipe.writing, to: .output)
        }
        perform(command, shell)
      }
      if let input { _ = Call.close(input.rawValue) }
      if let pipe { _ = Call.close(pipe.writing.rawValue) }
      input = pipe?.reading
      guard let pid else { break }
      processes.append(pid)
      if group == 0 { group = pid }
    }
    if let input { _ = Call.close(input.rawValue) }
    guard let first = processes.first else { return }
    let job = Job(group: first, processes: processes, text: text)
    if inBackground {
      shell.jobs.add(job)
      // To the terminal, not to where the command's output goes.
      if shell.controlsJobs { announce("[\(job.number)] \(text: text)\n") }
    } else {
      shell.lastCode = shell.jobs.waitInForeground(job, shell)
    }
  }

  private static func announce(_ line: TextLine) {
    Output.flush()
    line.withBytes { _ = Descriptor.error.write(all: UnsafeRawBufferPointer($0)) }
  }

  /// What a script prints, for `$(...)`.
  static func output(of script: [UInt8], _ shell: Shell) -> [UInt8] {
    let largest = 1 << 20
    var output: [UInt8] = []
    do throws(SystemError) {
      let pipe = try Descriptor.pipe()
      let pid = fork(shell, group: nil, inBackground: false) {
        _ = Call.close(pipe.reading.rawValue)
        move(pipe.writing, to: .output)
        shell.controlsJobs = false
        System.exit(shell.run(script: script))
      }
      _ = Call.close(pipe.writing.rawValue)
      var error: SystemError?
      do throws(SystemError) {
        output = try pipe.reading.readAll(limit: largest)
      } catch let failure {
        error = failure
      }
      // Who writes more than is wanted dies of SIGPIPE.
      _ = Call.close(pipe.reading.rawValue)
      if let pid { shell.lastCode = try Process.wait(for: pid).status.shellCode }
      if let error { throw error }
    } catch {
      complain("$(...): \(error.name)")
      shell.lastCode = 1
    }
    shell.substitutionCode = shell.lastCode
    return output
  }

  /// In the new process: what one command of a pipeline is.
  private static func perform(_ command: ShellCommand, _ shell: Shell) -> Never {
    shell.controlsJobs = false
    if case .subshell(let list, let redirections) = command {
      var unused = SavedDescriptors()
      guard Redirecting.apply(redirections, shell, saving: &unused) else { System.exit(1) }
      shell.execute(list)
    } else if case .simple(let simple) = command, let words = program(simple, shell) {
      become(words, simple.redirections, shell)
    } else {
      shell.execute(command, text: [], isAlone: false)
    }
    System.exit(shell.lastCode)
  }

  /// The words of a command that is a program without assignments: it needs no further process.
  private static func program(_ simple: ShellSimpleCommand, _ shell: Shell) -> [[UInt8]]? {
    guard simple.assignments.isEmpty else { return nil }
    do throws(ShellSyntaxError) {
      let words = try ShellExpansion.fields(simple.words, shell)
      guard let name = words.first, shell.function(name) == nil, BuiltIn.find(name) == nil else {
        return nil
      }
      return words
    } catch {
      return nil
    }
  }

  /// Turns this process into the program.
  private static func become(
    _ words: [[UInt8]], _ redirections: [ShellRedirection], _ shell: Shell
  ) -> Never {
    var unused = SavedDescriptors()
    guard Redirecting.apply(redirections, shell, saving: &unused) else { System.exit(1) }
    let error = Process.executeFromPath(words)
    // A file that is no program may be a script: `#!` is the kernel's business, the rest is ours.
    if error == .badExecutable, let script = script(words[0]) {
      shell.name = words[0]
      shell.arguments = Array(words.dropFirst())
      System.exit(shell.run(script: script))
    }
    Output.flush()
    let line: TextLine =
      error == .notFound
      ? "\(text: words[0]): no such command or program; try help\n"
      : "\(text: words[0]): \(error.name)\n"
    line.withBytes { _ = Descriptor.error.write(all: UnsafeRawBufferPointer($0)) }
    System.exit(error == .notFound ? 127 : 126)
  }

  private static func script(_ name: [UInt8]) -> [UInt8]? {
    var paths = [name]
    if !name.contains(0x2f) { paths = Environment.searchPath.map { $0 + [0x2f] + name } }
    for path in paths {
      do throws(SystemError) {
        let file = try Descriptor.open(path)
        defer { _ = Call.close(file.rawValue) }
        // A look at the beginning first: a file of any size may be called by mistake.
        let start = try file.read(limit: 256)
        if start.contains(0) { return nil }
        return start + (try file.readAll(limit: 1 << 20))
      } catch {
        continue
      }
    }
    return nil
  }

  /// Forks; the child runs `body`, which does not return.
  ///
  /// Parent and child both set the group and the terminal: whoever comes first, it is done. The
  /// result is nil when there can be no more processes.
  private static func fork(
    _ shell: Shell, group: Int32?, inBackground: Bool, _ body: () -> Void
  ) -> Int32? {
    do throws(SystemError) {
      let pid = try Process.fork()
      if let group {
        let own = group == 0 ? (pid == 0 ? Process.id : pid) : group
        _ = Call.setpgid(pid, own)
        if !inBackground { Terminal.setForeground(own) }
      }
      if pid == 0 {
        Interrupt.restoreDefaults()
        Output.forget()
        body()
        System.exit(0)
      }
      return pid
    } catch {
      complain("fork: \(error.name)")
      shell.lastCode = 126
      return nil
    }
  }

  private static func move(_ descriptor: Descriptor, to other: Descriptor) {
    guard descriptor != other else { return }
    _ = Call.dup2(descriptor.rawValue, other.rawValue)
    _ = Call.close(descriptor.rawValue)
  }
}
