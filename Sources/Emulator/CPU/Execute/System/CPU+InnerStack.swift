/// A stack that the TSS gives for an inner privilege level.
struct InnerStack {
  /// SS, with its hidden part.
  var segment: SegmentRegister
  /// SP, ESP or RSP.
  var pointer: UInt64
}

extension CPU {
  /// Reads RSPn or ISTn, at `offset` in the 64-bit TSS.
  ///
  /// `external` is EXT of error codes.
  func stackPointer(fromTSSAt offset: UInt64, external: UInt32) throws(Exception) -> UInt64 {
    let task = self[.tr]
    let blame = UInt32(task.selector & 0xFFFC) | external
    guard task.isPresent, offset &+ 7 <= UInt64(task.limit) else {
      throw failed(
        .tssTooSmall(offset: offset, limit: task.limit), .invalidTSS(errorCode: blame))
    }
    let address = try tableAddress(task.base, offset)
    let pointer = try load(address, as: UInt64.self, access: .systemRead)
    guard isCanonical(LinearAddress(pointer)) else {
      throw failed(.nonCanonicalStack(rsp: pointer), .stackFault(errorCode: external))
    }
    return pointer
  }

  /// The stack for `level` in IA-32e mode: a null SS and RSPn.
  func innerStack64(level: UInt8, external: UInt32) throws(Exception) -> InnerStack {
    let rsp = try stackPointer(fromTSSAt: UInt64(level) * 8 + 4, external: external)
    return InnerStack(segment: nullStackSegment(level: level), pointer: rsp)
  }

  /// SS as a switch to an inner level leaves it in IA-32e mode: null, with RPL the new CPL.
  func nullStackSegment(level: UInt8) -> SegmentRegister {
    SegmentRegister(selector: UInt16(level), attributes: 0, limit: 0, base: 0)
  }

  /// The stack for `level` in protected mode: SSn:ESPn of the TSS, after all checks.
  func innerStack(level: UInt8, external: UInt32) throws(Exception) -> InnerStack {
    let task = self[.tr]
    let isWide = task.type & 8 != 0
    let offset = isWide ? UInt64(level) * 8 + 4 : UInt64(level) * 4 + 2
    let size: UInt64 = isWide ? 6 : 4
    let blame = UInt32(task.selector & 0xFFFC) | external
    guard task.isPresent, offset + size - 1 <= UInt64(task.limit) else {
      throw failed(
        .tssTooSmall(offset: offset, limit: task.limit), .invalidTSS(errorCode: blame))
    }
    let address = try tableAddress(task.base, offset)
    let pointer = try load(address, size: isWide ? 4 : 2, access: .systemRead)
    let selector = SegmentSelector(
      try load(address + (size - 2), as: UInt16.self, access: .systemRead))
    let segment = try innerStackSegment(selector, level: level, external: external)
    return InnerStack(segment: segment, pointer: pointer)
  }

  private func innerStackSegment(
    _ selector: SegmentSelector, level: UInt8, external: UInt32
  ) throws(Exception) -> SegmentRegister {
    let blame = selector.errorCode | external
    guard !selector.isNull else {
      throw failed(
        .badStackSelector(selector.rawValue, .null), .invalidTSS(errorCode: external))
    }
    guard let descriptor = try descriptor(selector) else {
      throw failed(
        .badStackSelector(selector.rawValue, .beyondLimit), .invalidTSS(errorCode: blame))
    }
    guard selector.rpl == level, descriptor.dpl == level else {
      throw failed(
        .badStackSelector(selector.rawValue, .privilege), .invalidTSS(errorCode: blame))
    }
    guard descriptor.isWritableData else {
      throw failed(.badStackSelector(selector.rawValue, .type), .invalidTSS(errorCode: blame))
    }
    guard descriptor.isPresent else {
      throw failed(
        .badStackSelector(selector.rawValue, .notPresent), .stackFault(errorCode: blame))
    }
    return try markAccessed(descriptor, selector).segment(selector)
  }

  /// Notes which check failed for the diagnosis, and gives `exception` to throw.
  func failed(_ reason: DeliveryFailure, _ exception: Exception) -> Exception {
    connections.recorder.note(reason)
    return exception
  }
}
