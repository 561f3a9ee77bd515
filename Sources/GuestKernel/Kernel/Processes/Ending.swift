/// How threads and processes end: `exit`, `exit_group`, deadly signals, and the zombie that remains.
///
/// Nobody ends another thread. A process is told to end; each of its threads finds that out on its way
/// back to ring 3 and leaves by itself, and the last one makes the process a zombie. What it stood on,
/// its kernel stack and its page tables, is cleared away by the reaper.
import KernelArch

extension Processes {
  /// Tells a process to end; the first reason counts.
  static func end(_ process: Process, _ status: ExitStatus) {
    lock.withLockIRQ { endLocked(process, status) }
  }

  /// The same for those who hold the lock.
  static func endLocked(_ process: Process, _ status: ExitStatus) {
    guard process.status == nil, process.pendingEnd == nil else { return }
    process.pendingEnd = status
    process.stopSignal = nil
    process.resumed.wakeAll()
    for thread in process.threads { thread.interrupt(fatal: true) }
  }

  /// The running thread leaves its process; the caller then ends it.
  @inline(never)
  static func leave() {
    let thread = Thread.current
    guard let process = thread.process, let user = thread.user else { return }
    releaseThread(user)
    // Of threads that leave together, one must find itself the last.
    let isLast = lock.withLockIRQ {
      process.leavingThreads += 1
      return process.leavingThreads == process.threads.count
    }
    if isLast {
      closeFiles(process)
      // Before the parent hears of the end: then the program's file may be written to, and unmounted.
      process.space.clear()
    }
    lock.withLockIRQ {
      process.leavingThreads -= 1
      process.threads.removeAll { $0 === thread }
      process.usage.nanoseconds += thread.ticks * Clock.nanosecondsPerTick
      if process.threads.isEmpty {
        let status = process.pendingEnd ?? .exited(code: user.exitCode ?? 0)
        becomeZombie(process, status)
      }
    }
  }

  /// What `set_tid_address` and CLONE_CHILD_CLEARTID promise to those who wait for the thread.
  private static func releaseThread(_ user: UserThread) {
    guard user.clearAtExit != 0 else { return }
    guard UserMemory.write(record: 0 as UInt32, to: user.clearAtExit) else { return }
    for isPrivate in [false, true] {
      if let key = try? Futex.key(user.clearAtExit, isPrivate: isPrivate) {
        Futex.wake(key, most: 1)
      }
    }
  }

  private static func closeFiles(_ process: Process) {
    process.files?.closeAll()
    process.realTimer?.cancel()
    process.deleteTimers()
    process.tracer = nil
    // A program that was started in the foreground gives it back, unless others of its group are left: the
    // first program of a pipeline often ends before the one that asks the user.
    if Console.foreground == process.group, process.group == process.pid, isLast(process) {
      Console.foreground = find(process.parent)?.group ?? 0
    }
  }

  private static func isLast(_ process: Process) -> Bool {
    lock.withLockIRQ {
      var members = 0
      _ = forEach(inGroup: process.group) { _ in members += 1 }
      return members <= 1
    }
  }

  /// Holds the lock.
  private static func becomeZombie(_ process: Process, _ status: ExitStatus) {
    Trace.record(.processExit, UInt64(status.word))
    process.status = status
    process.news = nil
    orphan(childrenOf: process)
    guard let parent = locked(process.parent) else {
      adoptedChanged.wakeAll()
      return
    }
    let action = parent.actions[Int(Signal.child.number)]
    let nobodyAsks =
      action.handler == SignalAction.ignore || action.flags & SignalAction.noChildWait != 0
    if nobodyAsks { forget(process) }
    Signals.sendLocked(.child, to: parent, Signals.record(of: process, status))
    parent.childChanged.wakeAll()
  }
}

/// What a child has to tell its parent.
struct ChildNews {
  let pid: Int
  let status: ExitStatus
  let nanoseconds: UInt64
}

/// Which children are waited for.
enum ChildSelection {
  case any
  case pid(Int)
  case group(Int)

  /// From the first argument of `wait4`.
  init(_ pid: Int32, caller: Process) {
    if pid > 0 {
      self = .pid(Int(pid))
    } else if pid == 0 {
      self = .group(caller.group)
    } else if pid == -1 {
      self = .any
    } else {
      self = .group(-Int(pid))
    }
  }

  func matches(_ process: Process) -> Bool {
    switch self {
    case .any: true
    case .pid(let pid): process.pid == pid
    case .group(let group): process.group == group
    }
  }
}

extension Processes {
  private enum Search {
    case found(ChildNews)
    case nothingYet
    case noChild
  }

  /// Waits until a child of `parent` has something to tell.
  static func wait(
    parent: Int, _ selection: ChildSelection, _ options: WaitOptions
  ) throws(SystemFailure) -> ChildNews? {
    let queue = lock.withLockIRQ { childChanged(parent) }
    var result = Search.nothingYet
    let waited = queue.wait {
      result = search(parent, selection, options)
      if case .nothingYet = result { return options.contains(.noHang) }
      return true
    }
    switch result {
    case .found(let news): return news
    case .noChild: throw SystemFailure(.noChild)
    case .nothingYet:
      if waited == .interrupted { throw SystemFailure(.interrupted) }
      return nil
    }
  }

  private static func search(
    _ parent: Int, _ selection: ChildSelection, _ options: WaitOptions
  ) -> Search {
    lock.withLockIRQ {
      var hasChild = false
      for child in children(of: parent) where selection.matches(child) {
        hasChild = true
        if let status = child.status {
          guard options.contains(.exited) else { continue }
          let news = ChildNews(
            pid: child.pid, status: status, nanoseconds: child.usage.nanoseconds)
          if !options.contains(.noWait) { collect(child, parent) }
          return .found(news)
        }
        if let news = child.news, isWanted(news, options) {
          if !options.contains(.noWait) { child.news = nil }
          return .found(
            ChildNews(pid: child.pid, status: news, nanoseconds: child.usage.nanoseconds))
        }
      }
      return hasChild ? .nothingYet : .noChild
    }
  }

  private static func isWanted(_ news: ExitStatus, _ options: WaitOptions) -> Bool {
    if case .stopped = news { return options.contains(.stopped) }
    return news == .continued && options.contains(.continued)
  }

  private static func collect(_ zombie: Process, _ parent: Int) {
    if let parent = locked(parent) {
      parent.usage.childrenNanoseconds +=
        zombie.usage.nanoseconds + zombie.usage.childrenNanoseconds
    }
    forget(zombie)
  }
}
