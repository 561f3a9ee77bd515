/// Page tables go with the last area they served, as pages do: else a program that maps here and there
/// would keep a table for every place where it has ever been.
///
/// The order matters. A processor remembers upper entries as well as translations, so a table is first
/// unhooked, then every processor forgets, and only then its frame is free. Reclaim walks the tables
/// with nothing but `tableLock`, so that is where they change.
import KernelArch

/// Tables that nothing leads to any more, but that a processor may still remember.
struct CutTables {
  private static let capacity = 32
  private var frames = InlineArray<32, UInt64>(repeating: 0)
  private(set) var count = 0

  var isFull: Bool { count == CutTables.capacity }

  mutating func append(_ table: PhysicalAddress) {
    frames[count] = table.value
    count += 1
  }

  func release() {
    for index in 0..<count {
      PageTables.countFrames(-1)
      Frames.release(PhysicalAddress(frames[index]))
    }
  }
}

extension AddressSpace {
  /// Where a page is at this moment, if it is in memory.
  func translate(_ address: UInt64) -> PhysicalAddress? {
    tableLock.withLock { tables.translate(LinearAddress(address)) }
  }

  /// Frees the tables that served only `range`, whose areas and pages are gone already.
  ///
  /// `lock` is held.
  func releaseEmptyTables(_ range: Range<UInt64>) {
    while true {
      var cut = CutTables()
      tableLock.withLock { tables.cutEmpty(range, &cut) { !areas.overlaps($0) } }
      guard cut.count > 0 else { return }
      // Upper entries are remembered whatever the address. SDM Vol. 3A, "Operations that Invalidate TLBs
      // and Paging-Structure Caches".
      TLB.flushAll(root: tables.root)
      cut.release()
      guard cut.isFull else { return }
    }
  }
}

extension PageTables {
  /// Unhooks tables that serve part of `range` and nothing that is used, the lowest ones first, as long
  /// as `cut` has room.
  ///
  /// What the root leads to stays: each of those is for 512 GiB.
  func cutEmpty(
    _ range: Range<UInt64>, _ cut: inout CutTables, _ isUnused: (Range<UInt64>) -> Bool
  ) {
    PageTables.cutEmpty(root, level: 4, at: 0, range, &cut, isUnused)
  }

  /// `table` begins at the address `start`; each of its entries, of that level, is for `size` bytes.
  private static func cutEmpty(
    _ table: PhysicalAddress, level: Int, at start: UInt64, _ range: Range<UInt64>,
    _ cut: inout CutTables, _ isUnused: (Range<UInt64>) -> Bool
  ) {
    let size: UInt64 = 1 << UInt64(3 + 9 * level)
    let first = (max(range.lowerBound, start) - start) / size
    let last = (min(range.upperBound, start + 512 * size) - start - 1) / size
    for index in first...last {
      let entry = PageTables.entry(table, Int(index))
      let value = entry.pointee
      guard value & 1 != 0, value & PageFlags.large.rawValue == 0 else { continue }
      let below = PhysicalAddress(value & addressMask)
      let span = start + index * size..<start + (index + 1) * size
      if level > 2 { cutEmpty(below, level: level - 1, at: span.lowerBound, range, &cut, isUnused) }
      guard level < 4, !cut.isFull, isUnused(span), isEmpty(below) else { continue }
      entry.pointee = 0
      cut.append(below)
    }
  }

  private static func isEmpty(_ table: PhysicalAddress) -> Bool {
    for index in 0..<512 where PageTables.entry(table, index).pointee != 0 { return false }
    return true
  }
}
