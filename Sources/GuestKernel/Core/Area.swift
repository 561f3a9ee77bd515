/// An address space is a sorted list of areas: stretches of addresses with one protection and one
/// source of pages. Mapping inserts, unmapping cuts out, protecting splits; neighbours that differ in
/// nothing become one again, so that the list (`AreaList`) stays as short as what it describes.

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
  /// Its pages stay in memory.
  package static let locked = AreaKind(rawValue: 32)
  /// The heap that `brk` moves the end of.
  package static let heap = AreaKind(rawValue: 64)
  package static let stack = AreaKind(rawValue: 128)
  /// Not charged against the commit limit, whatever it allows.
  package static let noReserve = AreaKind(rawValue: 256)
  /// Shared pages of a file that was opened for reading only: `mprotect` does not let them be written.
  package static let readOnly = AreaKind(rawValue: 512)
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
