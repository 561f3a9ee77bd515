/// Mapping and unmapping: mmap, munmap, mprotect, brk, madvise.
import KernelArch

extension SystemCalls {
  /// mmap(address, length, protection, flags, descriptor, offset): returns where.
  static func map(
    _ address: UInt64, _ length: UInt64, _ protection: UInt64, _ flags: UInt64,
    _ descriptor: Int32, _ offset: Int64
  ) throws(SystemFailure) -> UInt64 {
    let space = Process.current.space
    let flags = MapFlags(rawValue: UInt32(truncatingIfNeeded: flags))
    let protection = Protection(rawValue: UInt32(truncatingIfNeeded: protection & 7))
    guard flags.contains(.shared) != flags.contains(.private), length > 0,
      offset >= 0, UInt64(offset) % pageSize == 0
    else { throw SystemFailure(.invalidArgument) }
    guard !flags.contains(.locked) || space.mayLock() else { throw SystemFailure(.notPermitted) }
    let source = try source(flags, protection, descriptor)
    let isFixed = !flags.isDisjoint(with: [.fixed, .fixedNoReplace])
    let result = space.map(
      at: isFixed ? address : nil, size: length, protection, kind(flags).union(source.kind),
      object: source.object, offset: source.object == nil ? 0 : UInt64(offset),
      replacing: !flags.contains(.fixedNoReplace))
    switch result {
    case .failure(let failure): throw failure
    case .success(let start):
      if !flags.isDisjoint(with: [.populate, .locked]) || space.locksNewAreas {
        space.populate(start..<start + length)
      }
      return start
    }
  }

  private static func kind(_ flags: MapFlags) -> AreaKind {
    var kind: AreaKind = flags.contains(.shared) ? .shared : []
    if flags.contains(.growsDown) { kind.insert(.growsDown) }
    if flags.contains(.locked) { kind.insert(.locked) }
    if flags.contains(.noReserve), Commitment.mode != .never { kind.insert(.noReserve) }
    if flags.contains(.hugePages), flags.contains(.private) {
      kind.formUnion([.hugePages, .onlyHugePages])
    }
    return kind
  }

  /// What is to be mapped: nothing for private memory, a new object for shared memory, or a file, and
  /// whether that may ever be written.
  private static func source(
    _ flags: MapFlags, _ protection: Protection, _ descriptor: Int32
  ) throws(SystemFailure) -> (object: MemoryObject?, kind: AreaKind) {
    let isShared = flags.contains(.shared)
    if flags.contains(.anonymous) { return (isShared ? SharedMemory() : nil, []) }
    let file = try FileTable.ofCaller().get(Int(descriptor))
    defer { file.drop() }
    guard let inode = file.inode else { throw SystemFailure(.noSuchDevice) }
    let isReadOnly = isShared && !file.flags.canWrite
    guard file.flags.canRead, !isReadOnly || !protection.contains(.write) else {
      throw SystemFailure(.accessDenied)
    }
    let kind: AreaKind = isReadOnly ? .readOnly : []
    guard inode.kind == .regular else { return (DeviceObject(file), kind) }
    let object = PageCache.object(of: inode, name: file.path?.text ?? [])
    guard let object else { throw SystemFailure(.notFound) }
    if isShared, !isReadOnly { PageCache.startWriter() }
    return (object, kind)
  }

  /// msync(address, length, flags): what shared mappings have written is in the files.
  static func synchronize(
    _ address: UInt64, _ length: UInt64, _ flags: UInt64
  ) throws(SystemFailure) -> UInt64 {
    guard let range = pages(address, length) else { throw SystemFailure(.invalidArgument) }
    let space = Process.current.space
    var at = range.lowerBound
    var isMapped = false
    while true {
      let next = space.lock.withLock { space.areas.first(endingAfter: at) }
      guard let next, next.start < range.upperBound else { break }
      isMapped = true
      at = next.end
      guard next.isShared, let object = next.object else { continue }
      if object.writeBack() == nil { throw SystemFailure(.inputOutput) }
    }
    guard isMapped else { throw SystemFailure(.outOfMemory) }
    return 0
  }

  static func unmap(_ address: UInt64, _ length: UInt64) -> Answer {
    guard let range = pages(address, length) else { return fail(.invalidArgument) }
    return Process.current.space.unmap(range) ? .success(0) : fail(.outOfMemory)
  }

  static func protect(_ address: UInt64, _ length: UInt64, _ protection: UInt64) -> Answer {
    guard protection & ~7 == 0 else { return fail(.invalidArgument) }
    if length == 0, address % pageSize == 0 { return .success(0) }
    guard let range = pages(address, length) else { return fail(.invalidArgument) }
    return Process.current.space.protect(
      range, Protection(rawValue: UInt32(truncatingIfNeeded: protection)))
  }

  /// brk(end): returns the end of the heap, which is the old one when it could not be moved.
  static func brk(_ end: UInt64) -> Answer {
    .success(Process.current.space.brk(end))
  }

  static func advise(_ address: UInt64, _ length: UInt64, _ advice: Int32) -> Answer {
    let process = Process.current
    guard advice >= 0, let advice = MemoryAdvice(rawValue: UInt64(advice)),
      let range = pages(address, length)
    else {
      return fail(.invalidArgument)
    }
    return process.space.advise(range, advice) ? .success(0) : fail(.outOfMemory)
  }

  /// mincore(address, length, vector): a byte for each page, 1 when it is in memory.
  static func residency(
    _ address: UInt64, _ length: UInt64, _ vector: UInt64
  ) throws(SystemFailure) -> UInt64 {
    guard let range = pages(address, length) else { throw SystemFailure(.invalidArgument) }
    let space = Process.current.space
    guard space.lock.withLock({ space.areas.covers(range) }) else {
      throw SystemFailure(.outOfMemory)
    }
    var at = vector
    for page in stride(from: range.lowerBound, to: range.upperBound, by: Int(pageSize)) {
      let isThere = space.translate(page) != nil
      try UserMemory.put(isThere ? 1 as UInt8 : 0, at: at)
      at += 1
    }
    return 0
  }

  /// The whole pages of a range in user space.
  static func pages(_ address: UInt64, _ length: UInt64) -> Range<UInt64>? {
    let limit = Layout.userSpace.upperBound
    guard address % pageSize == 0, length > 0, address < limit, length <= limit - address else {
      return nil
    }
    return address..<address + (length + pageSize - 1) & ~(pageSize - 1)
  }
}
