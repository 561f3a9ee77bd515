/// Jobs: groups of processes that were started together, in the foreground, stopped, or in the
/// background. `%1`, `%+`, `%-`, `%sleep` and `%?text` name them; `wait` takes process numbers, too.
import Apus

struct Job {
  /// Small, from 1 on; 0 while it is in the foreground and has never been elsewhere.
  var number = 0
  let group: Int32
  /// Those that have not ended.
  var processes: [Int32]
  let text: [UInt8]
  var isStopped = false
  /// How the terminal was when it stopped in the foreground; `fg` makes it so again.
  var terminal: TerminalSettings?
  /// How the last command of the pipeline ended.
  var status = WaitStatus.exited(code: 0)
  /// The process whose end is that of the pipeline, and `$!`.
  let last: Int32

  init(group: Int32, processes: [Int32], text: [UInt8]) {
    self.group = group
    self.processes = processes
    self.text = text
    last = processes.last ?? 0
  }

  mutating func note(_ pid: Int32, _ news: WaitStatus) {
    switch news {
    case .stopped:
      isStopped = true
      status = news
    case .continued:
      isStopped = false
    case .exited, .killed:
      processes.removeAll { $0 == pid }
      isStopped = isStopped && !processes.isEmpty
      if pid == last { status = news }
    }
  }

  /// As `jobs` shows it.
  func say(_ state: TextLine, mark: UInt8) {
    var line: TextLine = "[\(number)]\(text: [mark]) "
    line.append(line: state)
    line.pad(to: 24)
    // Longer than a line of text may be.
    Apus.say(line)
    Apus.say(bytes: text + [0x0a])
  }

  var state: TextLine {
    if isStopped { return "Stopped" }
    if !processes.isEmpty { return "Running" }
    switch status {
    case .exited(code: 0), .continued, .stopped: return "Done"
    case .exited(let code): return "Done(\(code))"
    case .killed(let signal): return "Killed by \(signal.name)"
    }
  }
}

struct Jobs {
  private(set) var all: [Job] = []
  private(set) var lastStarted: Int32 = 0
  /// How the terminal is for commands: as the last one left it that ended by itself.
  private(set) var terminal = TerminalSettings()
  /// How processes in the background have ended, for `wait PID`; the oldest are forgotten.
  private var ended: [(pid: Int32, code: Int32)] = []
  /// Something runs that Ctrl-C should end between two commands.
  var isRunningScript = false

  /// Gives the job a number and keeps it.
  mutating func add(_ job: Job, inBackground: Bool = false) -> Job {
    var job = job
    if job.number == 0 { job.number = (all.map { $0.number }.max() ?? 0) + 1 }
    all.append(job)
    if inBackground { lastStarted = job.last }
    return job
  }

  /// The current job is the one stopped or started last; `-` is the one before.
  func find(_ name: [UInt8]?) -> Int? {
    guard var name else { return all.indices.last }
    if name.first == 0x25 { name.removeFirst() }
    if name.isEmpty || name.equals("+") || name.equals("%") { return all.indices.last }
    if name.equals("-") { return all.indices.dropLast().last ?? all.indices.last }
    if let number = name.decimal { return all.firstIndex { UInt64($0.number) == number } }
    if name.first == 0x3f {
      name.removeFirst()
      return all.lastIndex { $0.text.position(of: name) != nil }
    }
    return all.lastIndex { $0.text.hasPrefix(name) }
  }

  mutating func remove(at index: Int) -> Job { all.remove(at: index) }

  var hasStopped: Bool { all.contains { $0.isStopped } }

  func list(_ words: ArraySlice<[UInt8]>) -> Int32 {
    let showsNumbers = words.first?.equals("-p") ?? false
    for (index, job) in all.enumerated() {
      if showsNumbers {
        say("\(job.group)\n")
      } else {
        job.say(job.state, mark: mark(index))
      }
    }
    return 0
  }

  private func mark(_ index: Int) -> UInt8 {
    index == all.count - 1 ? 0x2b : index == all.count - 2 ? 0x2d : 0x20
  }

