/// mlock: pages that stay in memory, whatever others need, for who must not wait for a disk or must not have
/// secrets written to one. The area says so of pages to come, and each entry of those that are there, where
/// reclaim finds it without the list of areas.
import KernelArch

extension AddressSpace {
  /// Locks the pages of a range, all brought in, or lets them go again.
  func setLocked(_ range: Range<UInt64>, _ isLocked: Bool, limit: UInt64) -> SystemError? {
    let error = lock.withLock { () -> SystemError? in
      guard areas.covers(range), areas.count + 2 <= AddressSpace.mostAreas,
        !isLocked || lockedSize(with: range) <= limit
      else { return .outOfMemory }
      splitLarge(at: range.lowerBound)
      splitLarge(at: range.upperBound)
      areas.update(range) { area in
        if isLocked { area.kind.insert(.locked) } else { area.kind.remove(.locked) }
      }
      markEntries(range, isLocked)
      return nil
    }
    if error == nil, isLocked { populate(range) }
    return error
  }

  /// Bytes that are locked, and those of `range`.
  private func lockedSize(with range: Range<UInt64>) -> UInt64 {
    var size: UInt64 = 0
    for area in areas {
      if area.kind.contains(.locked) {
        size += area.size
      } else if area.range.overlaps(range) {
        size += area.part(range).size
      }
    }
    return size
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
    let process = Process.current
    let limit = Permission.isSuperuser ? .max : process.limits[.lockedMemory].soft
    guard !isLocked || limit > 0 else { throw SystemFailure(.notPermitted) }
    if let error = process.space.setLocked(range, isLocked, limit: limit) {
      throw SystemFailure(error)
    }
    return 0
  }
}
