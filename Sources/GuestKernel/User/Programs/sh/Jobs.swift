/// Jobs: groups of processes that were started together, in the foreground, stopped, or in the
/// background. A job's number is that of its first process.
import Apus

struct Job {
  var group: Int32
  /// Those that have not ended.
  var processes: [Int32]
  var text: [UInt8]
  var isStopped = false
  /// How the last command of the pipeline ended.
  var status = WaitStatus.exited(code: 0)
  private let last: Int32

  init(group: Int32, processes: [Int32], text: [UInt8]) {
    self.group = group
    self.processes = processes
    self.text = text
    last = processes.last ?? 0
  }

  var number: Int32 { group }

  mutating func note(_ pid: Int32, _ news: WaitStatus) {
    switch news {
    case .stopped:
      isStopped = true
      status = news
    case .continued:
      isStopped = false
    case .exited, .killed:
      processes.removeAll { $0 == pid }
      if pid == last { status = news }
    }
  }
}

struct Jobs {
  private(set) var all: [Job] = []
  private(set) var lastStarted: Int32 = 0
  /// Something runs that Ctrl-C should end between two commands.
  var isRunningScript = false

  mutating func add(_ job: Job) {
    all.append(job)
    lastStarted = job.processes.last ?? job.group
  }

  func find(_ name: [UInt8]?) -> Int? {
    guard let name else { return all.indices.last }
    let digits = name.first == 0x25 ? Array(name.dropFirst()) : name
    guard let number = digits.decimal else { return nil }
    return all.firstIndex { UInt64($0.number) == number }
  }

  mutating func remove(at index: Int) -> Job { all.remove(at: index) }

  /// Waits until a job has ended or stopped; the terminal is the shell's again afterwards.
  mutating func waitInForeground(_ job: Job, _ shell: Shell) -> Int32 {
    var job = job
    while !job.processes.isEmpty, !job.isStopped {
      do throws(SystemError) {
        let (pid, news) = try Process.wait(for: -1, .untraced)
        if job.processes.contains(pid) {
          job.note(pid, news)
        } else {
          note(pid, news, says: shell.controlsJobs)
        }
      } catch {
        if error != .interrupted { break }
        if !shell.controlsJobs, Interrupt.isPending { break }
      }
    }
    if shell.controlsJobs { Terminal.setForeground(Process.group) }
    if job.isStopped {
      add(job)
      say("\n[\(job.number)] \(text: job.text) stopped\n")
    } else if case .killed(let signal) = job.status {
      if signal == .interrupt, !shell.controlsJobs { Interrupt.isPending = true }
      if shell.controlsJobs, signal == .interrupt { Interrupt.isPending = true }
      // The kernel itself has said what an exception was.
      let isSaid = [4, 7, 8, 11, 2, 13].contains(signal.rawValue)
      if shell.controlsJobs, !isSaid {
        say("\(text: job.text): killed by \(signal.name)\n")
      }
    }
    return job.status.shellCode
  }

  /// Asks which background processes have changed, and says so.
  mutating func report(_ shell: Shell) {
    while true {
      do throws(SystemError) {
        let (pid, news) = try Process.wait(for: -1, [.noHang, .untraced])
        if pid == 0 { return }
        note(pid, news, says: shell.controlsJobs)
      } catch {
        return
      }
    }
  }

  /// Waits for every background process, or for one job; false when it was interrupted.
  mutating func wait(for number: Int32?, _ shell: Shell) -> Bool {
    while all.contains(where: { !$0.isStopped && (number == nil || $0.number == number) }) {
      do throws(SystemError) {
        let (pid, news) = try Process.wait(for: -1, .untraced)
        note(pid, news, says: shell.controlsJobs)
      } catch {
        return error == .noChild
      }
    }
    return true
  }

  private mutating func note(_ pid: Int32, _ news: WaitStatus, says: Bool) {
    for index in all.indices where all[index].processes.contains(pid) {
      let wasStopped = all[index].isStopped
      all[index].note(pid, news)
      let job = all[index]
      if job.processes.isEmpty {
        all.remove(at: index)
        if says { sayEnd(of: job) }
      } else if job.isStopped, !wasStopped, says {
        say("[\(job.number)] \(text: job.text) stopped\n")
      }
      return
    }
  }

  private func sayEnd(of job: Job) {
    let name = job.text
    switch job.status {
    case .exited(let code): say("[\(job.number)] \(text: name) ended, exit code \(code)\n")
    case .killed(let signal) where [4, 7, 8, 11].contains(signal.rawValue):
      say("[\(job.number)] \(text: name) ended by an exception\n")
    case .killed(let signal): say("[\(job.number)] \(text: name) killed by \(signal.name)\n")
    case .stopped, .continued: break
    }
  }
}

/// What Ctrl-C means to the shell itself: nothing at the prompt, the end of a loop of its own.
enum Interrupt {
  nonisolated(unsafe) static var isPending = false

  static func prepare() {
    SignalAction({ _, _, _ in Interrupt.isPending = true }, flags: []).install(for: .interrupt)
    for signal in [.quit, .terminalStop, .terminalInput, .terminalOutput] as [Signal] {
      SignalAction.ignore.install(for: signal)
    }
  }

  /// In a new process, before it becomes a program.
  static func restoreDefaults() {
    for signal in [.interrupt, .quit, .terminalStop, .terminalInput, .terminalOutput] as [Signal] {
      SignalAction.standard.install(for: signal)
    }
  }
}
