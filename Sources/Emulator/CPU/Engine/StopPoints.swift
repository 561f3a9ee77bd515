/// Where the processors of a machine are to stop for a debugger.
///
/// Absent they cost nothing: an instruction with a breakpoint is in no block and so is stepped, and
/// pages with watched bytes have no TLB tags, so that their accesses take the slow path.
final class StopPoints {
  /// Linear addresses of instructions that are not to execute.
  var breakpoints: Set<UInt64> = []
  /// Watched bytes.
  var watchpoints: [Watchpoint] = []
  /// Accesses to watched bytes that nobody has taken note of yet.
  var hits: [WatchHit] = []

  /// Most hits that are kept; an instruction can make many.
  private static let hitLimit = 64

  /// Notes that a device wrote memory; it belongs to no instruction.
  func noteTransfer(_ address: PhysicalAddress, _ count: UInt64) {
    for point in watchpoints
    where point.isPhysical && point.counts(isWrite: true) && point.covers(address.value, count) {
      add(
        WatchHit(
          watchpoint: point, address: address.value, size: count, isWrite: true, rip: nil,
          position: 0))
    }
  }

  func add(_ hit: WatchHit) {
    if hits.count < Self.hitLimit { hits.append(hit) }
  }
}

/// Kinds of accesses, as the TLB's tags tell them apart.
struct WatchedAccesses: OptionSet {
  let rawValue: UInt8

  static let read = WatchedAccesses(rawValue: 1)
  static let write = WatchedAccesses(rawValue: 2)
}

extension Watchpoint {
  /// Whether it covers any byte of a range.
  func covers(_ start: UInt64, _ size: UInt64) -> Bool {
    start &- address < count || address &- start < size
  }

  /// Whether accesses of a kind count.
  func counts(isWrite: Bool) -> Bool {
    switch kind {
    case .read: !isWrite
    case .write: isWrite
    case .readOrWrite: true
    }
  }
}

extension CPU {
  /// Whether an instruction at the present RIP is not to execute.
  var isAtBreakpoint: Bool {
    connections.stopPoints.breakpoints.contains(codeAddress(state.pointee.rip).value)
  }

  /// Makes the engine stop behind the current instruction.
  func requestStop() {
    state.pointee.stopsSoon = true
    requestInterruptCheck()
  }

  /// The accesses to a page that must be looked at, one by one.
  @inline(never)
  func watchedAccesses(_ page: UInt64, physical: UInt64) -> WatchedAccesses {
    var watched: WatchedAccesses = []
    for point in connections.stopPoints.watchpoints
    where point.covers(point.isPhysical ? physical : page, 4096) {
      // What reads before it writes goes by the write tag.
      watched.formUnion(point.kind == .write ? .write : [.read, .write])
    }
    return watched
  }

  /// Notes a data access to watched linear bytes, or to physical ones that it reads.
  ///
  /// Writes to physical bytes are noted where they happen: paging structures have no other access.
  @inline(never)
  func watchLinear(
    _ address: LinearAddress, physical: PhysicalAddress, size: UInt64, isWrite: Bool
  ) {
    for point in connections.stopPoints.watchpoints where point.counts(isWrite: isWrite) {
      let isCovered =
        point.isPhysical
        ? !isWrite && point.covers(physical.value, size) : point.covers(address.value, size)
      if isCovered { note(point, address.value, size, isWrite: isWrite) }
    }
  }

  /// Notes a write to watched physical bytes.
  @inline(never)
  func watchPhysical(_ address: PhysicalAddress, size: UInt64) {
    for point in connections.stopPoints.watchpoints
    where point.isPhysical && point.counts(isWrite: true) && point.covers(address.value, size) {
      note(point, address.value, size, isWrite: true)
    }
  }

  private func note(_ point: Watchpoint, _ address: UInt64, _ size: UInt64, isWrite: Bool) {
    connections.stopPoints.add(
      WatchHit(
        watchpoint: point, address: address, size: size, isWrite: isWrite,
        rip: state.pointee.rip, position: instructionCount &- 1))
    requestStop()
  }
}
