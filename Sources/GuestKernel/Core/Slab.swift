/// A cache of equal objects in slabs: taking one, giving one back, and noticing what went wrong.
///
/// The state of a slab lies in the descriptor of its first frame: `index` holds the first free object
/// and the number of those in use, `next` and `previous` the list of slabs with room.
/// Lock: none; the cache's.
package struct Slab {
  package typealias Callers = InlineArray<4, UInt64>
  package let layout: SlabLayout
  private let pages: UnsafeMutablePointer<Page>
  /// Where frame 0 would be.
  private let memory: UnsafeMutableRawPointer
  /// Slabs with at least one free object; the first is used first.
  private var partial: UInt32 = 0
  package private(set) var slabs = 0
  package private(set) var emptySlabs = 0
  package private(set) var objectsInUse = 0

  package init(
    _ layout: SlabLayout, pages: UnsafeMutablePointer<Page>, memory: UnsafeMutableRawPointer
  ) {
    self.layout = layout
    self.pages = pages
    self.memory = memory
  }

  package var objectCount: Int { slabs * layout.count }

  // MARK: Slabs

  /// Cuts a new block into objects.
  package mutating func add(_ frame: Int, owner: UInt, construct: (UnsafeMutableRawPointer) -> Void)
  {
    for one in frame..<frame + 1 << layout.order {
      pages[one].state = .slab
      pages[one].order = UInt8(truncatingIfNeeded: layout.order)
      pages[one].owner = owner
    }
    for number in 0..<layout.count {
      let piece = piece(frame, number)
      setLink(piece, number + 1 < layout.count ? number + 2 : 0)
      if layout.isChecked {
        piece.initializeMemory(as: UInt8.self, repeating: 0, count: layout.objectOffset)
        markFree(piece)
      }
      if layout.hasConstructor { construct(piece + layout.objectOffset) }
      if layout.isChecked { setCallers(piece, 0, Callers(repeating: 0)) }
      if layout.isChecked { setCallers(piece, 1, Callers(repeating: 0)) }
    }
    setState(frame, first: 1, inUse: 0)
    link(frame)
    slabs += 1
    emptySlabs += 1
  }

  /// Takes an empty slab out, so that its block can be given back; nil when there is none.
  package mutating func removeEmpty() -> Int? {
    guard emptySlabs > 0 else { return nil }
    var frame = Int(partial)
    while frame != 0 {
      if inUse(frame) == 0 {
        unlink(frame)
        for one in frame..<frame + 1 << layout.order { pages[one].state = [] }
        slabs -= 1
        emptySlabs -= 1
        return frame
      }
      frame = Int(pages[frame].next)
    }
    return nil
  }

  // MARK: Objects

  /// The next free object; nil when a slab must be added first.
  package mutating func take(
    by callers: Callers = Callers(repeating: 0), _ fault: inout SlabFault?
  ) -> UnsafeMutableRawPointer? {
    guard partial != 0 else { return nil }
    let frame = Int(partial)
    let number = first(frame) - 1
    guard number >= 0, number < layout.count else {
      fault = .damagedList
      return nil
    }
    let piece = piece(frame, number)
    if layout.isChecked {
      fault = check(piece, isFree: true)
      markUsed(piece)
      setCallers(piece, 0, callers)
    }
    if inUse(frame) == 0 { emptySlabs -= 1 }
    setState(frame, first: link(of: piece), inUse: inUse(frame) + 1)
    if first(frame) == 0 { unlink(frame) }
    objectsInUse += 1
    return piece + layout.objectOffset
  }

  /// Takes an object back; what is wrong with it, if anything is.
  ///
  /// A faulty one is not taken.
  package mutating func give(
    _ object: UnsafeMutableRawPointer, by callers: Callers = Callers(repeating: 0)
  ) -> SlabFault? {
    guard let (frame, number) = place(of: object),
      object == piece(frame, number) + layout.objectOffset
    else { return .notAnObject }
    let piece = piece(frame, number)
    if inUse(frame) == 0 || first(frame) == number + 1 { return .doubleFree }
    if layout.isChecked {
      if isMarkedFree(piece) { return .doubleFree }
      if let fault = check(piece, isFree: false) { return fault }
      setCallers(piece, 1, callers)
    }
    if first(frame) == 0 { link(frame) }
    setLink(piece, first(frame))
    if layout.isChecked { markFree(piece) }
    setState(frame, first: number + 1, inUse: inUse(frame) - 1)
    if inUse(frame) == 0 { emptySlabs += 1 }
    objectsInUse -= 1
    return nil
  }

  /// Looks at every object of a slab that has room; the first fault, and where.
  package func firstFault() -> (SlabFault, UnsafeMutableRawPointer)? {
    guard layout.isChecked else { return nil }
    var frame = Int(partial)
    while frame != 0 {
      for number in 0..<layout.count {
        let piece = piece(frame, number)
        if let fault = check(piece, isFree: isMarkedFree(piece)) {
          return (fault, piece + layout.objectOffset)
        }
      }
      frame = Int(pages[frame].next)
    }
    return nil
  }

  /// Who allocated (0) or freed (1) the object at an address, or the one that the address lies in.
  package func callers(_ address: UnsafeMutableRawPointer, _ which: Int) -> Callers {
    guard layout.isChecked, let (frame, number) = place(of: address) else {
      return Callers(repeating: 0)
    }
    let at = layout.callersOffset + which * SlabLayout.callers * 8
    return (piece(frame, number) + at).load(as: Callers.self)
  }
}

