/// What a process knows of files: its descriptors, its root and working directory, its umask.
///
/// `fork` copies the table, so that parent and child share open files with their positions; `exec`
/// closes the descriptors that are marked so. Threads of a process share one table.
import KernelArch

final class FileTable {
  private struct Slot {
    let file: OpenFile
    var closesOnExec: Bool
  }

  static let capacity = Int(ResourceLimits.mostOpenFiles)

  private let lock = SpinLock("descriptors")
  /// Lock for all of these: `lock`.
  private var slots: [Slot?] = []
  private var rootPath: Path
  private var currentPath: Path
  private(set) var umask: UInt16 = 0o022
  /// One more than the greatest descriptor it gives out: RLIMIT_NOFILE.
  ///
  /// Lock: none, one word.
  var limit = FileTable.capacity
  private let credentialsLock = SpinLock("credentials")
  /// Lock: `credentialsLock`, inside of `Processes.lock` too.
  private var currentCredentials = Credentials()

  init(root: Path, current: Path) {
    rootPath = root
    currentPath = current
    _ = current.inode.hold()
    // All that it will need: under the lock nobody may wait for memory.
    slots.reserveCapacity(FileTable.capacity)
  }

  /// A table for a program that the kernel starts: descriptors 0, 1 and 2 are the console.
  static func initial() -> FileTable {
    let root = Mounts.root
    let table = FileTable(root: root, current: root)
    let console = Terminal.console.open(.readWrite)
    for _ in 0..<2 { console.hold() }
    for _ in 0..<3 { table.slots.append(Slot(file: console, closesOnExec: false)) }
    return table
  }

  /// Of the running process; nil in a kernel thread.
  static var current: FileTable? { Scheduler.running?.process?.files }

  static func ofCaller() throws(SystemFailure) -> FileTable {
    guard let table = current else { throw SystemFailure(.badDescriptor) }
    return table
  }

  /// Open descriptors.
  var count: Int { lock.withLock { slots.reduce(0) { $1 == nil ? $0 : $0 + 1 } } }

  var base: (root: Path, current: Path) { lock.withLock { (rootPath, currentPath) } }

  func setUmask(_ mask: UInt16) -> UInt16 {
    lock.withLock {
      let old = umask
      umask = mask & 0o777
      return old
    }
  }

  func setCurrent(_ path: Path) throws(SystemFailure) {
    guard path.inode.hold() else { throw SystemFailure(.notFound) }
    let old = lock.withLock {
      let old = currentPath
      currentPath = path
      return old
    }
    old.inode.drop()
  }

  /// In whose name the process acts.
  var credentials: Credentials { credentialsLock.withLockIRQ { currentCredentials } }

  /// False when `change` refuses; then everything is as before.
  func changeCredentials(_ change: (inout Credentials) -> Bool) -> Bool {
    credentialsLock.withLockIRQ {
      var wanted = currentCredentials
      guard change(&wanted) else { return false }
      currentCredentials = wanted
      return true
    }
  }

  func setRoot(_ path: Path) { lock.withLock { rootPath = path } }
}

// MARK: A process's life

extension FileTable {
  /// The child's table.
  func fork() -> FileTable {
    let (root, current) = base
    let child = FileTable(root: root, current: current)
    child.currentCredentials = credentials
    lock.withLock {
      child.umask = umask
      // Not the array itself: whoever wrote first would copy it, under a lock.
      for slot in slots {
        slot?.file.hold()
        child.slots.append(slot)
      }
    }
    return child
  }

  func closeOnExec() {
    for descriptor in 0..<FileTable.capacity {
      let file = lock.withLock { () -> OpenFile? in
        guard descriptor < slots.count, let slot = slots[descriptor], slot.closesOnExec else {
          return nil
        }
        slots[descriptor] = nil
        return slot.file
      }
      file?.drop()
    }
  }

  /// The process ends.
  func closeAll() {
    let (old, current) = lock.withLock {
      let old = slots
      slots = []
      let current = currentPath
      currentPath = rootPath
      return (old, current)
    }
    for slot in old { slot?.file.drop() }
    if !old.isEmpty { current.inode.drop() }
  }
}

// MARK: Descriptors

extension FileTable {
  /// Gives a file the lowest free descriptor, `from` or above.
  func add(
    _ file: OpenFile, from lowest: Int = 0, closesOnExec: Bool = false
  ) throws(SystemFailure) -> Int {
    let descriptor = lock.withLock { () -> Int? in
      var at = lowest
      while at < slots.count, slots[at] != nil { at += 1 }
      guard at < limit else { return nil }
      while slots.count <= at { slots.append(nil) }
      slots[at] = Slot(file: file, closesOnExec: closesOnExec)
      return at
    }
    guard let descriptor else {
      file.drop()
      throw SystemFailure(.tooManyOpenFiles)
    }
    return descriptor
  }

  /// The file of a descriptor, held: the caller drops it.
  func get(_ descriptor: Int) throws(SystemFailure) -> OpenFile {
    let file = lock.withLock { () -> OpenFile? in
      guard descriptor >= 0, descriptor < slots.count, let slot = slots[descriptor] else {
        return nil
      }
      slot.file.hold()
      return slot.file
    }
    guard let file else { throw SystemFailure(.badDescriptor) }
    return file
  }

  func close(_ descriptor: Int) throws(SystemFailure) {
    let file = lock.withLock { () -> OpenFile? in
      guard descriptor >= 0, descriptor < slots.count, let slot = slots[descriptor] else {
        return nil
      }
      slots[descriptor] = nil
      return slot.file
    }
    guard let file else { throw SystemFailure(.badDescriptor) }
    file.drop()
  }

  /// Makes `descriptor` stand for a file that the caller holds; what it stood for is closed.
  func replace(_ descriptor: Int, _ file: OpenFile, closesOnExec: Bool) throws(SystemFailure) {
    guard descriptor >= 0, descriptor < limit else {
      file.drop()
      throw SystemFailure(.badDescriptor)
    }
    let old = lock.withLock { () -> OpenFile? in
      while slots.count <= descriptor { slots.append(nil) }
      let old = slots[descriptor]?.file
      slots[descriptor] = Slot(file: file, closesOnExec: closesOnExec)
      return old
    }
    old?.drop()
  }

  func closesOnExec(_ descriptor: Int) throws(SystemFailure) -> Bool {
    let flag = lock.withLock { () -> Bool? in
      guard descriptor >= 0, descriptor < slots.count else { return nil }
      return slots[descriptor]?.closesOnExec
    }
    guard let flag else { throw SystemFailure(.badDescriptor) }
    return flag
  }

  func setClosesOnExec(_ descriptor: Int, _ flag: Bool) throws(SystemFailure) {
    let isOpen = lock.withLock {
      guard descriptor >= 0, descriptor < slots.count, slots[descriptor] != nil else {
        return false
      }
      slots[descriptor]?.closesOnExec = flag
      return true
    }
    if !isOpen { throw SystemFailure(.badDescriptor) }
  }

  /// The open descriptors, for /proc/PID/fd.
  var descriptors: [Int] {
    var open: [Int] = []
    open.reserveCapacity(FileTable.capacity)
    lock.withLock {
      for descriptor in 0..<slots.count where slots[descriptor] != nil { open.append(descriptor) }
    }
    return open
  }
}
