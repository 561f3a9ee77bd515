/// When reclaim finds nothing more, somebody must go. The process with the highest score does: the one
/// that has the most pages, in memory and in swap, in thousandths of all there is.
import KernelArch

enum OutOfMemory {
  /// Thousandths of memory and swap that a process has.
  static func score(_ space: AddressSpace) -> UInt64 {
    let all = UInt64(Frames.totalCount + Swap.slots)
    return all == 0 ? 0 : (space.pageCount + space.swappedCount) * 1000 / all
  }

  /// When the last one was killed, in nanoseconds since boot.
  nonisolated(unsafe) private static var lastKill: UInt64 = 0

  /// Kills the worst process; true when the caller should try again after waiting for its memory, false
  /// when it is the one to go.
  static func killSomebody(insteadOf space: AddressSpace) -> Bool {
    guard Configuration.OOM_KILLER, !isLeaving(space) else { return false }
    if isSomebodyLeaving {
      if Reclaim.mayWait { Thread.sleep(nanoseconds: 10_000_000) }
      return true
    }
    guard let victim = worst() else { return false }
    let own = space.pageCount + space.swappedCount
    if victim.space === space || (own >= pages(victim) && isAlone(space)) { return false }
    MemoryStatistics.count(.kills)
    log(
      "memory",
      "out of memory: killing process \(victim.pid) \(text: victim.name), score \(score(victim.space))"
    )
    lastKill = Clock.nanoseconds
    Processes.end(victim, .signaled(.kill, dumped: false))
    if Reclaim.mayWait { Thread.sleep(nanoseconds: 10_000_000) }
    return true
  }

  /// True for a space of nobody, or of a process without children.
  private static func isAlone(_ space: AddressSpace) -> Bool {
    let all = Processes.all
    for process in all where process.space === space {
      return !all.contains { $0.parent == process.pid && $0.status == nil }
    }
    return true
  }

  private static func isLeaving(_ space: AddressSpace) -> Bool {
    for process in Processes.all where process.space === space {
      return process.pendingEnd != nil || process.status != nil
    }
    return false
  }

  /// True for a second after a kill, while there is a process that ends and still has its memory: one
  /// victim at a time.
  private static var isSomebodyLeaving: Bool {
    guard lastKill != 0, Clock.nanoseconds - lastKill < 1_000_000_000 else { return false }
    for process in Processes.all where process.pendingEnd != nil || process.status != nil {
      if process.space.pageCount > 0 { return true }
    }
    return false
  }

  /// The largest process without children, since those of a parent would be nobody's; or the largest.
  private static func worst() -> Process? {
    let all = Processes.all
    var worst: Process?
    var worstParent: Process?
    for process in all where process.status == nil && process.pendingEnd == nil {
      // Not the first program, which init would only start again.
      if process.parent != 0, Processes.find(process.parent) == nil { continue }
      let hasChildren = all.contains { $0.parent == process.pid && $0.status == nil }
      if hasChildren {
        if worstParent.map({ pages($0) < pages(process) }) ?? true { worstParent = process }
      } else if worst.map({ pages($0) < pages(process) }) ?? true {
        worst = process
      }
    }
    return worst ?? worstParent
  }

  private static func pages(_ process: Process) -> UInt64 {
    process.space.pageCount + process.space.swappedCount
  }
}
