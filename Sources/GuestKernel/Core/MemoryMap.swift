/// What a range of physical addresses is for, with the numbers of the E820 interface.
package enum MemoryKind: UInt32 {
  case usable = 1
  case reserved = 2
  case acpiReclaimable = 3
  case acpiNonVolatile = 4
  case unusable = 5

  package init(firmware type: UInt32) { self = MemoryKind(rawValue: type) ?? .reserved }

  package var name: StaticString {
    switch self {
    case .usable: "usable"
    case .reserved: "reserved"
    case .acpiReclaimable: "ACPI tables"
    case .acpiNonVolatile: "ACPI non-volatile"
    case .unusable: "unusable"
    }
  }
}

/// A range of physical addresses, `end` not included.
package struct MemoryRegion: Equatable {
  package var base: UInt64
  package var end: UInt64
  package var kind: MemoryKind

  package init(base: UInt64, end: UInt64, kind: MemoryKind) {
    self.base = base
    self.end = end
    self.kind = kind
  }

  package var length: UInt64 { end &- base }
}

/// The firmware's memory map put in order: sorted, without overlaps, neighbours of a kind joined.
///
/// Firmware may report ranges unsorted and overlapping; where two overlap, the one that forbids more
/// (the higher type number) wins, so that nothing in doubt is ever handed out.
package struct MemoryMap {
  package private(set) var regions: [MemoryRegion] = []

  package init(firmware: [MemoryRegion]) {
    for region in firmware where region.end > region.base { insert(region) }
  }

  /// Takes `base..<end` out of what is usable.
  package mutating func reserve(base: UInt64, end: UInt64) {
    guard end > base else { return }
    insert(MemoryRegion(base: base, end: end, kind: .reserved))
  }

  /// The end of the highest usable region.
  package var endOfUsable: UInt64 {
    var end: UInt64 = 0
    for region in regions where region.kind == .usable { end = max(end, region.end) }
    return end
  }

  /// The whole frames inside usable regions.
  package var usableFrames: [Range<Int>] {
    var ranges: [Range<Int>] = []
    for region in regions where region.kind == .usable {
      let first = Int((region.base &+ (pageSize &- 1)) / pageSize)
      let end = Int(region.end / pageSize)
      if first < end { ranges.append(first..<end) }
    }
    return ranges
  }

  /// Finds `length` bytes of usable memory in whole frames between `floor` and `ceiling`.
  package func findSpace(length: UInt64, from floor: UInt64, below ceiling: UInt64) -> UInt64? {
    for region in regions where region.kind == .usable {
      let base = (max(region.base, floor) &+ (pageSize &- 1)) & ~(pageSize &- 1)
      let end = min(region.end, ceiling)
      if base < end, end &- base >= length { return base }
    }
    return nil
  }

  private mutating func insert(_ new: MemoryRegion) {
    var result: [MemoryRegion] = []
    var rest: [MemoryRegion] = [new]
    for old in regions {
      guard old.kind.rawValue > new.kind.rawValue else {
        appendPieces(of: old, outside: new, to: &result)
        continue
      }
      result.append(old)
      var remaining: [MemoryRegion] = []
      for piece in rest { appendPieces(of: piece, outside: old, to: &remaining) }
      rest = remaining
    }
    result += rest
    sortByBase(&result)
    regions = joined(result)
  }

  private func appendPieces(
    of region: MemoryRegion, outside hole: MemoryRegion, to list: inout [MemoryRegion]
  ) {
    let below = MemoryRegion(
      base: region.base, end: min(region.end, hole.base), kind: region.kind)
    let above = MemoryRegion(
      base: max(region.base, hole.end), end: region.end, kind: region.kind)
    if below.base < below.end { list.append(below) }
    if above.base < above.end { list.append(above) }
  }

  /// Insertion sort: the list is short and almost in order.
  private func sortByBase(_ list: inout [MemoryRegion]) {
    for index in list.indices {
      var at = index
      while at > 0, list[at - 1].base > list[at].base {
        list.swapAt(at - 1, at)
        at -= 1
      }
    }
  }

  private func joined(_ sorted: [MemoryRegion]) -> [MemoryRegion] {
    var result: [MemoryRegion] = []
    for region in sorted {
      if let last = result.last, last.end == region.base, last.kind == region.kind {
        result[result.count - 1].end = region.end
      } else {
        result.append(region)
      }
    }
    return result
  }
}
