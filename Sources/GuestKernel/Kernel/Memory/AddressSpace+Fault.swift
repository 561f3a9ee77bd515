/// What happens at a page fault: the list of areas says whether the access is allowed; if it is, the
/// page is found or made, and the instruction starts again as if nothing had happened.
///
/// Frames are looked for and filled without `tableLock`, since that may take long; the entry is changed
/// with it, and only if it is still what it was. Otherwise the instruction simply faults again.
import KernelArch

enum MemoryAccess {
  case read
  case write
  case execute

  /// From a page fault's error code.
  init(errorCode: UInt64) {
    self = errorCode >> 4 & 1 != 0 ? .execute : errorCode >> 1 & 1 != 0 ? .write : .read
  }
}

/// How far a stack may grow, and what stays free below it.
enum Stack {
  /// Unless the process is told otherwise.
  static let limit: UInt64 = 8 << 20
  /// Below that there are mappings.
  static let mostEver: UInt64 = 60 << 20
  static let guardGap: UInt64 = 1 << 20
}

/// The one frame that stands for all pages that were read but never written.
enum ZeroPage {
  nonisolated(unsafe) static var frame = PhysicalAddress(0)

  static func start() {
    guard let frame = Frames.allocate() else { panic("no memory for the zero page") }
    self.frame = frame
  }
}

typealias FaultResult = Result<Void, FaultFailure>

extension AddressSpace {
  /// Makes `access` to `address` possible, or says why it is not.
  ///
  /// When memory is short it lets go of everything, waits for reclaim, and tries again; when reclaim
  /// finds nothing, some process has to go.
  func fault(_ address: UInt64, _ access: MemoryAccess) -> FaultResult {
    MemoryStatistics.count(.faults)
    var attempts = 0
    while true {
      guard GroupMemory.keepLimit(for: self) else { return .failure(.outOfMemory) }
      let result = lock.withLock { tryFault(address, access) }
      guard case .failure(.outOfMemory) = result else {
        Reclaim.wakeIfLow()
        return result
      }
      attempts += 1
      // Large pages may not be had although there are enough small ones.
      if attempts < 16, !Thread.current.isDying, Reclaim.mayWait, Reclaim.makeRoom(1) { continue }
      if OutOfMemory.killSomebody(insteadOf: self) { continue }
      return result
    }
  }

  /// One attempt, with `lock` held.
  private func tryFault(_ address: UInt64, _ access: MemoryAccess) -> FaultResult {
    guard Layout.userSpace.contains(address), let area = area(for: address), area.allows(access)
    else { return .failure(.badAddress) }
    if let result = faultInLargePage(address, area, access) { return result }
    let page = address & ~(pageSize - 1)
    guard let entry = tables.makeEntry(LinearAddress(page)) else { return .failure(.outOfMemory) }
    let value = entry.pointee
    if value & PageFlags.present.rawValue != 0 {
      return access == .write ? makeWritable(entry, page, area) : .success(())
    }
    let result = bringIn(entry, value, page, area, access)
    guard case .success = result, access == .write else { return result }
    return makeWritable(entry, page, area)
  }

  /// The area of an address; a stack grows to it if it is close enough.
  private func area(for address: UInt64) -> Area<MemoryObject>? {
    guard let stack = areas.first(endingAfter: address) else { return nil }
    if stack.start <= address { return stack }
    guard stack.kind.contains(.growsDown) else { return nil }
    let bottom = address & ~(pageSize - 1)
    guard stack.end - bottom <= stackLimit, hasRoom(for: stack.start - bottom) else { return nil }
    let lowest = bottom > Stack.guardGap ? bottom - Stack.guardGap : 0
    if let below = areas.last(endingBy: address), below.end > lowest { return nil }
    guard !stack.kind.contains(.locked) || mayLock(stack.start - bottom) else { return nil }
    guard charge((stack.start - bottom) / pageSize) else { return nil }
    _ = areas.resize(areaAt: stack.start, to: bottom..<stack.end)
    return areas.find(address)
  }

  /// True when a stack lies above `address` and would have had to grow too far to reach it.
  func isBelowStack(_ address: UInt64) -> Bool {
    lock.withLock {
      guard let area = areas.first(endingAfter: address), area.start > address else { return false }
      return area.kind.contains(.growsDown)
        && area.end - address <= stackLimit + Stack.guardGap
    }
  }
}

// MARK: Pages that are not there

