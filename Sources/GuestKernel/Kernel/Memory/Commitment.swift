/// How much memory has been promised: pages that programs may write to without asking again. The kernel
/// can promise more than it has, since few programs use all they ask for; the mode says how much more.
///
/// Lock: `lock`.
import KernelArch

enum Commitment {
  /// What /proc/sys/vm/overcommit_memory says.
  enum Mode: UInt64 {
    /// Refuse only what could not be had even if nobody else were there.
    case heuristic = 0
    /// Refuse nothing.
    case always = 1
    /// Never promise more than swap and a part of memory.
    case never = 2
  }

  private static let lock = SpinLock("commitment")
  nonisolated(unsafe) static var mode = Mode.heuristic
  /// /proc/sys/vm/overcommit_ratio: the part of memory that counts in mode 2, in percent.
  nonisolated(unsafe) static var ratio: UInt64 = 50
  nonisolated(unsafe) private(set) static var pages: UInt64 = 0

  /// What mode 2 allows, in pages.
  static var limit: UInt64 {
    UInt64(Frames.totalCount) * ratio / 100 + UInt64(Swap.slots)
  }

  /// What could be had at most, now: free, or in caches, or in swap.
  static var available: UInt64 {
    UInt64(Frames.freeCount + Swap.freeSlots) + MemoryStatistics.value(.cachedPages)
  }

  /// Promises `count` more pages; false when the mode forbids it.
  static func charge(_ count: UInt64) -> Bool {
    guard count > 0 else { return true }
    switch mode {
    case .always: break
    case .heuristic: if count >= available { return false }
    case .never: if pages + count > limit { return false }
    }
    lock.withLock { pages += count }
    return true
  }

  static func uncharge(_ count: UInt64) { lock.withLock { pages -= count } }
}
