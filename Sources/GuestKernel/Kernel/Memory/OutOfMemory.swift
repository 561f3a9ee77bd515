/// When reclaim finds nothing more, somebody must go. The process with the highest score does: the one
/// that has the most pages, in memory and in swap, in thousandths of all there is.
import KernelArch

enum OutOfMemory {
  /// Thousandths of memory and swap that a process has.
  static func score(_ space: AddressSpace) -> UInt64 {
    let all = UInt64(Frames.totalCount + Swap.slots)
    return all == 0 ? 0 : (space.pageCount + space.swappedCount) * 1000 / all
  }

  /// Kills the worst process; true when the caller should try again after waiting for its memory, false
  /// when it is the one to go.
  static func killSomebody(insteadOf space: AddressSpace) -> Bool {
    guard let victim = worst() else { return false }
    let own = space.pageCount + space.swappedCount
    if victim.space === space || own >= pages(victim) { return false }
    MemoryStatistics.count(.kills)
    log(
      "memory",
      "out of memory: killing process \(victim.pid) \(text: victim.name), score \(score(victim.space))"
    )
    Processes.end(victim, .signaled(.kill, dumped: false))
    if Reclaim.mayWait { Thread.sleep(nanoseconds: 20_000_000) }
    return true
  }

  private static func worst() -> Process? {
    var worst: Process?
    for process in Processes.all where process.status == nil && process.pendingEnd == nil {
      // Not the first program, which init would only start again.
      if process.parent != 0, Processes.find(process.parent) == nil { continue }
      if let other = worst, pages(other) >= pages(process) { continue }
      worst = process
    }
    return worst
  }

  private static func pages(_ process: Process) -> UInt64 {
    process.space.pageCount + process.space.swappedCount
  }
}
