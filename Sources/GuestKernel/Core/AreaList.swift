/// An address space is a sorted list of areas: stretches of addresses with one protection and one
/// source of pages. Mapping inserts, unmapping cuts out, protecting splits; neighbours that differ in
/// nothing become one again, so that the list stays as short as what it describes.

/// What an area is like, beside its protection.
package struct AreaKind: OptionSet, Equatable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }
  /// Writes are seen by all who map the same object; without it, writes are copies of one's own.
  package static let shared = AreaKind(rawValue: 1)
  /// A touch below makes it larger.
  package static let growsDown = AreaKind(rawValue: 2)
  /// Its pages are charged against the commit limit.
  package static let charged = AreaKind(rawValue: 4)
  /// Pages of 2 MiB where they fit.
  package static let hugePages = AreaKind(rawValue: 8)
  /// Pages of 2 MiB only: they were asked for by MAP_HUGETLB.
  package static let onlyHugePages = AreaKind(rawValue: 16)
  /// Never swapped out.
  package static let locked = AreaKind(rawValue: 32)
  /// The heap that `brk` moves the end of.
  package static let heap = AreaKind(rawValue: 64)
  package static let stack = AreaKind(rawValue: 128)
  /// Not charged against the commit limit, whatever it allows.
  package static let noReserve = AreaKind(rawValue: 256)
}

/// Pages `start..<end`; `object` gives their contents from `offset` on, zeroes if it is nil.
package struct Area<Object: AnyObject> {
  package var start: UInt64
  package var end: UInt64
  package var protection: Protection
  package var kind: AreaKind
  package var object: Object?
  package var offset: UInt64

  package init(
    _ range: Range<UInt64>, _ protection: Protection, _ kind: AreaKind = [],
    object: Object? = nil, offset: UInt64 = 0
  ) {
    start = range.lowerBound
    end = range.upperBound
    self.protection = protection
    self.kind = kind
    self.object = object
    self.offset = offset
  }

  package var range: Range<UInt64> { start..<end }
  package var size: UInt64 { end &- start }
  package var isShared: Bool { kind.contains(.shared) }
  /// The page of the object that `address` shows.
  package func objectPage(_ address: UInt64) -> UInt64 { (offset &+ (address &- start)) / pageSize }

  /// The part inside `range`, which must overlap the area.
  package func part(_ range: Range<UInt64>) -> Area {
    var part = self
    part.start = max(start, range.lowerBound)
    part.end = min(end, range.upperBound)
    if object != nil { part.offset = offset &+ (part.start &- start) }
    return part
  }

  /// True when `next` goes on where this one ends, in every respect.
  package func continues(in next: Area) -> Bool {
    end == next.start && protection == next.protection && kind == next.kind
      && object === next.object && (object == nil || offset &+ size == next.offset)
  }
}

