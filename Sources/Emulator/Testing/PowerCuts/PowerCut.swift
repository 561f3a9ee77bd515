import Emulator

/// A moment at which the power of a disk fails: behind a write, with or without its own memory.
public struct PowerCut: Comparable, Hashable, Sendable, CustomStringConvertible {
  /// Writes that came before.
  public let writes: Int
  /// 0 if all of them are on the disk; from 1 on, some of those behind the last flush are not, and
  /// which ones follows from the number.
  public let variant: Int

  /// A moment behind so many writes.
  public init(writes: Int, variant: Int = 0) {
    self.writes = writes
    self.variant = variant
  }

  /// `12`, or `12.3` for variant 3.
  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count <= 2, let writes = parts[0], writes >= 0 else { return nil }
    guard parts.count == 2 else {
      self.init(writes: writes)
      return
    }
    guard let variant = parts[1], variant > 0 else { return nil }
    self.init(writes: writes, variant: variant)
  }

  /// Earlier moments come first.
  public static func < (one: PowerCut, other: PowerCut) -> Bool {
    (one.writes, one.variant) < (other.writes, other.variant)
  }

  /// `12`, or `12.3` for variant 3.
  public var description: String { variant == 0 ? "\(writes)" : "\(writes).\(variant)" }

  /// Every moment of a run: before the first write, and behind each.
  ///
  /// - Parameters:
  ///   - disk: The disk after the run.
  ///   - variants: Disks with missing writes for each moment at which any may be missing.
  /// - Returns: The moments, in order.
  public static func all(of disk: RecordedDisk, variants: Int) -> [PowerCut] {
    var cuts = [PowerCut(writes: 0)]
    for (index, write) in disk.writes.enumerated() {
      // A single write is missing one moment before.
      let mayDiffer = index + 1 - write.flushedCount > 1
      for variant in 0...(mayDiffer ? variants : 0) {
        cuts.append(PowerCut(writes: index + 1, variant: variant))
      }
    }
    return cuts
  }

  /// What is on the disk then; which writes a variant lacks follows from `seed`, too.
  public func disk(of recorded: RecordedDisk, seed: UInt64) -> RecordedDisk {
    guard variant > 0 else { return recorded.disk(after: writes) }
    var numbers = SeededNumbers(
      seed: seed &+ UInt64(writes) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(variant))
    return recorded.disk(after: writes) { _ in Bool.random(using: &numbers) }
  }
}
