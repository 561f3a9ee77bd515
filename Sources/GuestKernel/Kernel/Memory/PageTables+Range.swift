/// What an address space does with page tables: find or make the entry of a page, go through those of
/// a range, free tables that lead nowhere any more.
import KernelArch

extension PageFlags {
  static let accessed = PageFlags(rawValue: 1 << 5)
  static let dirty = PageFlags(rawValue: 1 << 6)
}

extension PageTables {
  /// The 4 KiB entry of a user page, making the tables that lead there; nil without memory, or when a
  /// large page is in the way.
  func makeEntry(_ address: LinearAddress) -> Entry? {
    var table = root
    for level in [4, 3, 2] {
      let entry = PageTables.entry(table, Int(address.value >> UInt64(3 + 9 * level) & 511))
      if entry.pointee & 1 == 0 {
        guard let frame = Frames.allocate(order: 0, [.zero, .user, .noRetry]) else { return nil }
        PageTables.countFrames(1)
        PageTables.link(entry, to: frame, level: level)
      } else if entry.pointee & PageFlags.large.rawValue != 0 {
        return nil
      }
      table = PhysicalAddress(entry.pointee & PageTables.addressMask)
    }
    return PageTables.entry(table, Int(address.value >> 12 & 511))
  }

  /// The entry at the lowest level there is for `address`, present or not.
  func lowestEntry(_ address: LinearAddress) -> (entry: Entry, level: Int) {
    var table = root
    var level = 4
    while true {
      let entry = PageTables.entry(table, Int(address.value >> UInt64(3 + 9 * level) & 511))
      if level == 1 || entry.pointee & 1 == 0
        || (level < 4 && entry.pointee & PageFlags.large.rawValue != 0)
      {
        return (entry, level)
      }
      table = PhysicalAddress(entry.pointee & PageTables.addressMask)
      level -= 1
    }
  }

  /// Calls `body` for each entry of `range` that is not empty: pages, large pages, pages in swap.
  func visit(_ range: Range<UInt64>, _ body: (Entry, UInt64, Int) -> Void) {
    var address = range.lowerBound
    while address < range.upperBound {
      let (entry, level) = lowestEntry(LinearAddress(address))
      let size: UInt64 = 1 << UInt64(3 + 9 * level)
      if entry.pointee != 0 { body(entry, address & ~(size - 1), level) }
      address = (address & ~(size - 1)) &+ size
    }
  }

  /// Frees the tables of a program's half; no page hangs from them any more.
  func releaseTables() { PageTables.releaseTables(below: root, level: 4) }

  /// Makes an entry lead to a table of a program's half; one of the root is in ring 3's root too.
  static func link(_ entry: Entry, to table: PhysicalAddress, level: Int) {
    let path: PageFlags = [.present, .writable, .user]
    let value = table.value | path.rawValue
    Frames.page(table).pointee.index = 0
    let place = UInt64(UInt(bitPattern: entry)) - Layout.directMap
    Frames.page(PhysicalAddress(place & ~(pageSize - 1))).pointee.index |=
      1 << (place % pageSize / linkedEntries / 8)
    if level == 4 { Isolation.setRootEntry(entry, value) } else { entry.pointee = value }
  }

  /// A bit of a table's descriptor (`Page.index`) says that one of so many entries has ever led to a table.
  ///
  /// A table has 512 entries, and hardly any are used: who looks for those need not look at all.
  private static let linkedEntries: UInt64 = 8

  private static func releaseTables(below table: PhysicalAddress, level: Int) {
    var linked = Frames.page(table).pointee.index
    while linked != 0 {
      let first = linked.trailingZeroBitCount * Int(linkedEntries)
      linked &= linked - 1
      for index in first..<first + Int(linkedEntries) {
        let entry = PageTables.entry(table, index)
        guard entry.pointee & 1 != 0 else { continue }
        let lower = PhysicalAddress(entry.pointee & addressMask)
        if level > 2 { releaseTables(below: lower, level: level - 1) }
        if level == 4 { Isolation.setRootEntry(entry, 0) } else { entry.pointee = 0 }
        countFrames(-1)
        Frames.release(lower)
      }
    }
  }
}