/// Areas by address; no two overlap, no two could be one.
///
/// Lock: none; the address space's.
package struct AreaList<Object: AnyObject> {
  package private(set) var areas: [Area<Object>] = []

  package init() {}

  package var count: Int { areas.count }
  package subscript(index: Int) -> Area<Object> { areas[index] }

  /// The first area that ends after `address`.
  package func firstIndex(endingAfter address: UInt64) -> Int {
    var low = 0
    var high = areas.count
    while low < high {
      let middle = (low + high) / 2
      if areas[middle].end > address { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The area that contains `address`.
  package func index(containing address: UInt64) -> Int? {
    let index = firstIndex(endingAfter: address)
    guard index < areas.count, areas[index].start <= address else { return nil }
    return index
  }

  package func find(_ address: UInt64) -> Area<Object>? {
    index(containing: address).map { areas[$0] }
  }

  package func overlaps(_ range: Range<UInt64>) -> Bool {
    let index = firstIndex(endingAfter: range.lowerBound)
    return index < areas.count && areas[index].start < range.upperBound
  }

  /// True when every address of `range` lies in an area.
  package func covers(_ range: Range<UInt64>) -> Bool {
    var at = range.lowerBound
    var index = firstIndex(endingAfter: at)
    while at < range.upperBound {
      guard index < areas.count, areas[index].start <= at else { return false }
      at = areas[index].end
      index += 1
    }
    return true
  }

  /// The parts of areas inside `range`.
  package func parts(in range: Range<UInt64>) -> [Area<Object>] {
    var parts: [Area<Object>] = []
    var index = firstIndex(endingAfter: range.lowerBound)
    while index < areas.count, areas[index].start < range.upperBound {
      parts.append(areas[index].part(range))
      index += 1
    }
    return parts
  }

  /// Pages in all areas that `isWanted`.
  package func pages(where isWanted: (Area<Object>) -> Bool) -> UInt64 {
    var bytes: UInt64 = 0
    for area in areas where isWanted(area) { bytes &+= area.size }
    return bytes / pageSize
  }
}

// MARK: Changes

extension AreaList {
  /// Adds an area; false when it is empty or something is there already.
  package mutating func insert(_ area: Area<Object>) -> Bool {
    guard area.start < area.end, !overlaps(area.range) else { return false }
    let index = firstIndex(endingAfter: area.start)
    areas.insert(area, at: index)
    join(around: index..<index + 1)
    return true
  }

  /// Cuts `range` out and returns what was there.
  package mutating func remove(_ range: Range<UInt64>) -> [Area<Object>] {
    let removed = parts(in: range)
    replace(range, with: [])
    return removed
  }

  /// Changes what lies in `range`, splitting areas at its ends.
  package mutating func update(_ range: Range<UInt64>, _ change: (inout Area<Object>) -> Void) {
    var changed = parts(in: range)
    for index in changed.indices { change(&changed[index]) }
    replace(range, with: changed)
  }

  /// Moves an area's start down or its end up; false when a neighbour is in the way.
  package mutating func resize(_ index: Int, to range: Range<UInt64>) -> Bool {
    if index > 0, areas[index - 1].end > range.lowerBound { return false }
    if index + 1 < areas.count, areas[index + 1].start < range.upperBound { return false }
    areas[index].start = range.lowerBound
    areas[index].end = range.upperBound
    return true
  }

  private mutating func replace(_ range: Range<UInt64>, with parts: [Area<Object>]) {
    let first = firstIndex(endingAfter: range.lowerBound)
    var end = first
    var result: [Area<Object>] = []
    if first < areas.count, areas[first].start < range.lowerBound {
      result.append(areas[first].part(areas[first].start..<range.lowerBound))
    }
    result += parts
    while end < areas.count, areas[end].start < range.upperBound {
      if areas[end].end > range.upperBound {
        result.append(areas[end].part(range.upperBound..<areas[end].end))
      }
      end += 1
    }
    areas.replaceSubrange(first..<end, with: result)
    join(around: first..<first + result.count)
  }

  /// Makes one area of neighbours that continue each other.
  private mutating func join(around range: Range<Int>) {
    var index = min(range.upperBound, areas.count - 1)
    while index > 0, index >= range.lowerBound {
      if areas[index - 1].continues(in: areas[index]) {
        areas[index - 1].end = areas[index].end
        areas.remove(at: index)
      }
      index -= 1
    }
  }
}

// MARK: Gaps

extension AreaList {
  /// The highest place for `size` bytes in `window` at a multiple of `alignment`, with `guardGap`
  /// bytes left free below an area that grows down.
  package func gap(
    _ size: UInt64, in window: Range<UInt64>, alignment: UInt64 = pageSize, guardGap: UInt64 = 0
  ) -> UInt64? {
    guard size > 0 else { return nil }
    var top = window.upperBound
    var index = areas.count
    while true {
      while index > 0, areas[index - 1].start >= top { index -= 1 }
      let below = index > 0 ? areas[index - 1] : nil
      let bottom = max(window.lowerBound, below?.end ?? 0)
      if top >= size {
        let place = (top &- size) & ~(alignment &- 1)
        if place >= bottom, place &+ size <= top { return place }
      }
      guard let below, below.start > window.lowerBound else { return nil }
      let slack = below.kind.contains(.growsDown) ? guardGap : 0
      top = min(top, below.start > slack ? below.start &- slack : 0)
      index -= 1
    }
  }
}
