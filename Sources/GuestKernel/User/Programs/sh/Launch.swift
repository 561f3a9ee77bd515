/// Starts processes: forks, puts them into groups, connects pipes, redirects, and becomes programs.
import Apus

enum Launch {
  /// Runs a program in the foreground and waits for it.
  static func run(
    _ words: [[UInt8]], _ values: [Shell.Assignment], _ redirections: [ShellRedirection],
    _ shell: Shell, text: [UInt8], reportsCode: Bool
  ) {
    let group = shell.controlsJobs ? 0 : nil as Int32?
    guard
      let pid = fork(
        shell, group: group, inBackground: false,
        {
          become(words, values, redirections, shell)
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
        if let input {
          move(input, to: .input)
        } else if inBackground, !shell.controlsJobs, let nothing = try? Descriptor.open(devNull) {
          // Typed lines are for the shell.
          move(nothing, to: .input)
        }
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
      let number = shell.jobs.add(job, inBackground: true).number
      // To the terminal, not to where the command's output goes.
      if shell.controlsJobs { announce("[\(number)] \(job.last)\n") }
    } else {
      shell.lastCode = shell.jobs.waitInForeground(job, shell)
    }
  }

  private static let devNull = [UInt8](text: "/dev/null")

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
        shell.isInteractive = false
        System.exit(shell.finish(shell.run(script: script)))
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
    shell.isInteractive = false
    if case .subshell(let list, let redirections) = command {
      var unused = SavedDescriptors()
      guard Redirecting.apply(redirections, shell, saving: &unused) else { System.exit(1) }
      shell.execute(list)
    } else {
      if case .simple = command { shell.becomesProgram = true }
      shell.execute(command, text: [], isAlone: false)
    }
    System.exit(shell.finish(shell.lastCode))
  }

  /// Turns this process into the program.
  static func become(
    _ words: [[UInt8]], _ values: [Shell.Assignment], _ redirections: [ShellRedirection],
    _ shell: Shell
  ) -> Never {
    for value in values { Environment.set(value.name, to: value.value) }
    var unused = SavedDescriptors()
    guard Redirecting.apply(redirections, shell, saving: &unused) else { System.exit(1) }
    let error = Process.executeFromPath(words)
    // A file that is no program may be a script: `#!` is the kernel's business, the rest is ours.
    if error == .badExecutable, let script = script(words[0]) {
      shell.name = words[0]
      shell.arguments = Array(words.dropFirst())
      shell.traps = Traps()
      System.exit(shell.finish(shell.run(script: script)))
    }
    Output.flush()
    let isUnknown = error == .notFound && !words[0].contains(0x2f)
    let line: TextLine =
      isUnknown
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
        if shell.isInteractive { Interrupt.restoreDefaults() }
        shell.traps.enterSubshell()
        if inBackground, !shell.controlsJobs {
          for signal in [.interrupt, .quit] as [Signal] {
            SignalAction.ignore.install(for: signal)
          }
        }
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
