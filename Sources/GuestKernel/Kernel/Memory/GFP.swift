/// How an allocation may be made: whether it may wait for memory, and what it is for.
struct GFP: OptionSet {
  let rawValue: UInt32
  /// Must not sleep: an interrupt handler, or somebody with a spinlock.
  ///
  /// May use frames that others must leave.
  static let atomic = GFP(rawValue: 1)
  /// Filled with zeroes.
  static let zero = GFP(rawValue: 2)
  /// For a program: leaves a reserve to the kernel.
  static let user = GFP(rawValue: 4)
  /// Fails rather than reclaim anything, without a word.
  static let noRetry = GFP(rawValue: 8)
  /// Below 16 MiB, for devices with 24 address lines.
  static let dma = GFP(rawValue: 16)
  /// Below 4 GiB.
  static let dma32 = GFP(rawValue: 32)
  /// Reclaim itself: whatever is left.
  static let reclaimer = GFP(rawValue: 64)
  /// The Swift runtime, which cannot be told that there is none, where nobody can wait: the very last.
  static let emergency = GFP(rawValue: 128)
  /// Never refused on purpose: see `AllocationFailures`.
  static let unrefusable: GFP = [.atomic, .emergency, .reclaimer]
  static let kernel: GFP = []
}
