/// A stack that is written before it becomes current, so that a fault leaves nothing behind.
struct PendingStack {
  let cpu: CPU
  /// The stack segment; its base and limit count outside 64-bit mode only.
  let segment: SegmentRegister
  /// Width of the stack pointer in bytes.
  let width: UInt8
  /// Privilege of the pushes.
  let access: Access
  /// What a push beyond the segment, or to a non-canonical address, raises.
  let fault: Exception
  /// The stack pointer so far.
  var pointer: UInt64

  /// The current stack, at its privilege.
  init(current cpu: CPU, fault: Exception = .stackFault(errorCode: 0)) {
    self.cpu = cpu
    segment = cpu[.ss]
    width = cpu.stackAddressSize
    access = .write
    self.fault = fault
    pointer = cpu[.rsp]
  }

  /// The stack of an inner privilege level (or an interrupt stack) in 64-bit mode.
  init(cpu: CPU, rsp: UInt64, access: Access, fault: Exception) {
    self.cpu = cpu
    segment = .null
    width = 8
    self.access = access
    self.fault = fault
    pointer = rsp
  }

  /// The stack of an inner privilege level in protected mode.
  init(cpu: CPU, segment: SegmentRegister, esp: UInt64, fault: Exception) {
    self.cpu = cpu
    self.segment = segment
    width = segment.isBig ? 4 : 2
    access = .systemWrite
    self.fault = fault
    pointer = segment.isBig ? esp : cpu[.rsp] & 0xFFFF_0000 | esp & 0xFFFF
  }

  /// Raises `fault` unless `count` values of `size` bytes can be pushed.
  func reserve(_ count: Int, size: UInt8) throws(Exception) {
    var top = pointer
    for _ in 0..<count {
      top = cpu.truncate(top &- UInt64(size), toSize: width)
      _ = try address(of: top, size: size)
    }
  }

  /// Pushes one value.
  mutating func push(_ value: UInt64, size: UInt8) throws(Exception) {
    let top = cpu.truncate(pointer &- UInt64(size), toSize: width)
    try cpu.store(value, at: try address(of: top, size: size), size: size, access: access)
    pointer = width == 2 ? pointer & ~0xFFFF | top : top
  }

  private func address(of offset: UInt64, size: UInt8) throws(Exception) -> LinearAddress {
    if width == 8 {
      let address = LinearAddress(offset)
      guard cpu.isCanonical(address), cpu.isCanonical(address + (UInt64(size) - 1)) else {
        throw fault
      }
      return address
    }
    guard segment.isPresent, segment.isWritableOrReadable, !segment.isCode,
      cpu.isWithinLimit(segment, offset: offset, size: UInt64(size))
    else { throw fault }
    return LinearAddress((segment.base &+ offset) & 0xFFFF_FFFF)
  }
}