extension AddressSpace {
  /// From swap, from the area's object, or zeroes; read-only at first.
  private func bringIn(
    _ entry: PageTables.Entry, _ value: UInt64, _ page: UInt64, _ area: Area<MemoryObject>,
    _ access: MemoryAccess
  ) -> FaultResult {
    let flags = area.pageFlags.subtracting(.writable).rawValue
    if value & PageFlags.hidden.rawValue != 0 {
      _ = replace(entry, value, with: value & PageTables.addressMask | flags)
      return .success(())
    }
    if let slot = PageEntry.slot(value) { return swapIn(entry, value, slot, page, flags) }
    guard let object = area.object else {
      minorFaults += 1
      guard access == .write else {
        _ = replace(entry, 0, with: ZeroPage.frame.value | flags)
        return .success(())
      }
      guard let frame = Frames.allocate(order: 0, [.zero, .user, .noRetry]) else {
        return .failure(.outOfMemory)
      }
      install(frame, entry, 0, page, area)
      return .success(())
    }
    switch object.page(area.objectPage(page)) {
    case .failure(let failure): return .failure(failure)
    case .success(let found):
      if found.isNew {
        majorFaults += 1
        MemoryStatistics.count(.majorFaults)
      } else {
        minorFaults += 1
      }
      if replace(entry, 0, with: found.frame.value | flags) {
        count(pages: 1)
      } else {
        Frames.release(found.frame)
      }
      return .success(())
    }
  }

  private func swapIn(
    _ entry: PageTables.Entry, _ value: UInt64, _ slot: Int, _ page: UInt64, _ flags: UInt64
  ) -> FaultResult {
    guard let found = Swap.bringIn(slot) else { return .failure(.outOfMemory) }
    majorFaults += 1
    MemoryStatistics.count(.majorFaults)
    if found.isNew {
      Frames.adopt(
        found.frame, .anonymous, index: page / pageSize, owner: 0, active: true)
    }
    guard replace(entry, value, with: found.frame.value | flags) else {
      Frames.release(found.frame)
      return .success(())
    }
    count(pages: 1, swapped: -1)
    Swap.release(slot)
    return .success(())
  }

  /// Takes all pages back from swap; false when memory does not suffice, nil when the space is busy.
  ///
  /// The registry is held, which reclaim may wait for while the space's owner waits for reclaim.
  func bringEverythingIn() -> Bool? {
    guard lock.tryLock() else { return nil }
    defer { lock.unlock() }
    for area in areas {
      if let object = area.object, object.isSwapBacked, !object.bringEverythingIn() {
        return false
      }
      var isComplete = true
      tables.visit(area.range) { entry, page, _ in
        guard isComplete, let slot = PageEntry.slot(entry.pointee) else { return }
        let flags = area.pageFlags.subtracting(.writable).rawValue
        if case .failure = swapIn(entry, entry.pointee, slot, page, flags) { isComplete = false }
      }
      guard isComplete else { return false }
    }
    return true
  }

  /// Changes an entry that is still `old`, but for what the processor notes.
  private func replace(_ entry: PageTables.Entry, _ old: UInt64, with new: UInt64) -> Bool {
    tableLock.withLock {
      guard PageEntry.withoutNotes(entry.pointee) == PageEntry.withoutNotes(old) else {
        return false
      }
      entry.pointee = new
      return true
    }
  }

  /// Maps a frame that nobody else has in place of `old`; the frame is freed if that has changed.
  private func install(
    _ frame: PhysicalAddress, _ entry: PageTables.Entry, _ old: UInt64, _ page: UInt64,
    _ area: Area<MemoryObject>
  ) {
    Frames.adopt(frame, .anonymous, index: page / pageSize, owner: 0, active: true)
    if replace(entry, old, with: frame.value | area.pageFlags.rawValue) {
      count(pages: 1)
    } else {
      Frames.release(frame)
    }
  }
}

// MARK: Pages that are read-only

extension AddressSpace {
  /// A write to a page that is mapped read-only, in an area that allows it.
  private func makeWritable(
    _ entry: PageTables.Entry, _ page: UInt64, _ area: Area<MemoryObject>
  ) -> FaultResult {
    var old = PhysicalAddress(0)
    var value: UInt64 = 0
    let isDone: Bool = tableLock.withLock {
      value = entry.pointee
      if value & 1 == 0 || value & PageFlags.writable.rawValue != 0 { return true }
      old = PhysicalAddress(value & PageTables.addressMask)
      let isOnlyOurs =
        old != ZeroPage.frame && Frames.has(old, .anonymous) && Frames.references(old) == 1
      if area.isShared || isOnlyOurs {
        entry.pointee = value | PageFlags.writable.rawValue
        return true
      }
      if old != ZeroPage.frame { Frames.retain(old) }
      return false
    }
    if isDone {
      // Others that remember the page as read-only will fault once, and then see that it is not.
      invlpg(page)
      if area.isShared, old.value != 0 { Frames.markDirty(old) }
      return .success(())
    }
    return copyPage(old, entry, value, page, area)
  }

