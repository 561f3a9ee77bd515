/// mlock and mlockall: pages that stay in memory, whatever others need, for who must not wait for a disk or
/// must not have secrets written to one. The area says so of pages to come, and each entry of those that are
/// there, where reclaim finds it without the list of areas.
import KernelArch

extension AddressSpace {
  /// Locks the pages of a range, all brought in, or lets them go again.
  func setLocked(_ range: Range<UInt64>, _ isLocked: Bool) -> SystemError? {
    let error = lock.withLock { () -> SystemError? in
      guard areas.covers(range), areas.count + 2 <= AddressSpace.mostAreas,
        !isLocked || mayLock(unlockedSize(in: range))
      else { return .outOfMemory }
      splitLarge(at: range.lowerBound)
      splitLarge(at: range.upperBound)
      mark(range, isLocked)
      return nil
    }
    if error == nil, isLocked { populate(range) }
    return error
  }

  /// Locks all areas there are, all brought in, or those to come, or both; what is not asked for of those to
  /// come is not locked any more.
  func lockAll(_ flags: LockFlags) -> SystemError? {
    let everything = 0..<Layout.userSpace.upperBound
    let error = lock.withLock { () -> SystemError? in
      if flags.contains(.current) {
        guard mayLock(unlockedSize(in: everything)) else { return .outOfMemory }
        mark(everything, true)
      }
      locksNewAreas = flags.contains(.future)
      return nil
    }
    if error != nil || !flags.contains(.current) { return error }
    var at: UInt64 = 0
    while let area = lock.withLock({ areas.first(endingAfter: at) }) {
      populate(area.range)
      at = area.end
    }
    return nil
  }

  func unlockAll() {
    lock.withLock {
      locksNewAreas = false
      mark(0..<Layout.userSpace.upperBound, false)
    }
  }

  /// Whether its process may lock so many bytes more; `lock` is held, unless they are none.
  ///
  /// Who has no right to any may not ask for none either.
  func mayLock(_ more: UInt64 = 0) -> Bool {
    if Permission.isSuperuser { return true }
    return more == 0 ? lockedLimit > 0 : lockedSize + more <= lockedLimit
  }

  /// `lock` is held.
  var lockedSize: UInt64 { areas.pages { $0.kind.contains(.locked) } * pageSize }

  private func unlockedSize(in range: Range<UInt64>) -> UInt64 {
    var size: UInt64 = 0
    for area in areas where area.range.overlaps(range) && !area.kind.contains(.locked) {
      size += area.part(range).size
    }
    return size
  }

  private func mark(_ range: Range<UInt64>, _ isLocked: Bool) {
    areas.update(range) { area in
      if isLocked { area.kind.insert(.locked) } else { area.kind.remove(.locked) }
    }
    for area in areas.parts(in: range) { markEntries(area.range, isLocked) }
  }

  private func markEntries(_ range: Range<UInt64>, _ isLocked: Bool) {
    tableLock.withLock {
      tables.visit(range) { entry, _, _ in
        guard entry.pointee & (PageFlags.present.rawValue | PageFlags.hidden.rawValue) != 0 else {
          return
        }
        entry.pointee &= ~PageFlags.locked.rawValue
        if isLocked { entry.pointee |= PageFlags.locked.rawValue }
      }
    }
  }

  /// In a child: its entries are without the mark.
  func unlockAreas() {
    var isLocked = false
    for area in areas where area.kind.contains(.locked) { isLocked = true }
    guard isLocked else { return }
    areas.update(0..<Layout.userSpace.upperBound) { $0.kind.remove(.locked) }
  }
}

extension SystemCalls {
  static func lockMemory(_ address: UInt64, _ length: UInt64) throws(SystemFailure) -> UInt64 {
    try setLocked(address, length, true)
  }

  static func unlockMemory(_ address: UInt64, _ length: UInt64) throws(SystemFailure) -> UInt64 {
    try setLocked(address, length, false)
  }

  /// Of all pages that have a byte of the range.
  private static func setLocked(
    _ address: UInt64, _ length: UInt64, _ isLocked: Bool
  ) throws(SystemFailure) -> UInt64 {
    if length == 0 { return 0 }
    let offset = address % pageSize
    guard length < 1 << 62, let range = pages(address - offset, length + offset) else {
      throw SystemFailure(.outOfMemory)
    }
    let space = Process.current.space
    guard !isLocked || space.mayLock() else { throw SystemFailure(.notPermitted) }
    if let error = space.setLocked(range, isLocked) { throw SystemFailure(error) }
    return 0
  }

  static func lockAllMemory(_ flags: Int32) throws(SystemFailure) -> UInt64 {
    let flags = LockFlags(rawValue: flags)
    guard !flags.isEmpty, flags.isSubset(of: [.current, .future]) else {
      throw SystemFailure(.invalidArgument)
    }
    let space = Process.current.space
    guard space.mayLock() else { throw SystemFailure(.notPermitted) }
    if let error = space.lockAll(flags) { throw SystemFailure(error) }
    return 0
  }

  static func unlockAllMemory() -> Answer {
    Process.current.space.unlockAll()
    return .success(0)
  }
}
