/// The memory limit of a group of processes. Who would exceed it makes room among the group's own pages;
/// when nothing is left there, one of the group has to go. Others notice nothing.
///
/// There are no lists of a group's pages: its processes' page tables are gone through, up to three times. Each
/// time takes the pages that nobody has used since the last one.
///
/// An instruction needs some pages at once: its code, what it reads, what it writes. Under a limit below that,
/// each page would drive out the one before for ever. So who faults again with all registers as they were has
/// got nowhere; and when nobody in the group gets anywhere, one of it has to go as well.
/// Lock: `lock` for the request, which the thread of `Reclaim` serves.
import KernelArch

enum GroupMemory {
  private static let lock = Mutex("group memory")
  private static let finished = WaitQueue()

  /// Makes what would otherwise be made at its first use, under a lock.
  static func prepare() { _ = finished }

  /// What the reclaim thread is to do, and what became of it.
  nonisolated(unsafe) private static var request: Unmanaged<SchedulingGroup>?
  nonisolated(unsafe) private static var isPending: UInt32 = 0
  nonisolated(unsafe) private static var found = 0

  /// Processes of which a thread is in the group.
  static func processes(of group: SchedulingGroup) -> [Process] {
    var processes: [Process] = []
    for thread in Scheduler.threads where thread.group === group {
      guard let process = thread.process, !processes.contains(where: { $0 === process }) else {
        continue
      }
      processes.append(process)
    }
    return processes
  }

  /// Pages that the processes of a group have in memory; what they share counts for each.
  static func pages(of group: SchedulingGroup) -> UInt64 {
    var pages: UInt64 = 0
    for process in processes(of: group) { pages += process.space.pageCount }
    return pages
  }

  /// The running thread's group, if it has reached its limit.
  ///
  /// Groups without a limit cost nothing.
  static var exhausted: SchedulingGroup? {
    guard let group = Scheduler.running?.group, group.memoryLimit != .max,
      (pages(of: group) + 1) * pageSize > group.memoryLimit
    else { return nil }
    return group
  }

  /// Makes the running thread's group stay within its limit; false when that cannot be.
  static func keepLimit(for space: AddressSpace) -> Bool {
    while let group = exhausted {
      let isStuck = getsNowhere(group)
      if !isStuck, Reclaim.mayWait, makeRoom(in: group) || exhausted == nil { continue }
      group.faultsInVain = 0
      guard OutOfMemory.killSomebody(insteadOf: space, in: group) else { return false }
    }
    return true
  }

  /// Notes at a page fault of a program whether its thread has executed anything since the last one.
  static func note(_ frame: UnsafeMutablePointer<trap_frame>) {
    // Who faults in the kernel has at least come there.
    guard frame.pointee.cs & 3 == 3, let thread = Scheduler.running, let group = thread.group,
      group.memoryLimit != .max
    else { return }
    let state = digest(frame)
    if state == thread.faultState {
      _ = atomic_add32(&group.faultsInVain, 1)
    } else {
      thread.faultState = state
      group.faultsInVain = 0
    }
  }

  /// All registers in one number.
  private static func digest(_ frame: UnsafeMutablePointer<trap_frame>) -> UInt64 {
    let words = UnsafeMutableRawPointer(frame).assumingMemoryBound(to: UInt64.self)
    var digest: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in 0..<MemoryLayout<trap_frame>.size / 8 where index != errorIndex {
      digest = (digest ^ words[index]) &* 0x0000_0100_0000_01b3
    }
    return digest
  }

  /// What the fault was about is no register.
  private static let errorIndex = 16

  /// No instruction needs so many pages, not even if every thread of the group tries one.
  private static func getsNowhere(_ group: SchedulingGroup) -> Bool {
    let mostPages: UInt32 = 64
    guard group.faultsInVain > mostPages else { return false }
    var threads: UInt32 = 0
    for thread in Scheduler.threads where thread.group === group { threads += 1 }
    return group.faultsInVain > mostPages * threads
  }

  /// Asks for some of the group's pages to be taken away; false when none was.
  private static func makeRoom(in group: SchedulingGroup) -> Bool {
    lock.withLock {
      request = Unmanaged.passUnretained(group)
      found = 0
      atomic_store32(&isPending, 1)
      Reclaim.wakeForGroup()
      _ = finished.wait(as: .uninterruptible) { atomic_load32(&isPending) == 0 }
      return found > 0
    }
  }

  // MARK: The reclaim thread's part

  static var isWanted: Bool { atomic_load32(&isPending) != 0 }

  static func serve() {
    guard isWanted, let group = request else { return }
    found = group._withUnsafeGuaranteedRef { shrink($0) }
    atomic_store32(&isPending, 0)
    finished.wakeAll()
  }

  private static let goal = 32

  private static func shrink(_ group: SchedulingGroup) -> Int {
    var taken = 0
    for _ in 0..<3 where taken < goal {
      for process in processes(of: group) where taken < goal {
        taken += shrink(process.space, by: goal - taken)
      }
    }
    return taken
  }

  /// One round through a space; returns how many pages it has lost.
  private static func shrink(_ space: AddressSpace, by wanted: Int) -> Int {
    var taken = 0
    var address: UInt64 = 0
    while taken < wanted, address < Layout.userSpace.upperBound {
      var batch = InlineArray<32, UInt64>(repeating: 0)
      var count = 0
      // A space that ends has left the registry before its tables go.
      let isThere: Bool = AddressSpace.registry.withLock {
        guard AddressSpace.all.contains(where: { $0.toOpaque() == space.identity }) else {
          return false
        }
        space.tableLock.withLock {
          address = space.collectUnused(from: address) { frame in
            guard count < min(32, wanted - taken), Frames.isolate(frame) else { return }
            batch[count] = frame.value
            count += 1
          }
        }
        return true
      }
      guard isThere else { return taken }
      for index in 0..<count {
        let frame = PhysicalAddress(batch[index])
        if MemoryObject.lifetime.withLock({ Reclaim.evict(frame) }) { taken += 1 }
      }
    }
    return taken
  }
}

extension AddressSpace {
  fileprivate var identity: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

  /// Calls `body` for some pages that were not used since the last time; returns where to go on.
  ///
  /// `tableLock` is held, so they are not too many at once.
  fileprivate func collectUnused(from start: UInt64, _ body: (PhysicalAddress) -> Void) -> UInt64 {
    var address = start
    var steps = 0
    while address < Layout.userSpace.upperBound, steps < 32 {
      let (entry, level) = tables.lowestEntry(LinearAddress(address))
      let value = entry.pointee
      if level == 1, value & PageFlags.present.rawValue != 0 {
        if value & PageFlags.accessed.rawValue != 0 {
          entry.pointee = value & ~PageFlags.accessed.rawValue
        } else {
          body(PhysicalAddress(value & PageTables.addressMask))
        }
        steps += 1
      }
      let size: UInt64 = 1 << UInt64(3 + 9 * level)
      address = (address & ~(size - 1)) &+ size
    }
    return address
  }
}
