/// A general-purpose allocator with boundary tags: neighbours that are free are always one block.
///
/// Memory comes in regions, which the owner adds as it likes; a region that begins where the last
/// one ended is joined to it. Each block starts with a header that holds its own size and the size
/// of the block before it, so that both neighbours are found in one step. Free blocks hang in one
/// list per power of two, and a bit per list says which lists are not empty.
///
/// Lock: none; the owner calls it with interrupts off.
package struct Heap {
  /// What stands in front of each block.
  struct Header {
    /// Bytes from this header to the next one; bit 0 says that the block is in use.
    var sizeAndUse: UInt
    /// Bytes from the previous header to this one, 0 for the first block of a region.
    var previousSize: UInt
  }

  /// What a free block holds after its header.
  struct Links {
    var next: UInt
    var previous: UInt
  }

  static let headerSize: UInt = 16
  static let smallestBlock: UInt = 32

  private var lists = InlineArray<48, UInt>(repeating: 0)
  private var occupied: UInt64 = 0
  private var lastSentinel: UInt = 0

  package private(set) var liveBlocks = 0
  package private(set) var bytesInUse: UInt = 0
  package private(set) var bytesTotal: UInt = 0

  package init() {}
}

// MARK: Allocation

extension Heap {
  /// Returns `bytes` of memory at a multiple of `alignment`, a power of two, or nil.
  package mutating func allocate(_ bytes: UInt, alignment: UInt = 16) -> UnsafeMutableRawPointer? {
    guard bytes < UInt(1) << 46, alignment < UInt(1) << 46 else { return nil }
    let need = max(Heap.smallestBlock, (bytes &+ Heap.headerSize &+ 15) & ~15)
    let slack = alignment > 16 ? alignment &+ Heap.smallestBlock : 0
    guard var block = findFree(need &+ slack) else { return nil }
    unlink(block)
    if alignment > 16 { block = splitFront(of: block, alignment: alignment) }
    splitTail(of: block, keeping: need)
    header(block).pointee.sizeAndUse |= 1
    liveBlocks += 1
    bytesInUse &+= size(of: block)
    return UnsafeMutableRawPointer(bitPattern: block &+ Heap.headerSize)
  }

  /// Takes a block back; false when `pointer` is not a block in use.
  package mutating func release(_ pointer: UnsafeMutableRawPointer) -> Bool {
    var block = UInt(bitPattern: pointer) &- Heap.headerSize
    guard isInUse(block) else { return false }
    liveBlocks -= 1
    bytesInUse &-= size(of: block)
    var total = size(of: block)
    let following = block &+ total
    if !isInUse(following) {
      unlink(following)
      total &+= size(of: following)
    }
    let before = header(block).pointee.previousSize
    if before != 0, !isInUse(block &- before) {
      block &-= before
      unlink(block)
      total &+= before
    }
    setSize(of: block, to: total)
    link(block)
    return true
  }

  /// Gives the heap `length` more bytes at `base`, both multiples of 16.
  package mutating func add(base: UInt, length: UInt) {
    guard length >= Heap.smallestBlock &+ Heap.headerSize else { return }
    bytesTotal &+= length
    let sentinel = base &+ length &- Heap.headerSize
    var block = base
    var previous: UInt = 0
    if lastSentinel != 0, base == lastSentinel &+ Heap.headerSize {
      block = lastSentinel
      previous = header(block).pointee.previousSize
    }
    header(block).pointee = Header(sizeAndUse: 1, previousSize: previous)
    header(sentinel).pointee = Header(sizeAndUse: Heap.headerSize | 1, previousSize: 0)
    setSize(of: block, to: sentinel &- block)
    header(block).pointee.sizeAndUse |= 1
    lastSentinel = sentinel
    liveBlocks += 1
    bytesInUse &+= size(of: block)
    _ = UnsafeMutableRawPointer(bitPattern: block &+ Heap.headerSize).map { release($0) }
  }
}

// MARK: Blocks

extension Heap {
  private func header(_ block: UInt) -> UnsafeMutablePointer<Header> {
    // SAFETY: blocks lie in regions the owner added, never at address 0.
    UnsafeMutablePointer(bitPattern: block).unsafelyUnwrapped
  }
  private func links(_ block: UInt) -> UnsafeMutablePointer<Links> {
    // SAFETY: as for `header`.
    UnsafeMutablePointer(bitPattern: block &+ Heap.headerSize).unsafelyUnwrapped
  }
  private func size(of block: UInt) -> UInt { header(block).pointee.sizeAndUse & ~1 }
  private func isInUse(_ block: UInt) -> Bool { header(block).pointee.sizeAndUse & 1 != 0 }

  /// Sets the size on both sides of the boundary and marks the block as free.
  private func setSize(of block: UInt, to size: UInt) {
    header(block).pointee.sizeAndUse = size
    header(block &+ size).pointee.previousSize = size
  }

  /// Cuts a free piece off the front, so that the rest's memory begins at `alignment`.
  private mutating func splitFront(of block: UInt, alignment: UInt) -> UInt {
    let memory = block &+ Heap.headerSize
    guard memory & (alignment &- 1) != 0 else { return block }
    let aligned = (memory &+ Heap.smallestBlock &+ alignment &- 1) & ~(alignment &- 1)
    let rest = aligned &- Heap.headerSize
    let total = size(of: block)
    setSize(of: block, to: rest &- block)
    setSize(of: rest, to: total &- (rest &- block))
    header(rest).pointee.previousSize = rest &- block
    link(block)
    return rest
  }

  /// Gives back what an allocated block of `need` bytes does not use.
  private mutating func splitTail(of block: UInt, keeping need: UInt) {
    let total = size(of: block)
    guard total &- need >= Heap.smallestBlock else { return }
    let rest = block &+ need
    setSize(of: rest, to: total &- need)
    setSize(of: block, to: need)
    link(rest)
  }

  private static func list(for size: UInt) -> Int {
    min(47, UInt.bitWidth - 1 - size.leadingZeroBitCount)
  }

  private func findFree(_ need: UInt) -> UInt? {
    let first = Heap.list(for: need)
    var block = lists[first]
    while block != 0 {
      if size(of: block) >= need { return block }
      block = links(block).pointee.next
    }
    let larger = occupied & ~((2 << UInt64(first)) &- 1)
    return larger == 0 ? nil : lists[larger.trailingZeroBitCount]
  }

  private mutating func link(_ block: UInt) {
    let list = Heap.list(for: size(of: block))
    let head = lists[list]
    links(block).pointee = Links(next: head, previous: 0)
    if head != 0 { links(head).pointee.previous = block }
    lists[list] = block
    occupied |= 1 << UInt64(list)
  }

  private mutating func unlink(_ block: UInt) {
    let list = Heap.list(for: size(of: block))
    let neighbours = links(block).pointee
    if neighbours.next != 0 { links(neighbours.next).pointee.previous = neighbours.previous }
    if neighbours.previous != 0 {
      links(neighbours.previous).pointee.next = neighbours.next
    } else {
      lists[list] = neighbours.next
      if neighbours.next == 0 { occupied &= ~(1 << UInt64(list)) }
    }
  }
}
