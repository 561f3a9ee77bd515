/// How much memory has been promised: pages that programs may write to without asking again.
///
/// Lock: interrupts off.
import KernelArch

enum Commitment {
  nonisolated(unsafe) private(set) static var pages: UInt64 = 0

  /// Promises `count` more pages, unless that is obviously more than there is.
  static func charge(_ count: UInt64) -> Bool {
    guard count < UInt64(Frames.freeCount) || count == 0 else { return false }
    pages += count
    return true
  }

  static func uncharge(_ count: UInt64) { pages -= count }
}
