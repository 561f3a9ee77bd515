/// When reclaim finds nothing more, somebody must go. The process with the highest score does: the one
/// that has the most pages, in memory and in swap, and what the kernel keeps for it, in thousandths of all
/// there is.
///
/// One at a time: nobody else is chosen before the victim has left and its memory is back. If none of many is
/// large, as when a program forks without end, they go together: all of the job but its leader. What the
/// kernel has started itself never goes, and a shell goes after what it has started.
import KernelArch

enum OutOfMemory {
  /// Thousandths of memory and swap that a process has.
  static func score(_ space: AddressSpace) -> UInt64 {
    let all = UInt64(Frames.totalCount + Swap.slots)
    return all == 0 ? 0 : (space.pageCount + space.swappedCount) * 1000 / all
  }

  private static let lock = SpinLock("victims")
  /// Who has been chosen last: a process, or the members of a job.
  ///
  /// Lock for these: `lock`.
  nonisolated(unsafe) private static var victimID = 0
  nonisolated(unsafe) private static var victimJob = 0
  nonisolated(unsafe) private static var patienceEnds: UInt64 = 0
  nonisolated(unsafe) private static var isChoosing = false

  /// Kills the worst process; true when the caller should try again after waiting for its memory, false
  /// when it is the one to go.
  ///
  /// With a group that has exceeded its limit, the victim is one of that. Nothing here asks for memory in
  /// more than small pieces.
  static func killSomebody(
    insteadOf space: AddressSpace, in group: SchedulingGroup? = nil
  ) -> Bool {
    let owner = owner(of: space)
    guard Configuration.OOM_KILLER, !(owner.map { isLeaving($0) } ?? false) else { return false }
    let isSomebodyLeaving = isSomebodyLeaving
    let mayChoose = lock.withLockIRQ {
      if isChoosing || isSomebodyLeaving { return false }
      isChoosing = true
      return true
    }
    defer { if Reclaim.mayWait { Thread.sleep(nanoseconds: 10_000_000) } }
    guard mayChoose else { return true }
    defer { lock.withLockIRQ { isChoosing = false } }
    guard let victim = worst(of: group.map { GroupMemory.processes(of: $0) }) else { return false }
    if group == nil, killJob(outweighing: victim) { return true }
    if let owner {
      let isOwn =
        victim === owner
        || (isCandidate(owner) && pages(owner) >= pages(victim) && !hasChildren(owner))
      kill(isOwn ? owner : victim, group)
      return !isOwn
    }
    // The space of nobody yet: it goes by itself when it is the largest.
    if pages(of: space) >= pages(victim) { return false }
    kill(victim, group)
    return true
  }

  /// The caller's own process goes, since there is nobody else.
  static func end(_ process: Process) {
    if isCandidate(process) { kill(process, nil) }
  }

  // MARK: Killing

  private static func kill(_ victim: Process, _ group: SchedulingGroup?) {
    let place: TextLine = group.map { " in group \(text: $0.name)" } ?? ""
    log(
      "memory",
      "out of memory\(place): killing process \(victim.pid) \(text: victim.name), score \(score(victim.space))"
    )
    note(process: victim.pid, job: 0)
    Processes.lock.withLockIRQ { endQuickly(victim) }
  }

  /// Kills the processes of the youngest one's job, but the leader, when they are many and have more
  /// than the largest single process.
  private static func killJob(outweighing victim: Process) -> Bool {
    let many = 24
    var youngest = 0
    var job = 0
    var count = 0
    var sum: UInt64 = 0
    Processes.lock.withLockIRQ {
      Processes.forEachLocked {
        guard $0.pid > youngest, isFollower($0, of: $0.group) else { return }
        (youngest, job) = ($0.pid, $0.group)
      }
      Processes.forEachLocked {
        guard isFollower($0, of: job) else { return }
        count += 1
        sum += pages($0)
      }
    }
    guard count >= many, sum >= 2 * pages(victim) else { return false }
    log("memory", "out of memory: killing the \(count) processes of job \(job)")
    note(process: 0, job: job)
    Processes.lock.withLockIRQ {
      Processes.forEachLocked { if isFollower($0, of: job) { endQuickly($0) } }
    }
    return true
  }

  private static func isFollower(_ process: Process, of job: Int) -> Bool {
    process.group == job && process.pid != job && isCandidate(process) && !isShell(process)
  }

  /// The end of a victim must not have to wait for its turn: all others wait for its memory.
  private static func endQuickly(_ victim: Process) {
    MemoryStatistics.count(.kills)
    Processes.endLocked(victim, .signaled(.kill, dumped: false))
    for thread in victim.threads where thread.policy.isFair { thread.setNice(-20) }
  }

  private static func note(process: Int, job: Int) {
    let patience: UInt64 = 10_000_000_000
    lock.withLockIRQ {
      (victimID, victimJob) = (process, job)
      patienceEnds = Clock.nanoseconds + patience
    }
  }

  /// True while a victim has not been cleared away, though not for ever.
  private static var isSomebodyLeaving: Bool {
    let (id, job, end) = lock.withLockIRQ { (victimID, victimJob, patienceEnds) }
    guard Clock.nanoseconds < end else { return false }
    return Processes.lock.withLockIRQ {
      var isThere = false
      Processes.forEachLocked {
        guard $0.pid == id || (job != 0 && $0.group == job) else { return }
        if isLeaving($0), $0.users > 0 { isThere = true }
      }
      return isThere
    }
  }

  // MARK: Choosing

  private static func owner(of space: AddressSpace) -> Process? {
    if let process = Scheduler.running?.process, process.space === space { return process }
    return Processes.lock.withLockIRQ {
      var owner: Process?
      Processes.forEachLocked { if $0.space === space { owner = $0 } }
      return owner
    }
  }

  private static func isLeaving(_ process: Process) -> Bool {
    process.pendingEnd != nil || process.status != nil
  }

  private static func isCandidate(_ process: Process) -> Bool {
    !isLeaving(process) && !process.isProtected
  }

  private static func hasChildren(_ process: Process) -> Bool {
    Processes.lock.withLockIRQ { process.children.contains { $0.status == nil } }
  }

  /// The largest process without children, since those of a parent would be nobody's; or the largest.
  ///
  /// Of the given ones, or of all.
  private static func worst(of some: [Process]?) -> Process? {
    var worst: Process?
    var worstParent: Process?
    func look(_ process: Process) {
      guard isCandidate(process) else { return }
      if isShell(process) || process.children.contains(where: { $0.status == nil }) {
        if worstParent.map({ pages($0) < pages(process) }) ?? true { worstParent = process }
      } else if worst.map({ pages($0) < pages(process) }) ?? true {
        worst = process
      }
    }
    Processes.lock.withLockIRQ {
      if let some { some.forEach(look) } else { Processes.forEachLocked(look) }
    }
    return worst ?? worstParent
  }

  /// The leader of a session, as long as it is not large itself.
  private static func isShell(_ process: Process) -> Bool {
    process.pid == process.session && pages(process) < UInt64(Frames.totalCount / 8)
  }

  private static func pages(_ process: Process) -> UInt64 {
    pages(of: process.space) + UInt64(process.users) * (KernelStacks.size / pageSize)
      + UInt64(process.files?.count ?? 0)
  }

  /// In memory and in swap, and what the list of areas takes.
  private static func pages(of space: AddressSpace) -> UInt64 {
    space.pageCount + space.swappedCount + UInt64(space.areas.count / 64)
  }
}
