/// The memory limit of a group of processes: who is in a group that has all it may have gets no more
/// frames.
import KernelArch

enum GroupMemory {
  /// Pages that the processes of a group have in memory; what they share counts for each.
  static func pages(of group: SchedulingGroup) -> UInt64 {
    var seen: [Int] = []
    var pages: UInt64 = 0
    for thread in Scheduler.threads where thread.group === group {
      guard let process = thread.process, !seen.contains(process.pid) else { continue }
      seen.append(process.pid)
      pages += process.space.pageCount
    }
    return pages
  }

  /// True when the running thread's group has reached its limit.
  ///
  /// Groups without a limit cost nothing.
  static var isExhausted: Bool {
    guard let group = Scheduler.running?.group, group.memoryLimit != .max else { return false }
    return (pages(of: group) + 1) * pageSize > group.memoryLimit
  }
}
