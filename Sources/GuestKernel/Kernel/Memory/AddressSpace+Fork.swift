/// fork: a second space with the same contents, without copying any. Private pages become read-only on
/// both sides; the first write to one makes a copy (`AddressSpace+Fault`).
import KernelArch

extension AddressSpace {
  /// A space with the same contents, or nil when memory has run out.
  ///
  /// Private pages are shared until one side writes, shared ones for good.
  func fork() -> AddressSpace? {
    for _ in 0..<4 {
      // Made before `lock` is taken: the registry comes first.
      guard let child = AddressSpace() else { return nil }
      switch lock.withLock({ copy(to: child) }) {
      case .complete: return child
      case .refused:
        child.release()
        return nil
      case .outOfMemory:
        child.release()
        guard Reclaim.mayWait, Reclaim.makeRoom(32) else { return nil }
      }
    }
    return nil
  }

  private enum CopyResult {
    case complete
    /// The commit limit forbids it.
    case refused
    case outOfMemory
  }

  private func copy(to child: AddressSpace) -> CopyResult {
    guard child.charge(committed) else { return .refused }
    child.heapStart = heapStart
    child.heapEnd = heapEnd
    child.stackTop = stackTop
    child.mappingTop = mappingTop
    child.program = program
    child.areas = areas
    // What is locked here is not locked there.
    child.unlockAreas()
    for area in areas { area.object?.mappingChanged(by: Int(area.size / pageSize)) }
    var isComplete = true
    for area in areas where !area.isShared && isComplete {
      isComplete = child.takeOver(area.range, of: self)
    }
    TLB.flushAll(root: tables.root)
    return isComplete ? .complete : .outOfMemory
  }

  /// Takes over the pages of a range, read-only on both sides.
  private func takeOver(_ range: Range<UInt64>, of parent: AddressSpace) -> Bool {
    var address = range.lowerBound
    while address < range.upperBound {
      let (entry, level) = parent.tables.lowestEntry(LinearAddress(address))
      let size: UInt64 = 1 << UInt64(3 + 9 * level)
      if entry.pointee != 0 {
        let own =
          level == 1
          ? tables.makeEntry(LinearAddress(address)) : tables.makeLargeEntry(LinearAddress(address))
        guard let own else { return false }
        parent.tableLock.withLock { copyEntry(entry, own, level) }
      }
      address = (address & ~(size - 1)) &+ size
    }
    return true
  }

  /// `tableLock` of the parent is held: reclaim must not take the page in between.
  private func copyEntry(_ entry: PageTables.Entry, _ own: PageTables.Entry, _ level: Int) {
    let value = entry.pointee
    guard value != 0 else { return }
    if let slot = PageEntry.slot(value) {
      Swap.retain(slot)
      count(swapped: 1)
      own.pointee = value
      return
    }
    entry.pointee = value & ~PageFlags.writable.rawValue
    own.pointee = entry.pointee & ~PageFlags.locked.rawValue
    let frame = PhysicalAddress(value & PageTables.addressMask)
    guard frame != ZeroPage.frame else { return }
    Frames.retain(frame)
    count(pages: level == 1 ? 1 : HugePages.frames)
  }
}
