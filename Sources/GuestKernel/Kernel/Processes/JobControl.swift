/// Process groups and sessions: what a shell calls a job, and what one login starts.
///
/// The terminal sends its signals to the group in its foreground; a group whose members have no parent in
/// the same session outside of it is orphaned: nobody could ever continue it.
import KernelArch

enum JobControl {
  /// `setpgid`: the caller or one of its children goes to a group of the same session.
  static func setGroup(_ pid: Int, _ group: Int) throws(SystemFailure) {
    let caller = Process.current
    let failure = Processes.lock.withLockIRQ { () -> SystemError? in
      guard group >= 0 else { return .invalidArgument }
      guard let process = pid == 0 ? caller : Processes.locked(pid), process.status == nil else {
        return .noSuchProcess
      }
      guard process === caller || process.parent == caller.pid else { return .noSuchProcess }
      if process !== caller, process.hasExecuted { return .accessDenied }
      guard process.session == caller.session, process.session != process.pid else {
        return .notPermitted
      }
      let wanted = group == 0 ? process.pid : group
      if wanted != process.pid {
        var isInSession = false
        // A member that has ended still holds the group until it is waited for.
        Processes.forEachLocked {
          if $0.group == wanted, $0.session == process.session { isInSession = true }
        }
        guard isInSession else { return .notPermitted }
      }
      process.group = wanted
      return nil
    }
    if let failure { throw SystemFailure(failure) }
  }

  /// `setsid`: a session and a group of its own, without a terminal.
  static func makeSession() throws(SystemFailure) -> UInt64 {
    let caller = Process.current
    let isLeader = Processes.lock.withLockIRQ { () -> Bool in
      if Processes.forEach(inGroup: caller.pid, { _ in }) { return true }
      caller.session = caller.pid
      caller.group = caller.pid
      return false
    }
    if isLeader { throw SystemFailure(.notPermitted) }
    return UInt64(caller.pid)
  }

  /// The process of that number, or the caller for 0.
  static func process(_ pid: Int32) throws(SystemFailure) -> Process {
    if pid == 0 { return Process.current }
    guard let process = Processes.find(Int(pid)) else { throw SystemFailure(.noSuchProcess) }
    return process
  }

  /// Holds the lock.
  static func isOrphaned(_ group: Int) -> Bool {
    var hasGuardian = false
    _ = Processes.forEach(inGroup: group) { member in
      guard let parent = Processes.locked(member.parent) else { return }
      if parent.group != group, parent.session == member.session { hasGuardian = true }
    }
    return !hasGuardian
  }
}
