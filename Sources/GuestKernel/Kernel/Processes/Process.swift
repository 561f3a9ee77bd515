/// A program being executed in ring 3, in an address space of its own.
import KernelArch

final class Process {
  let pid: Int
  let name: [UInt8]
  var parent: Int
  /// Lock for all of these: interrupts off.
  var space: AddressSpace
  /// Descriptors, root and working directory; set once, before the first thread runs.
  var files: FileTable?
  /// It takes Ctrl-C as a byte.
  var keepsInterrupts = false
  var isWaitingForChild = false
  /// It has been told to end this way, and will before its next instruction in ring 3.
  var pendingEnd: ExitStatus?
  /// It has ended this way; its parent has yet to ask.
  var status: ExitStatus?

  init(pid: Int, name: [UInt8], parent: Int, space: AddressSpace) {
    self.pid = pid
    self.name = name
    self.parent = parent
    self.space = space
  }
}

extension Process {
  /// The one that made the system call or caused the exception; a kernel thread has none.
  static var current: Process {
    guard let process = Thread.current.process else { panic("a kernel thread is no process") }
    return process
  }
}

/// All processes.
///
/// Lock: interrupts off.
enum Processes {
  nonisolated(unsafe) private(set) static var all: [Process] = []
  /// How many have ended; `childEnded` is woken each time.
  nonisolated(unsafe) private static var ends = 0
  private static let childEnded = WaitQueue()

  static func find(_ pid: Int) -> Process? {
    for process in all where process.pid == pid { return process }
    return nil
  }

  static func add(_ process: Process) { all.append(process) }

  /// Tells a process to end; the first reason counts.
  ///
  static func end(_ process: Process, _ status: ExitStatus) {
    guard process.status == nil else { return }
    if process.pendingEnd == nil { process.pendingEnd = status }
    for thread in Scheduler.threads where thread.process === process {
      thread.interrupt(fatal: true)
    }
  }

  /// The running process ends: its parent learns how, its children become nobody's.
  @inline(never)
  static func finishRunning() {
    guard let process = Scheduler.running?.process else { return }
    process.files?.closeAll()
    process.status = process.pendingEnd ?? .killed
    if Console.foreground == process.pid { Console.foreground = process.parent }
    for child in all where child.parent == process.pid { child.parent = 0 }
    all.removeAll { $0.parent == 0 && $0.status != nil }
    ends += 1
    childEnded.wakeAll()
  }

  /// Waits for a child of `parent`, any or the one with this pid, and forgets it.
  static func wait(
    parent: Int, pid: Int, noHang: Bool
  ) -> Result<(pid: Int, status: ExitStatus), SystemFailure> {
    while true {
      var hasChild = false
      for (index, child) in all.enumerated() where child.parent == parent {
        guard pid == 0 || child.pid == pid else { continue }
        hasChild = true
        if let status = child.status {
          all.remove(at: index)
          return .success((child.pid, status))
        }
      }
      if !hasChild { return .failure(SystemFailure(.noChild)) }
      if noHang { return .failure(SystemFailure(.tryAgain)) }
      let seen = ends
      find(parent)?.isWaitingForChild = true
      defer { find(parent)?.isWaitingForChild = false }
      if childEnded.wait({ ends != seen }) == .interrupted {
        takeInterrupt(parent)
        return .failure(SystemFailure(.interrupted))
      }
    }
  }
}

extension Processes {
  /// Ctrl-C for a process that does not die of it: ends its waiting for a child, if it does that.
  static func interruptWaiting(_ process: Process) -> Bool {
    for thread in Scheduler.threads where thread.process === process {
      guard process.isWaitingForChild else { continue }
      thread.interrupt(fatal: false)
      return true
    }
    return false
  }

  private static func takeInterrupt(_ pid: Int) {
    for thread in Scheduler.threads where thread.id == pid { thread.clearInterruption() }
  }
}

/// A system call's failure, as an error that Swift can pass along.
struct SystemFailure: Error {
  let error: SystemError
  init(_ error: SystemError) { self.error = error }
}
