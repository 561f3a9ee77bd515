/// Where a process's limits are kept to, beside the places that ask `Process.limits` themselves: its
/// descriptor table and its address space have copies, since they do not know their process.
import KernelArch

extension Process {
  /// Nanoseconds that its threads have run for, those that have left too.
  var processorTime: UInt64 {
    Processes.lock.withLockIRQ { processorTimeLocked }
  }

  private var processorTimeLocked: UInt64 {
    var sum = usage.nanoseconds
    for thread in threads { sum += thread.ticks * Clock.nanosecondsPerTick }
    return sum
  }

  /// Takes over another's limits, before the first thread runs.
  func inheritLimits(of parent: Process) {
    limits = parent.limits
    applyLimits()
  }

  func applyLimits() {
    files?.limit = Int(min(limits[.openFiles].soft, UInt64(FileTable.capacity)))
    space.take(limits)
    isTimed = limits[.processorTime].soft != ResourceLimit.infinity
  }

  /// In the tick that finds one of its threads running.
  func checkProcessorTime() {
    let second: UInt64 = 1_000_000_000
    Processes.lock.withLockIRQ {
      let used = processorTimeLocked / second
      let limit = limits[.processorTime]
      if used >= limit.hard {
        Processes.endLocked(self, .signaled(.kill, dumped: false))
      } else if used >= max(limit.soft, nextTimeWarning) {
        nextTimeWarning = used + 1
        Signals.sendLocked(.processorTime, to: self, Signals.fromKernel())
      }
    }
  }
}

extension Processes {
  /// Whether the user of `process` may have one more thread (RLIMIT_NPROC); the superuser always may.
  static func isWithinUsersLimit(_ process: Process) -> Bool {
    let limit = process.limits[.processes].soft
    guard limit != ResourceLimit.infinity, let own = process.files?.credentials,
      !own.isSuperuser
    else { return true }
    var count: UInt64 = 0
    lock.withLockIRQ {
      forEachLocked { other in
        guard other.files?.credentials.realUser == own.realUser else { return }
        count += UInt64(other.threads.count)
      }
    }
    return count < limit
  }
}

extension ResourceLimits {
  /// How much of `count` bytes at `position` of a file the running process may write; SIGXFSZ when it is
  /// nothing at all.
  static func writable(_ count: Int, at position: UInt64) throws(SystemFailure) -> Int {
    guard let process = Thread.current.process else { return count }
    let limit = process.limits[.fileSize].soft
    guard limit != ResourceLimit.infinity, count > 0 else { return count }
    guard position < limit else {
      Signals.send(.fileSize, to: process)
      throw SystemFailure(.fileTooLarge)
    }
    return Int(min(UInt64(count), limit - position))
  }
}

// MARK: Calls

extension SystemCalls {
  static func getLimit(_ resource: Int32, _ limit: UInt64) throws(SystemFailure) -> UInt64 {
    guard let resource = Resource(rawValue: resource) else { throw SystemFailure(.invalidArgument) }
    let process = Process.current
    try UserMemory.put(Processes.lock.withLockIRQ { process.limits[resource] }, at: limit)
    return 0
  }

  static func setLimit(_ resource: Int32, _ limit: UInt64) throws(SystemFailure) -> UInt64 {
    // A null pointer is a mistake here, and in prlimit64 it is not.
    guard limit != 0 else { throw SystemFailure(.badAddress) }
    return try changeLimit(0, resource, limit, 0)
  }

  /// `prlimit`: sets a limit and tells what it was, of any process that the caller may control.
  static func changeLimit(
    _ pid: Int32, _ resource: Int32, _ new: UInt64, _ old: UInt64
  ) throws(SystemFailure) -> UInt64 {
    guard let resource = Resource(rawValue: resource) else { throw SystemFailure(.invalidArgument) }
    let wanted = new == 0 ? nil : try UserMemory.get(ResourceLimit(), at: new)
    let process = try JobControl.process(pid)
    guard Permission.mayControl(process) else { throw SystemFailure(.notPermitted) }
    let isSuperuser = Permission.isSuperuser
    let (before, error) = Processes.lock.withLockIRQ { () -> (ResourceLimit, SystemError?) in
      let before = process.limits[resource]
      guard let wanted else { return (before, nil) }
      let error = process.limits.set(resource, wanted, isSuperuser: isSuperuser)
      if error == nil { process.applyLimits() }
      return (before, error)
    }
    if let error { throw SystemFailure(error) }
    if old != 0 { try UserMemory.put(before, at: old) }
    return 0
  }
}