  /// The copy of copy on write; one reference to `old`, unless it is the zero page, is given up here.
  private func copyPage(
    _ old: PhysicalAddress, _ entry: PageTables.Entry, _ value: UInt64, _ page: UInt64,
    _ area: Area<MemoryObject>
  ) -> FaultResult {
    let isZero = old == ZeroPage.frame
    defer { if !isZero { Frames.release(old) } }
    let flags: GFP = isZero ? [.user, .noRetry, .zero] : [.user, .noRetry]
    guard let copy = Frames.allocate(order: 0, flags) else { return .failure(.outOfMemory) }
    minorFaults += 1
    if !isZero {
      copies += 1
      MemoryStatistics.count(.copies)
      copy.pointer.copyMemory(from: old.pointer, byteCount: Int(pageSize))
      // Nobody may go on reading the old frame: clear the entry, make all forget it, then map.
      guard replace(entry, value, with: 0) else {
        Frames.release(copy)
        return .success(())
      }
      count(pages: -1)
      TLB.flush(page: page, root: tables.root)
      Frames.release(old)
      install(copy, entry, 0, page, area)
    } else {
      install(copy, entry, value, page, area)
      TLB.flush(page: page, root: tables.root)
    }
    return .success(())
  }

  /// The frame of a page that the kernel is about to write to on the program's behalf, whatever the
  /// program may do, with a reference for the caller.
  func privatePage(_ page: UInt64) -> PhysicalAddress? {
    for _ in 0..<64 {
      var isShort = false
      let frame: PhysicalAddress? = lock.withLock { ownPage(page, &isShort) }
      if let frame { return frame }
      guard isShort, Reclaim.mayWait, Reclaim.makeRoom(1) else { return nil }
    }
    return nil
  }

  private func ownPage(_ page: UInt64, _ isShort: inout Bool) -> PhysicalAddress? {
    guard let area = areas.find(page) else { return nil }
    guard let entry = tables.makeEntry(LinearAddress(page)) else {
      isShort = true
      return nil
    }
    var writable = area
    writable.protection.insert(.write)
    if entry.pointee & PageFlags.present.rawValue == 0 {
      guard case .success = bringIn(entry, entry.pointee, page, writable, .write) else {
        isShort = true
        return nil
      }
    }
    guard case .success = makeWritable(entry, page, writable) else {
      isShort = true
      return nil
    }
    return tableLock.withLock {
      let value = entry.pointee
      guard value & 1 != 0 else {
        isShort = true  // reclaim was quicker: once more
        return nil
      }
      let frame = PhysicalAddress(value & PageTables.addressMask)
      Frames.retain(frame)
      if !area.protection.contains(.write) { entry.pointee &= ~PageFlags.writable.rawValue }
      // By another mapping, so that no processor notes it here.
      entry.pointee |= PageFlags.accessed.rawValue
      return frame
    }
  }

  /// Touches every page of a range beforehand, as far as memory goes.
  func populate(_ range: Range<UInt64>) {
    for page in stride(from: range.lowerBound, to: range.upperBound, by: Int(pageSize)) {
      guard let area = lock.withLock({ areas.find(page) }) else { continue }
      let access: MemoryAccess = area.protection.contains(.write) ? .write : .read
      guard case .success = fault(page, access) else { return }
    }
  }
}

extension Area {
  func allows(_ access: MemoryAccess) -> Bool {
    switch access {
    case .read: protection.contains(.read)
    case .write: protection.contains(.write)
    case .execute: protection.contains(.execute)
    }
  }

  /// The flags of its page table entries.
  var pageFlags: PageFlags {
    var flags: PageFlags = [.present, .user]
    if protection.contains(.write) { flags.insert(.writable) }
    if kind.contains(.locked) { flags.insert(.locked) }
    if !protection.contains(.execute) { flags.insert(.noExecute) }
    return flags
  }
}

// MARK: From the exception

enum PageFaults {
  enum Outcome {
    case resolved
    case outOfMemory
    case failed
  }

  /// Called for each page fault; when it is resolved the instruction can start again.
  static func resolve(_ frame: UnsafeMutablePointer<trap_frame>, _ address: UInt64) -> Outcome {
    Trace.record(.pageFault, address, frame.pointee.error)
    if frame.pointee.cs & 3 == 3 { Headroom.secure() }
    guard let space = Scheduler.running?.process?.space, frame.pointee.error >> 3 & 1 == 0,
      Layout.userSpace.contains(address)
    else { return .failed }
    GroupMemory.note(frame)
    switch space.fault(address, MemoryAccess(errorCode: frame.pointee.error)) {
    case .success: return .resolved
    case .failure(.outOfMemory): return .outOfMemory
    case .failure: return .failed
    }
  }
}
