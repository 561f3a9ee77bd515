/// What /proc/PID says about a process: its state, its family, its signals, its command line.
import KernelArch

enum ProcessReports {
  static func start() {
    ProcFS.addPerProcess("cmdline") { process, text in
      text.append(bytes: Processes.lock.withLockIRQ { process.commandLine })
    }
    ProcFS.addPerProcess("environ") { process, text in
      // Nothing for others: passwords are handed on in it. Asked here and not when it is opened, since the
      // process may meanwhile act in another's name.
      let caller = Permission.callersCredentials
      guard caller.isSuperuser || process.files?.credentials.effectiveUser == caller.effectiveUser
      else { return }
      text.append(bytes: Processes.lock.withLockIRQ { process.environment })
    }
    ProcFS.addPerProcess("comm") { process, text in text.append("\(text: process.name)\n") }
    ProcFS.addPerProcess("limits") { process, text in limits(process, &text) }
    ProcFS.addPerProcess("stat") { process, text in stat(process, &text) }
    ProcFS.addPerProcess("status") { process, text in status(process, &text) }
    ThreadReports.start()
  }

  /// A letter, as `ps` has it.
  private static func state(_ process: Process) -> StaticString {
    if process.status != nil { return "Z" }
    if process.stopSignal != nil { return "T" }
    var isWaiting = false
    for thread in process.threads.snapshot(under: Processes.lock) {
      switch thread.state {
      case .new, .ready, .running: return "R"
      case .uninterruptible, .killable: return "D"
      case .interruptible: isWaiting = true
      case .ended: break
      }
    }
    return isWaiting ? "S" : "X"
  }

  /// One line for programs: pid, name, state, parent, group, session, threads, ticks, children's ticks,
  /// pages.
  private static func stat(_ process: Process, _ text: inout Text) {
    let ticks = process.processorTime / Clock.nanosecondsPerTick
    let childrenTicks = process.usage.childrenNanoseconds / Clock.nanosecondsPerTick
    text.append("\(process.pid) (\(text: process.name)) \(state(process)) \(process.parent)")
    text.append(" \(process.group) \(process.session) \(process.threads.count) \(ticks)")
    text.append(" \(childrenTicks) \(pages(process))\n")
  }

  private static func pages(_ process: Process) -> UInt64 {
    process.status == nil ? process.space.pageCount : 0
  }

  private static func lockedBytes(_ process: Process) -> UInt64 {
    let space = process.space
    return process.status == nil ? space.lock.withLock { space.lockedSize } : 0
  }

  private static func status(_ process: Process, _ text: inout Text) {
    text.append("Name:\t\(text: process.name)\n")
    text.append("State:\t\(state(process))\n")
    text.append("Pid:\t\(process.pid)\nPPid:\t\(process.parent)\n")
    text.append("NSpgid:\t\(process.group)\nNSsid:\t\(process.session)\n")
    text.append("Threads:\t\(process.threads.count)\n")
    text.append("VmLck:\t\(lockedBytes(process) >> 10) kB\n")
    text.append("VmRSS:\t\(pages(process) * pageSize >> 10) kB\n")
    if process.status == nil {
      text.append("Faults:\t\(process.space.minorFaults)\nCopies:\t\(process.space.copies)\n")
    }
    text.append("Children:\t\(process.children.count)\n")
    text.append("Groups:\t")
    for group in process.files?.credentials.groups ?? [] { text.append("\(group) ") }
    text.append("\n")
    let queued = Processes.lock.withLockIRQ { process.pending.count }
    text.append("SigQ:\t\(queued)/\(process.limits[.pendingSignals].soft)\n")
    let (pending, blocked, ignored, caught) = signals(process)
    text.append("SigPnd:\t\(hex: pending, digits: 16)\nSigBlk:\t\(hex: blocked, digits: 16)\n")
    text.append("SigIgn:\t\(hex: ignored, digits: 16)\nSigCgt:\t\(hex: caught, digits: 16)\n")
  }

  /// Soft and hard, in the order of their numbers.
  private static func limits(_ process: Process, _ text: inout Text) {
    let limits = Processes.lock.withLockIRQ { process.limits }
    let names: [(Resource, StaticString)] = [
      (.processorTime, "Max cpu time (seconds)"), (.fileSize, "Max file size (bytes)"),
      (.stack, "Max stack size (bytes)"), (.processes, "Max processes"),
      (.openFiles, "Max open files"), (.lockedMemory, "Max locked memory (bytes)"),
      (.addressSpace, "Max address space (bytes)"), (.pendingSignals, "Max pending signals"),
    ]
    for (resource, name) in names {
      var line: TextLine = "\(name)"
      line.pad(to: 28)
      for (column, value) in [(40, limits[resource].soft), (52, limits[resource].hard)] {
        if value == ResourceLimit.infinity {
          line.append("unlimited")
        } else {
          line.append(decimal: value)
        }
        line.pad(to: column)
      }
      text.append("\(line)\n")
    }
  }

  private static func signals(_ process: Process) -> (UInt64, UInt64, UInt64, UInt64) {
    Processes.lock.withLockIRQ {
      var ignored = SignalSet()
      var caught = SignalSet()
      for number in 1...Signal.count {
        guard let signal = Signal(number) else { continue }
        let handler = process.actions[Int(number)].handler
        if handler == SignalAction.ignore { ignored.insert(SignalSet(signal)) }
        if handler > SignalAction.ignore { caught.insert(SignalSet(signal)) }
      }
      let blocked = process.threads.first?.user?.mask ?? []
      return (process.pending.set.rawValue, blocked.rawValue, ignored.rawValue, caught.rawValue)
    }
  }
}