  /// Waits until a job has ended or stopped; the terminal is the shell's again afterwards.
  mutating func waitInForeground(_ job: Job, _ shell: Shell) -> Int32 {
    var job = job
    while !job.processes.isEmpty, !job.isStopped {
      do throws(SystemError) {
        let (pid, news) = try Process.wait(for: -1, .untraced)
        if job.processes.contains(pid) {
          job.note(pid, news)
        } else {
          note(pid, news)
        }
      } catch {
        if error != .interrupted { break }
      }
    }
    if shell.controlsJobs {
      Terminal.setForeground(Process.group)
      takeTerminal(from: &job)
    }
    if job.isStopped {
      job = add(job)
      say("\n")
      job.say(job.state, mark: 0x2b)
    } else if case .killed(let signal) = job.status {
      if signal == .interrupt { Interrupt.isPending = true }
      // The kernel itself has said what an exception was.
      let isSaid = [4, 7, 8, 11, 2, 13].contains(signal.rawValue)
      if shell.controlsJobs, !isSaid {
        say(bytes: job.text)
        say(": killed by \(signal.name)\n")
      }
    }
    return job.status.shellCode
  }

  /// What a command was asked to change (`stty`) stays; what a stopped or killed one had changed for itself
  /// does not.
  private mutating func takeTerminal(from job: inout Job) {
    let settings = Terminal.settings(of: .input)
    if job.isStopped { job.terminal = settings }
    if !job.isStopped, case .exited = job.status { terminal = settings ?? terminal }
    if settings != terminal { Terminal.set(terminal, of: .input) }
  }

  /// Asks which background processes have changed; says which jobs have ended or stopped.
  mutating func report(_ shell: Shell) {
    while let (pid, news) = try? Process.wait(for: -1, [.noHang, .untraced]), pid != 0 {
      note(pid, news)
    }
    for (index, job) in all.enumerated() where job.processes.isEmpty && shell.controlsJobs {
      // The kernel has said what an exception was.
      if case .killed(let signal) = job.status, [4, 7, 8, 11].contains(signal.rawValue) {
        job.say("Ended by an exception", mark: mark(index))
      } else {
        job.say(job.state, mark: mark(index))
      }
    }
    all.removeAll { $0.processes.isEmpty }
  }

  private mutating func note(_ pid: Int32, _ news: WaitStatus) {
    guard let index = all.firstIndex(where: { $0.processes.contains(pid) }) else { return }
    let wasStopped = all[index].isStopped
    all[index].note(pid, news)
    if all[index].isStopped, !wasStopped { all.append(all.remove(at: index)) }
    if case .stopped = news { return }
    if all.contains(where: { $0.processes.contains(pid) }) { return }
    ended.append((pid, news.shellCode))
    if ended.count > 64 { ended.removeFirst() }
  }

  // MARK: wait

  /// Waits for every background process; nil when a signal has come meanwhile.
  mutating func waitForAll() -> Int32? {
    while all.contains(where: { !$0.isStopped && !$0.processes.isEmpty }) {
      guard waitOnce() else { return nil }
    }
    ended = []
    return 0
  }

  /// Waits for a process or a job; 127 when there is none of that name.
  mutating func wait(for name: [UInt8]) -> Int32? {
    var pid: Int32
    if name.first == 0x25 {
      guard let index = find(name) else { return 127 }
      pid = all[index].last
    } else {
      guard let number = name.decimal, number <= UInt64(Int32.max) else { return 127 }
      pid = Int32(number)
    }
    while all.contains(where: { $0.processes.contains(pid) }) {
      guard waitOnce() else { return nil }
    }
    guard let index = ended.firstIndex(where: { $0.pid == pid }) else { return 127 }
    return ended.remove(at: index).code
  }

  private mutating func waitOnce() -> Bool {
    do throws(SystemError) {
      let (pid, news) = try Process.wait(for: -1, .untraced)
      note(pid, news)
      return true
    } catch {
      if error == .interrupted { return !Interrupt.isPending && !Traps.isPending }
      // There are no children: what the list says of them is over.
      for index in all.indices { all[index].processes = [] }
      return true
    }
  }

  // MARK: kill

  /// Sends a signal to what a job's name or a process number means.
  func send(_ signal: Signal, to name: [UInt8], _ shell: Shell) throws(SystemError) {
    guard name.first == 0x25 else {
      guard let pid = name.signedDecimal else { throw .invalidArgument }
      return try Process.send(signal, to: Int32(truncatingIfNeeded: pid))
    }
    guard let index = find(name) else { throw .noSuchProcess }
    let job = all[index]
    if shell.controlsJobs {
      try Process.send(signal, to: -job.group)
      // What is stopped would not notice.
      let isNoted = signal == .terminate || signal == .hangUp
      if job.isStopped, isNoted { try Process.send(.continue, to: -job.group) }
    } else {
      for pid in job.processes { try Process.send(signal, to: pid) }
    }
  }
}
