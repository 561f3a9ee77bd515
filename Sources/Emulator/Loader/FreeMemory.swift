/// The RAM below 4 GiB that a loader has not given away yet.
struct FreeMemory {
  /// In ascending order.
  private var ranges: [Range<UInt64>]

  /// All usable RAM above what loaders keep for themselves.
  init(_ memoryMap: [MemoryRange]) {
    ranges = memoryMap.compactMap { range in
      let start = max(range.start, BootLayout.stringsEnd)
      let end = min(range.end, PhysicalMemory.highStart)
      return range.kind == .usable && start < end ? start..<end : nil
    }
  }

  /// Whether all of a range is free.
  func contains(_ range: Range<UInt64>) -> Bool {
    ranges.contains { $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound }
  }

  /// Gives a range away.
  mutating func remove(_ taken: Range<UInt64>) {
    ranges = ranges.flatMap { range in
      guard range.overlaps(taken) else { return [range] }
      return [
        range.lowerBound..<max(range.lowerBound, taken.lowerBound),
        min(range.upperBound, taken.upperBound)..<range.upperBound,
      ].filter { !$0.isEmpty }
    }
  }

  /// The lowest address in `limits` with `size` free bytes behind it; nil if there is none.
  func lowest(
    size: UInt64, alignment: UInt64, in limits: Range<UInt64> = MemoryMap.highMemory..<(.max)
  ) -> UInt64? {
    for range in ranges {
      let start = max(range.lowerBound, limits.lowerBound)
      let end = min(range.upperBound, limits.upperBound)
      let aligned = (start + (alignment - 1)) & ~(alignment - 1)
      if aligned <= end, size <= end - aligned { return aligned }
    }
    return nil
  }

  /// The highest address in `limits` with `size` free bytes behind it; nil if there is none.
  func highest(size: UInt64, alignment: UInt64, in limits: Range<UInt64>) -> UInt64? {
    for range in ranges.reversed() {
      let start = max(range.lowerBound, limits.lowerBound)
      let end = min(range.upperBound, limits.upperBound)
      guard start <= end, size <= end - start else { continue }
      let aligned = (end - size) & ~(alignment - 1)
      if aligned >= start { return aligned }
    }
    return nil
  }

  /// Takes the lowest `size` bytes behind `start`, or any if there are none.
  mutating func take(size: UInt64, alignment: UInt64, behind start: UInt64) -> UInt64? {
    guard
      let address = lowest(size: size, alignment: alignment, in: start..<(.max))
        ?? lowest(size: size, alignment: alignment)
    else { return nil }
    if size > 0 { remove(address..<address + size) }
    return address
  }
}
