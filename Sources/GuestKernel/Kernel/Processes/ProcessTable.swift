/// The process table: every process by its number, and their family.
///
/// Lock order: `Processes.lock`, then a wait queue's, then a run queue's. It is taken by interrupt handlers
/// too, since Ctrl-C and timers send signals.
import KernelArch

enum Processes {
  static let lock = SpinLock("processes")
  /// The most threads there may be at once: their stacks take no more than a part of memory.
  static var limit: Int { max(256, min(4096, Frames.totalCount / 64)) }

  private static let startLock = SpinLock("thread limit")
  /// Threads that are being made and may not be counted yet (lock: `startLock`).
  nonisolated(unsafe) private static var starting = 0

  /// Whether `process` may have another thread, its own or a child's; if so `didStartThread` follows.
  ///
  /// A session's leader may have the last ones: who else could clear up?
  static func mayStartThread(_ process: Process) -> Bool {
    let reserve = process.pid == process.session ? 0 : 16
    let own = lock.withLockIRQ { process.threads.count }
    guard own < limit / 2, isWithinUsersLimit(process) else { return false }
    return startLock.withLock {
      guard Scheduler.threadCount + starting + reserve < limit else { return false }
      starting += 1
      return true
    }
  }

  /// The thread is among the others now, or has not come to be.
  static func didStartThread() { startLock.withLock { starting -= 1 } }
  /// The kernel thread that adopts orphans.
  static let adopter = 1

  private static let table = IdentifierTable<Process>()
  /// The children of the kernel's init thread; every process has a place here, should its parent end.
  private static let adopted = GuardedList<Process>()
  static let adoptedChanged = WaitQueue()

  static var count: Int { lock.withLockIRQ { table.count } }

  /// All of them, zombies too, by number.
  static var all: [Process] { table.entries.snapshot(under: lock).map { $0.value } }

  /// Calls `body` for each of them, by number, without asking for memory.
  ///
  /// Holds the lock.
  static func forEachLocked(_ body: (Process) -> Void) { table.forEach(body) }

  static func find(_ pid: Int) -> Process? { lock.withLockIRQ { locked(pid) } }

  /// The same for those who hold the lock.
  static func locked(_ pid: Int) -> Process? { table[pid] }

  /// Makes a process known, and its parent's child.
  ///
  /// Who is told to end while it forks ends with its child, so that none of a group escapes.
  static func add(_ process: Process) {
    table.entries.makeRoom(lock)
    adopted.makeRoom(lock)
    find(process.parent)?.children.makeRoom(lock)
    lock.withLockIRQ {
      defer {
        if let end = table[process.parent]?.pendingEnd { endLocked(process, end) }
      }
      table.insert(process, process.pid)
      addChild(process)
    }
  }

  private static func addChild(_ child: Process) {
    if let parent = table[child.parent] {
      parent.children.append(child)
    } else {
      child.parent = adopter
      adopted.append(child)
    }
  }

  /// Forgets a zombie.
  ///
  /// Holds the lock.
  static func forget(_ zombie: Process) {
    table.remove(zombie.pid)
    if let parent = table[zombie.parent] {
      parent.children.removeAll { $0 === zombie }
      adopted.withdraw()
    } else {
      adopted.removeAll { $0 === zombie }
    }
  }

  /// The children of a process, or the adopted ones.
  ///
  /// Holds the lock.
  static func children(of parent: Int) -> GuardedList<Process> {
    table[parent]?.children ?? adopted
  }

  static func childChanged(_ parent: Int) -> WaitQueue {
    table[parent]?.childChanged ?? adoptedChanged
  }

  /// Calls `body` for all processes of a group; returns whether there was one.
  ///
  /// Holds the lock.
  static func forEach(inGroup group: Int, _ body: (Process) -> Void) -> Bool {
    var found = false
    table.forEach { process in
      guard process.group == group, process.status == nil else { return }
      found = true
      body(process)
    }
    return found
  }

  /// A parent's children become init's; those that have ended already are for it to ask.
  ///
  /// Holds the lock.
  static func orphan(childrenOf parent: Process) {
    for child in parent.children {
      child.parent = adopter
      adopted.append(child)
    }
    if !parent.children.isEmpty { adoptedChanged.wakeAll() }
    parent.children.removeAll { _ in true }
  }
}
