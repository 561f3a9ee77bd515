/// One thread that finds frames when they run short: it looks at the pages that were not used for
/// longest and takes those away that can be had again, from a file or from swap.
///
/// Two lists (`PageLists`) approximate which those are. A page at the end of the active list moves to the
/// inactive one; at the end of that it is written out, unless a processor has used it meanwhile: then it
/// is active again. Who needs memory and may sleep waits for the thread; nobody else reclaims, so no
/// lock held by an allocating thread can be wanted twice. It works for all who wait, so it is served
/// before them.
import KernelArch

enum Reclaim {
  private static let wanted = WaitQueue()
  private static let finished = WaitQueue()
  /// Frames somebody waits for; changed by atomic operations.
  nonisolated(unsafe) private static var requested: UInt32 = 0
  /// Rounds so far, and the frames that the last one found.
  nonisolated(unsafe) private static var rounds: UInt32 = 0
  nonisolated(unsafe) private static var lastYield = 0
  nonisolated(unsafe) private static var thread: Unmanaged<Thread>?

  static func start() {
    _ = finished
    GroupMemory.prepare()
    thread = Unmanaged.passUnretained(Thread.spawn("reclaim") { run() })
  }

  /// True when the caller can sleep until the thread has found something.
  static var mayWait: Bool {
    guard let thread, !Context.isAtomic, let running = Scheduler.running else { return false }
    return Unmanaged.passUnretained(running).toOpaque() != thread.toOpaque()
  }

  /// Wakes the thread before it is too late.
  ///
  /// Called where no lock is held.
  static func wakeIfLow() {
    guard Frames.freeCount < Frames.low, thread != nil else { return }
    if atomic_exchange32(&requested, 1) == 0 { wanted.wakeOne() }
  }

  /// Waits for reclaim; false when it finds nothing.
  static func makeRoom(_ frames: Int) -> Bool {
    // A round that had begun before may have found nothing because there was little to do.
    for _ in 0..<3 where waitForRound(frames) { return true }
    return false
  }

  private static func waitForRound(_ frames: Int) -> Bool {
    let seen = atomic_load32(&rounds)
    _ = atomic_exchange32(&requested, UInt32(frames))
    wanted.wakeOne()
    let second: UInt64 = 1_000_000_000
    _ = finished.wait(as: .uninterruptible, until: Clock.nanoseconds + 5 * second) {
      atomic_load32(&rounds) != seen
    }
    // Others may have freed memory, or the thread before there was anything more to do.
    return lastYield > 0 || Frames.freeCount > Frames.minimum + frames
  }

  /// Lets the thread look after the group that `GroupMemory` asks for.
  static func wakeForGroup() { wanted.wakeOne() }

  private static func run() {
    // With a hundred busy threads around, its fair share would be a hundredth.
    Thread.current.setNice(-20)
    while true {
      _ = wanted.wait(as: .uninterruptible) {
        atomic_load32(&requested) != 0 || GroupMemory.isWanted
      }
      GroupMemory.serve()
      guard atomic_load32(&requested) != 0 else { continue }
      let goal = max(Int(atomic_exchange32(&requested, 0)), Frames.high - Frames.freeCount, 32)
      lastYield = round(goal)
      _ = atomic_add32(&rounds, 1)
      finished.wakeAll()
    }
  }

  /// Tries to find `goal` frames; returns how many it found.
  private static func round(_ goal: Int) -> Int {
    var found = shrinkCaches()
    // Everything is looked at twice: the first time may only take away the mark of having been used.
    var credit = 2 * (Frames.activeCount + Frames.inactiveCount)
    while found < goal, credit > 0 {
      if Frames.inactiveCount < Frames.activeCount / 2 || Frames.inactiveCount == 0 {
        guard deactivateOldest() else { break }
      } else if tryOldest() {
        found += 1
      }
      credit -= 1
    }
    return found
  }

  private static func shrinkCaches() -> Int {
    var found = 0
    found += KernelStacks.shrink()
    for cache in SlabCache.all { found += cache._withUnsafeGuaranteedRef { $0.shrink() } }
    return found
  }

  private static func deactivateOldest() -> Bool {
    guard let frame = Frames.isolateOldest(active: true) else { return false }
    MemoryStatistics.count(.scanned)
    let isUsed = MemoryObject.lifetime.withLock { ReverseMapping.takeAccessed(frame) }
    Frames.putBack(frame, active: isUsed)
    return true
  }

  /// The oldest inactive page loses its frame, or another chance is given.
  private static func tryOldest() -> Bool {
    guard let frame = Frames.isolateOldest(active: false) else { return false }
    MemoryStatistics.count(.scanned)
    return MemoryObject.lifetime.withLock {
      if ReverseMapping.takeAccessed(frame) {
        Frames.putBack(frame, active: true)
        return false
      }
      return evict(frame, sparesFiles: filesAreFew)
    }
  }

  /// So few pages of files are left that they are those that everybody needs all the time: programs' code.
  ///
  /// Who took them would find memory for ever, and nobody would get on.
  private static var filesAreFew: Bool {
    Int(MemoryStatistics.value(.cachedPages)) + Frames.freeCount <= Frames.high
  }

  /// Takes an isolated frame away from whoever has it; otherwise puts it back, and returns false.
  ///
  /// `MemoryObject.lifetime` is held.
  static func evict(_ frame: PhysicalAddress, sparesFiles: Bool = false) -> Bool {
    let isGone =
      Frames.has(frame, .cached)
      ? evictCached(frame, sparesFiles: sparesFiles) : evictPrivate(frame)
    if isGone {
      MemoryStatistics.count(.stolen)
    } else {
      Frames.putBack(frame, active: true)
    }
    return isGone
  }

  /// A page of a memory object: unmapped everywhere, then forgotten by the object.
  private static func evictCached(_ frame: PhysicalAddress, sparesFiles: Bool) -> Bool {
    let page = Frames.page(frame).pointee
    guard page.state.contains(.cached), let owner = UnsafeRawPointer(bitPattern: page.owner) else {
      return false
    }
    return Unmanaged<MemoryObject>.fromOpaque(owner)._withUnsafeGuaranteedRef { object in
      if sparesFiles, !object.isSwapBacked { return false }
      let unmapped = ReverseMapping.unmap(frame, replacement: 0) {}
      for _ in 0..<unmapped.count { Frames.release(frame) }
      return unmapped.isComplete && object.evict(page.index, frame)
    }
  }

  /// A private page: its entries name a swap slot from now on.
  private static func evictPrivate(_ frame: PhysicalAddress) -> Bool {
    guard Configuration.SWAP, Frames.has(frame, .anonymous), let slot = Swap.begin(frame) else {
      return false
    }
    let unmapped = ReverseMapping.unmap(frame, replacement: PageEntry.swapped(slot)) {
      Swap.retain(slot)
    }
    for _ in 0..<unmapped.count { Frames.release(frame) }
    return Swap.finish(slot, frame)
  }
}
