import Glibc

extension CPU {
  /// Does many iterations of REP MOVS or REP STOS at once and returns how many; zero if the next
  /// one needs the general way.
  ///
  /// Fast path: equals as many single iterations, and does only those inside one source and one
  /// destination page of plain RAM that the TLB vouches for.
  func bulk(_ i: borrowing Instruction, atMost limit: UInt64) -> UInt64 {
    let isDown = state.pointee.rflags & RFLAGS.direction.rawValue != 0
    guard limit > 1, !isDown, !isWatching else { return 0 }
    switch i.mnemonic {
    case .movs: return bulkMove(i, atMost: limit)
    case .stos: return bulkStore(i, atMost: limit)
    default: return 0
    }
  }

  private func bulkMove(_ i: borrowing Instruction, atMost limit: UInt64) -> UInt64 {
    let size = UInt64(i.operandSize)
    guard
      let source = plainRun(i.segment, .rsi, i, access: .read),
      let destination = plainRun(.es, .rdi, i, access: .write)
    else { return 0 }
    var count = min(limit, min(source.bytes, destination.bytes) / size)
    // Bytes written must not be read again in the same go: a pattern that feeds itself.
    let distance = UInt64(truncatingIfNeeded: destination.host - source.host)
    if destination.host > source.host { count = min(count, distance / size) }
    guard count > 1 else { return 0 }
    let bytes = count &* size
    memmove(destination.host, source.host, Int(truncatingIfNeeded: bytes))
    writeRegister(Register.rsi.rawValue, size: i.addressSize, self[.rsi] &+ bytes)
    writeRegister(Register.rdi.rawValue, size: i.addressSize, self[.rdi] &+ bytes)
    return count
  }

  private func bulkStore(_ i: borrowing Instruction, atMost limit: UInt64) -> UInt64 {
    guard let destination = plainRun(.es, .rdi, i, access: .write) else { return 0 }
    let count = min(limit, destination.bytes / UInt64(i.operandSize))
    guard count > 1 else { return 0 }
    let elements = Int(truncatingIfNeeded: count)
    let value = self[.rax]
    switch i.operandSize {
    case 1: memset(destination.host, Int32(value & 0xFF), elements)
    case 2: fill(destination.host, UInt16(truncatingIfNeeded: value), elements)
    case 4: fill(destination.host, UInt32(truncatingIfNeeded: value), elements)
    default: fill(destination.host, value, elements)
    }
    let bytes = count &* UInt64(i.operandSize)
    writeRegister(Register.rdi.rawValue, size: i.addressSize, self[.rdi] &+ bytes)
    return count
  }

  private func fill<T: FixedWidthInteger & UnsignedInteger>(
    _ host: UnsafeMutableRawPointer, _ value: T, _ count: Int
  ) {
    for index in 0..<count {
      host.storeBytes(of: value, toByteOffset: index &* MemoryLayout<T>.size, as: T.self)
    }
  }

  /// The host memory behind an index register up to the end of the page, if all of it may be
  /// accessed without looking further.
  private func plainRun(
    _ segment: SegmentName, _ register: Register, _ i: borrowing Instruction, access: Access
  ) -> (host: UnsafeMutableRawPointer, bytes: UInt64)? {
    let offset = truncate(self[register], toSize: i.addressSize)
    guard
      let start = try? linearAddress(
        segment, offset: offset, size: UInt64(i.operandSize), access: access)
    else { return nil }
    let entry = bank(bankNumber(access)) + Self.slot(of: start.value)
    let tag = access.isWrite ? entry.pointee.writeTag : entry.pointee.readTag
    guard tag == start.page else { return nil }
    // The offset must neither wrap at the address size nor leave the segment on the way.
    let untilWrap = truncate(.max, toSize: i.addressSize) &- offset
    var bytes = min(4096 &- start.offset, untilWrap)
    if !mode.contains(.long) {
      let whole = isWithinLimit(self[segment], offset: offset, size: bytes)
      if !whole { bytes = 0 }
    }
    let address = UInt(truncatingIfNeeded: entry.pointee.host &+ start.offset)
    guard bytes > 0, let host = UnsafeMutableRawPointer(bitPattern: address) else { return nil }
    return (host, bytes)
  }
}
