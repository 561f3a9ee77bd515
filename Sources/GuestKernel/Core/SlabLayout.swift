/// How the objects of a cache lie in a slab, a block of pages cut into equal pieces.
///
/// With checks on, each object has a red zone in front and behind, is filled with a pattern while it is
/// free, and remembers who allocated and who freed it:
///
///     | red zone | object | red zone | link | allocated by | freed by |
///
/// Without checks the link to the next free object lies in the object itself, unless a constructor has
/// put something there that must stay.
package struct SlabLayout: Equatable {
  package static let redZone = 16
  /// Return addresses kept of an allocation and of a release.
  package static let callers = 4

  package let objectSize: Int
  package let alignment: Int
  package let isChecked: Bool
  package let hasConstructor: Bool
  package let objectOffset: Int
  package let linkOffset: Int
  package let stride: Int
  package let order: Int
  /// Objects in a slab.
  package let count: Int

  package init(size: Int, alignment: Int = 8, isChecked: Bool, hasConstructor: Bool = false) {
    let alignment = max(alignment, 8)
    self.alignment = alignment
    func up(_ value: Int) -> Int { (value + alignment - 1) & ~(alignment - 1) }
    objectSize = max(size, 8)
    self.isChecked = isChecked
    self.hasConstructor = hasConstructor
    let words = (objectSize + 7) & ~7
    objectOffset = isChecked ? up(SlabLayout.redZone) : 0
    var end = objectOffset + words
    if isChecked { end += SlabLayout.redZone }
    linkOffset = isChecked || hasConstructor ? end : objectOffset
    if linkOffset >= end { end += 8 }
    if isChecked { end += 2 * SlabLayout.callers * 8 }
    stride = up(end)
    // At least eight objects, or whatever wastes little enough.
    var order = 0
    while order < 3, (Int(pageSize) << order) / stride < 8,
      ((Int(pageSize) << order) % stride) * 8 > Int(pageSize) << order
        || (Int(pageSize) << order) / stride < 4
    {
      order += 1
    }
    while (Int(pageSize) << order) < stride { order += 1 }
    self.order = order
    count = (Int(pageSize) << order) / stride
  }

  package var callersOffset: Int { linkOffset + 8 }
}

/// The bytes that show what happened to memory nobody should have touched.
package enum SlabPattern {
  /// In a free object; its last byte is `end`.
  package static let free: UInt8 = 0x6b
  package static let end: UInt8 = 0xa5
  /// In an object that was just allocated.
  package static let fresh: UInt8 = 0x5a
  package static let redZoneFree: UInt8 = 0xbb
  package static let redZoneUsed: UInt8 = 0xcc
}

/// What somebody did to an object that they should not have.
package enum SlabFault: Equatable {
  /// A red zone was written to; the offset is relative to the object.
  case outOfBounds(offset: Int, found: UInt8)
  /// A free object was written to.
  case useAfterFree(offset: Int, found: UInt8)
  case doubleFree
  /// The address is not the beginning of an object.
  case notAnObject
  /// A link that leads outside of the slab.
  case damagedList

  package var name: StaticString {
    switch self {
    case .outOfBounds(let offset, _):
      offset < 0 ? "written in front of its beginning" : "written beyond its end"
    case .useAfterFree: "written after it was freed"
    case .doubleFree: "freed twice"
    case .notAnObject: "freed at an address that is no object's"
    case .damagedList: "the list of free objects is damaged"
    }
  }
}
