/// What happens at a page fault: the list of areas says whether the access is allowed; if it is, the
/// page is found or made, and the instruction starts again as if nothing had happened.
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

extension PageFlags {
  /// Not present although there is a page: PROT_NONE.
  ///
  /// One of the bits the processor ignores then.
  static let hidden = PageFlags(rawValue: 1 << 9)
}

/// How far a stack may grow, and what stays free below it.
enum Stack {
  static let limit: UInt64 = 8 << 20
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

extension AddressSpace {
  /// Makes `access` to `address` possible, or says why it is not.
  func fault(_ address: UInt64, _ access: MemoryAccess) -> Result<Void, FaultFailure> {
    guard Layout.userSpace.contains(address), let area = area(for: address),
      area.allows(access)
    else { return .failure(.badAddress) }
    let page = address & ~(pageSize - 1)
    guard let entry = tables.makeEntry(LinearAddress(page)) else { return .failure(.outOfMemory) }
    var result: Result<Void, FaultFailure>
    if entry.pointee & PageFlags.present.rawValue != 0 {
      result = access == .write ? makeWritable(entry, page, area) : .success(())
    } else {
      result = bringIn(entry, page, area, access)
    }
    TLB.flush(page: page, root: tables.root)
    return result
  }

  /// The area of an address; a stack grows to it if it is close enough.
  private func area(for address: UInt64) -> Area<MemoryObject>? {
    if let area = areas.find(address) { return area }
    let index = areas.firstIndex(endingAfter: address)
    guard index < areas.count, areas[index].kind.contains(.growsDown) else { return nil }
    let stack = areas[index]
    let bottom = address & ~(pageSize - 1)
    guard stack.end - bottom <= Stack.limit else { return nil }
    let lowest = bottom > Stack.guardGap ? bottom - Stack.guardGap : 0
    if index > 0, areas[index - 1].end > lowest { return nil }
    guard Commitment.charge((stack.start - bottom) / pageSize) else { return nil }
    committed += (stack.start - bottom) / pageSize
    _ = areas.resize(index, to: bottom..<stack.end)
    return areas[index]
  }

  /// True when a stack lies above `address` and would have had to grow too far to reach it.
  func isBelowStack(_ address: UInt64) -> Bool {
    let index = areas.firstIndex(endingAfter: address)
    guard index < areas.count, areas[index].start > address else { return false }
    return areas[index].kind.contains(.growsDown)
      && areas[index].end - address <= Stack.limit + Stack.guardGap
  }

  /// A page that is not there: from its object, or zeroes.
  private func bringIn(
    _ entry: PageTables.Entry, _ page: UInt64, _ area: Area<MemoryObject>, _ access: MemoryAccess
  ) -> Result<Void, FaultFailure> {
    if entry.pointee & PageFlags.hidden.rawValue != 0 {
      entry.pointee = entry.pointee & ~PageFlags.hidden.rawValue | PageFlags.present.rawValue
      return access == .write ? makeWritable(entry, page, area) : .success(())
    }
    guard let object = area.object else {
      minorFaults += 1
      if access == .write {
        return install(Frames.allocate(order: 0, [.zero, .user]), entry, page, area)
      }
      entry.pointee = ZeroPage.frame.value | area.pageFlags.subtracting(.writable).rawValue
      return .success(())
    }
    switch object.page(area.objectPage(page)) {
    case .failure(let failure): return .failure(failure)
    case .success(let frame):
      minorFaults += 1
      pageCount += 1
      entry.pointee = frame.value | area.pageFlags.subtracting(.writable).rawValue
      return access == .write ? makeWritable(entry, page, area) : .success(())
    }
  }

  /// A write to a page that is mapped read-only, in an area that allows it.
  private func makeWritable(
    _ entry: PageTables.Entry, _ page: UInt64, _ area: Area<MemoryObject>
  ) -> Result<Void, FaultFailure> {
    let old = PhysicalAddress(entry.pointee & PageTables.addressMask)
    if entry.pointee & PageFlags.writable.rawValue != 0 { return .success(()) }
    if area.isShared {
      Frames.markDirty(old)
      entry.pointee |= PageFlags.writable.rawValue
      return .success(())
    }
    let isOnlyOurs =
      old != ZeroPage.frame && Frames.references(old) == 1
      && Frames.page(old).pointee.state.contains(.anonymous)
    if isOnlyOurs {
      entry.pointee |= PageFlags.writable.rawValue
      return .success(())
    }
    minorFaults += 1
    guard let copy = Frames.allocate(order: 0, [.user]) else { return .failure(.outOfMemory) }
    copy.pointer.copyMemory(from: old.pointer, byteCount: Int(pageSize))
    if old != ZeroPage.frame {
      copies += 1
      pageCount -= 1
      entry.pointee = 0
      TLB.flush(page: page, root: tables.root)
      Frames.release(old)
    }
    return install(copy, entry, page, area)
  }

  /// Maps a frame that nobody else has.
  private func install(
    _ frame: PhysicalAddress?, _ entry: PageTables.Entry, _ page: UInt64,
    _ area: Area<MemoryObject>
  ) -> Result<Void, FaultFailure> {
    guard let frame else { return .failure(.outOfMemory) }
    let descriptor = Frames.page(frame)
    descriptor.pointee.state.insert(.anonymous)
    descriptor.pointee.index = page / pageSize
    pageCount += 1
    entry.pointee = frame.value | area.pageFlags.rawValue
    return .success(())
  }

  /// The frame of a page that the kernel is about to write to on the program's behalf, whatever the
  /// program may do.
  func privatePage(_ page: UInt64) -> PhysicalAddress? {
    guard let area = areas.find(page), let entry = tables.makeEntry(LinearAddress(page)) else {
      return nil
    }
    if entry.pointee & PageFlags.present.rawValue == 0 {
      guard case .success = bringIn(entry, page, area, .write) else { return nil }
    }
    guard case .success = makeWritable(entry, page, area) else { return nil }
    if !area.protection.contains(.write) { entry.pointee &= ~PageFlags.writable.rawValue }
    return PhysicalAddress(entry.pointee & PageTables.addressMask)
  }
}

extension AddressSpace {
  /// Touches every page of a range beforehand, as far as memory goes.
  func populate(_ range: Range<UInt64>) {
    for page in stride(from: range.lowerBound, to: range.upperBound, by: Int(pageSize)) {
      guard let area = areas.find(page) else { continue }
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
    if !protection.contains(.execute) { flags.insert(.noExecute) }
    return flags
  }
}

// MARK: From the exception

enum PageFaults {
  /// Called for each page fault; true when the instruction can start again.
  static func resolve(_ frame: UnsafeMutablePointer<trap_frame>, _ address: UInt64) -> Bool {
    Trace.record(.pageFault, address, frame.pointee.error)
    guard let space = Scheduler.running?.process?.space, frame.pointee.error >> 3 & 1 == 0,
      Layout.userSpace.contains(address)
    else { return false }
    if case .success = space.fault(address, MemoryAccess(errorCode: frame.pointee.error)) {
      return true
    }
    return false
  }
}
