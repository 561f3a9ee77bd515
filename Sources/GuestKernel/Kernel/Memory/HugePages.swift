/// Anonymous memory in pages of 2 MiB: one entry of a page directory instead of 512 of a page table, one
/// fault instead of 512, one translation to remember instead of 512.
///
/// An area has them because it was mapped with MAP_HUGETLB (then all or nothing) or because of
/// `madvise(MADV_HUGEPAGE)` (then where they fit). They are never swapped out. Cutting one in two makes
/// 512 small pages of it.
import KernelArch

enum HugePages {
  static let order = 9
  static let frames = 512
  static let size: UInt64 = 2 << 20
}

extension PageTables {
  /// The entry in the page directory for `address`, making the tables above.
  func makeLargeEntry(_ address: LinearAddress) -> Entry? {
    var table = root
    for level in [4, 3] {
      let entry = PageTables.entry(table, Int(address.value >> UInt64(3 + 9 * level) & 511))
      if entry.pointee & 1 == 0 {
        guard let frame = Frames.allocate(order: 0, [.zero, .user, .noRetry]) else { return nil }
        PageTables.countFrames(1)
        PageTables.link(entry, to: frame, level: level)
      }
      table = PhysicalAddress(entry.pointee & PageTables.addressMask)
    }
    return PageTables.entry(table, Int(address.value >> 21 & 511))
  }
}

extension AddressSpace {
  /// Serves a fault by a large page, if there is one or could be; nil leaves it to small ones.
  func faultInLargePage(
    _ address: UInt64, _ area: Area<MemoryObject>, _ access: MemoryAccess
  ) -> FaultResult? {
    guard Configuration.HUGE_PAGES else { return nil }
    let start = address & ~(HugePages.size - 1)
    let (lowest, level) = tables.lowestEntry(LinearAddress(address))
    if level == 2, lowest.pointee & PageFlags.large.rawValue != 0 {
      return useLargePage(lowest, start, area, access)
    }
    guard area.kind.contains(.hugePages), area.object == nil, start >= area.start,
      start + HugePages.size <= area.end, level > 1 || removeEmptyTable(start)
    else { return nil }
    let isOnly = area.kind.contains(.onlyHugePages)
    guard let entry = tables.makeLargeEntry(LinearAddress(start)),
      let block = Frames.allocate(order: HugePages.order, [.zero, .user, .noRetry])
    else { return isOnly ? .failure(.outOfMemory) : nil }
    Frames.change(block, adding: .anonymous)
    minorFaults += 1
    MemoryStatistics.count(.hugeFaults)
    count(pages: HugePages.frames)
    tableLock.withLock {
      entry.pointee = block.value | area.pageFlags.union(.large).rawValue
    }
    return .success(())
  }

  /// Takes a page table whose pages were dropped, or were never there, out of a large page's way.
  private func removeEmptyTable(_ start: UInt64) -> Bool {
    guard let entry = tables.makeLargeEntry(LinearAddress(start)) else { return false }
    let table = PhysicalAddress(entry.pointee & PageTables.addressMask)
    let isEmpty: Bool = tableLock.withLock {
      for index in 0..<512 where PageTables.entry(table, index).pointee != 0 { return false }
      entry.pointee = 0
      return true
    }
    guard isEmpty else { return false }
    TLB.flush(start..<start + HugePages.size, root: tables.root)
    PageTables.countFrames(-1)
    Frames.release(table)
    return true
  }

  /// A fault in a large page that is there: hidden, or read-only because of fork or mprotect.
  private func useLargePage(
    _ entry: PageTables.Entry, _ start: UInt64, _ area: Area<MemoryObject>, _ access: MemoryAccess
  ) -> FaultResult {
    let value = entry.pointee
    let block = PhysicalAddress(value & PageTables.addressMask)
    var flags = area.pageFlags.union(.large)
    if access != .write { flags.remove(.writable) }
    if value & PageFlags.present.rawValue == 0 || access != .write {
      if value & PageFlags.writable.rawValue != 0 { return .success(()) }
      flags.remove(.writable)
      tableLock.withLock { entry.pointee = block.value | flags.rawValue }
      guard access == .write else { return .success(()) }
      flags.insert(.writable)
    }
    if Frames.references(block) == 1 {
      tableLock.withLock { entry.pointee = block.value | flags.rawValue }
      TLB.flush(page: start, root: tables.root)
      return .success(())
    }
    guard let copy = Frames.allocate(order: HugePages.order, [.user, .noRetry]) else {
      return splitLarge(at: start + pageSize) ? .success(()) : .failure(.outOfMemory)
    }
    copies += 1
    copy.pointer.copyMemory(from: block.pointer, byteCount: Int(HugePages.size))
    Frames.change(copy, adding: .anonymous)
    tableLock.withLock { entry.pointee = 0 }
    TLB.flush(start..<start + HugePages.size, root: tables.root)
    tableLock.withLock { entry.pointee = copy.value | flags.rawValue }
    Frames.release(block)
    return .success(())
  }

  /// Makes small pages of the large one that `address` lies inside of, if it does.
  @discardableResult
  func splitLarge(at address: UInt64) -> Bool {
    guard address % HugePages.size != 0, address < Layout.userSpace.upperBound else { return true }
    let (entry, level) = tables.lowestEntry(LinearAddress(address))
    let value = entry.pointee
    guard level == 2, value & PageFlags.large.rawValue != 0 else { return true }
    let start = address & ~(HugePages.size - 1)
    let block = PhysicalAddress(value & PageTables.addressMask)
    guard let table = Frames.allocate(order: 0, .zero) else { return false }
    var frames = block
    if Frames.references(block) > 1 {
      guard let copy = Frames.allocate(order: HugePages.order, [.user, .noRetry]) else {
        Frames.release(table)
        return false
      }
      copy.pointer.copyMemory(from: block.pointer, byteCount: Int(HugePages.size))
      Frames.change(copy, adding: .anonymous)
      frames = copy
    }
    Frames.split(frames, order: HugePages.order)
    let flags = value & ~PageTables.addressMask & ~PageFlags.large.rawValue
    for index in 0..<512 {
      let frame = frames + UInt64(index) * pageSize
      Frames.adopt(
        frame, .anonymous, index: start / pageSize + UInt64(index), owner: 0, active: true)
      PageTables.entry(table, index).pointee = frame.value | flags
    }
    PageTables.countFrames(1)
    tableLock.withLock { PageTables.link(entry, to: table, level: 2) }
    TLB.flush(start..<start + HugePages.size, root: tables.root)
    if frames != block { Frames.release(block) }
    return true
  }
}