// MARK: Pieces

extension Slab {
  private func piece(_ frame: Int, _ number: Int) -> UnsafeMutableRawPointer {
    memory + frame * Int(pageSize) + number * layout.stride
  }

  /// The first frame of the slab that an address lies in, and the number of the piece there; nil behind the
  /// last one.
  private func place(of address: UnsafeMutableRawPointer) -> (frame: Int, number: Int)? {
    let offset = address - memory
    let frame = offset / Int(pageSize) & ~(1 << layout.order - 1)
    let number = (offset - frame * Int(pageSize)) / layout.stride
    return number < layout.count ? (frame, number) : nil
  }

  private func link(of piece: UnsafeMutableRawPointer) -> Int {
    (piece + layout.linkOffset).load(as: Int.self)
  }

  private func setLink(_ piece: UnsafeMutableRawPointer, _ next: Int) {
    (piece + layout.linkOffset).storeBytes(of: next, as: Int.self)
  }

  private func setCallers(_ piece: UnsafeMutableRawPointer, _ which: Int, _ callers: Callers) {
    (piece + layout.callersOffset + which * SlabLayout.callers * 8).storeBytes(
      of: callers, as: Callers.self)
  }

  private func fill(_ at: UnsafeMutableRawPointer, _ count: Int, _ byte: UInt8) {
    at.initializeMemory(as: UInt8.self, repeating: byte, count: count)
  }

  private func markFree(_ piece: UnsafeMutableRawPointer) {
    fillRedZones(piece, SlabPattern.redZoneFree)
    guard !layout.hasConstructor else { return }
    let object = piece + layout.objectOffset
    fill(object, layout.objectSize - 1, SlabPattern.free)
    fill(object + layout.objectSize - 1, 1, SlabPattern.end)
  }

  private func markUsed(_ piece: UnsafeMutableRawPointer) {
    fillRedZones(piece, SlabPattern.redZoneUsed)
    if !layout.hasConstructor {
      fill(piece + layout.objectOffset, layout.objectSize, SlabPattern.fresh)
    }
  }

  private func fillRedZones(_ piece: UnsafeMutableRawPointer, _ byte: UInt8) {
    fill(piece, layout.objectOffset, byte)
    fill(
      piece + layout.objectOffset + layout.objectSize,
      layout.linkOffset - layout.objectOffset - layout.objectSize, byte)
  }

  private func isMarkedFree(_ piece: UnsafeMutableRawPointer) -> Bool {
    piece.load(as: UInt8.self) == SlabPattern.redZoneFree
      && (piece + 1).load(as: UInt8.self) == SlabPattern.redZoneFree
  }

  /// The first byte of a checked object, or around it, that is not what it must be.
  private func check(_ piece: UnsafeMutableRawPointer, isFree: Bool) -> SlabFault? {
    let zone = isFree ? SlabPattern.redZoneFree : SlabPattern.redZoneUsed
    let begin = layout.objectOffset
    for at in 0..<layout.linkOffset where at < begin || at >= begin + layout.objectSize {
      let byte = (piece + at).load(as: UInt8.self)
      if byte != zone { return .outOfBounds(offset: at - begin, found: byte) }
    }
    guard isFree, !layout.hasConstructor else { return nil }
    for at in 0..<layout.objectSize {
      let byte = (piece + begin + at).load(as: UInt8.self)
      let wanted = at == layout.objectSize - 1 ? SlabPattern.end : SlabPattern.free
      if byte != wanted { return .useAfterFree(offset: at, found: byte) }
    }
    return nil
  }
}

// MARK: Descriptors

extension Slab {
  /// The number of the first free object and 1, or 0.
  private func first(_ frame: Int) -> Int { Int(pages[frame].index & 0xffff) }
  private func inUse(_ frame: Int) -> Int { Int(pages[frame].index >> 16) }

  private func setState(_ frame: Int, first: Int, inUse: Int) {
    pages[frame].index = UInt64(first & 0xffff) | UInt64(inUse) << 16
  }

  private mutating func link(_ frame: Int) {
    pages[frame].next = partial
    pages[frame].previous = 0
    if partial != 0 { pages[Int(partial)].previous = UInt32(frame) }
    partial = UInt32(frame)
  }

  private mutating func unlink(_ frame: Int) {
    let next = pages[frame].next
    let previous = pages[frame].previous
    if previous != 0 { pages[Int(previous)].next = next } else { partial = next }
    if next != 0 { pages[Int(next)].previous = previous }
  }
}
