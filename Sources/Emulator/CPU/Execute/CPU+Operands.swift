extension CPU {
  /// The offset that a memory operand names, wrapped to the address size.
  ///
  /// SDM volume 1, "Specifying an Offset".
  public func effectiveAddress(_ i: borrowing Instruction) -> UInt64 {
    let base =
      i.base == Instruction.ripBase ? state.pointee.nextRIP : self[Int(i.base)]
    let sum =
      base &+ self[Int(i.index)] &<< UInt64(i.scale) &+ UInt64(bitPattern: i.displacement)
    return truncate(sum, toSize: i.addressSize)
  }

  /// The low `size` bytes of a value, zero-extended.
  @inline(__always) public func truncate(_ value: UInt64, toSize size: UInt8) -> UInt64 {
    switch size {
    case 1: value & 0xFF
    case 2: value & 0xFFFF
    case 4: value & 0xFFFF_FFFF
    default: value
    }
  }

  /// The linear address of `size` bytes at the memory operand, after all segment checks.
  public func linearAddress(
    _ i: borrowing Instruction, size: UInt64, access: Access
  ) throws(Exception) -> LinearAddress {
    try linearAddress(i.segment, offset: effectiveAddress(i), size: size, access: access)
  }

  /// Applies segmentation: type, limit and canonical checks.
  ///
  /// SDM volume 3A, "Limit Checking", "Type Checking", and for 64-bit mode "Canonical Addressing"
  /// of volume 1.
  public func linearAddress(
    _ name: SegmentName, offset: UInt64, size: UInt64, access: Access
  ) throws(Exception) -> LinearAddress {
    if isLongMode {
      let usesBase = name == .fs || name == .gs
      let address = LinearAddress(offset &+ (usesBase ? self[name].base : 0))
      guard isCanonical(address), isCanonical(address + (size &- 1)) else {
        throw segmentViolation(name)
      }
      return address
    }
    let segment = self[name]
    guard segment.isPresent else { throw segmentViolation(name) }
    // Real-address mode goes by the rights that it finds, too.
    if access.isWrite {
      guard !segment.isCode, segment.isWritableOrReadable else { throw segmentViolation(name) }
    } else if segment.isCode && !segment.isWritableOrReadable && access != .execute {
      throw segmentViolation(name)
    }
    guard isWithinLimit(segment, offset: offset, size: size) else {
      throw segmentViolation(name)
    }
    return LinearAddress((segment.base &+ offset) & 0xFFFF_FFFF)
  }

  /// Whether bytes `offset ..< offset + size` are inside a segment outside 64-bit mode.
  public func isWithinLimit(_ segment: SegmentRegister, offset: UInt64, size: UInt64) -> Bool {
    let last = offset &+ size &- 1
    guard last >= offset else { return false }
    if segment.isConformingOrExpandDown && !segment.isCode {
      let upper: UInt64 = segment.isBig ? 0xFFFF_FFFF : 0xFFFF
      return offset > UInt64(segment.limit) && last <= upper
    }
    return last <= UInt64(segment.limit)
  }

  private func segmentViolation(_ name: SegmentName) -> Exception {
    name == .ss ? .stackFault(errorCode: 0) : .generalProtection(errorCode: 0)
  }

  /// Loads a memory value of 1, 2, 4 or 8 bytes, zero-extended.
  public func load(
    _ address: LinearAddress, size: UInt8, access: Access = .read
  ) throws(Exception) -> UInt64 {
    switch size {
    case 1: UInt64(try load(address, as: UInt8.self, access: access))
    case 2: UInt64(try load(address, as: UInt16.self, access: access))
    case 4: UInt64(try load(address, as: UInt32.self, access: access))
    default: try load(address, as: UInt64.self, access: access)
    }
  }

  /// Stores the low 1, 2, 4 or 8 bytes of a value.
  public func store(
    _ value: UInt64, at address: LinearAddress, size: UInt8, access: Access = .write
  ) throws(Exception) {
    switch size {
    case 1: try store(UInt8(truncatingIfNeeded: value), at: address, access: access)
    case 2: try store(UInt16(truncatingIfNeeded: value), at: address, access: access)
    case 4: try store(UInt32(truncatingIfNeeded: value), at: address, access: access)
    default: try store(value, at: address, access: access)
    }
  }

  /// Reads an operand of up to 8 bytes, zero-extended (immediates: as the decoder extended them,
  /// cut to the operand's size).
  public func read(
    _ operand: Operand, _ i: borrowing Instruction
  ) throws(Exception) -> UInt64 {
    switch operand.kind {
    case .register: return truncate(self[Int(operand.index)], toSize: operand.size)
    case .highByte: return self[Int(operand.index)] >> 8 & 0xFF
    case .memory:
      let address = try linearAddress(i, size: UInt64(operand.size), access: .read)
      return try load(address, size: operand.size)
    case .immediate: return truncate(i.immediate, toSize: operand.size)
    case .immediate2: return UInt64(i.immediate2)
    case .one: return 1
    default: return 0
    }
  }

  /// Writes an operand of up to 8 bytes; a 4-byte register write clears the upper half.
  public func write(
    _ operand: Operand, _ i: borrowing Instruction, _ value: UInt64
  ) throws(Exception) {
    switch operand.kind {
    case .register: writeRegister(operand.index, size: operand.size, value)
    case .highByte:
      let index = Int(operand.index)
      self[index] = self[index] & ~0xFF00 | (value & 0xFF) << 8
    case .memory:
      let address = try linearAddress(i, size: UInt64(operand.size), access: .write)
      try store(value, at: address, size: operand.size)
    default: break
    }
  }

  /// Reads a destination that the instruction will write: memory must be writable now, so that
  /// the later `write` cannot fail.
  public func readForWrite(
    _ operand: Operand, _ i: borrowing Instruction
  ) throws(Exception) -> UInt64 {
    guard operand.kind == .memory else { return try read(operand, i) }
    let size = UInt64(operand.size)
    let address = try linearAddress(i, size: size, access: .write)
    return try load(address, size: operand.size, access: .write)
  }

  /// Writes the low `size` bytes of a general register as instructions do.
  @inline(__always)
  public func writeRegister(_ number: UInt8, size: UInt8, _ value: UInt64) {
    let index = Int(number)
    switch size {
    case 1: self[index] = self[index] & ~0xFF | value & 0xFF
    case 2: self[index] = self[index] & ~0xFFFF | value & 0xFFFF
    case 4: self[index] = value & 0xFFFF_FFFF
    default: self[index] = value
    }
  }

  /// Size of the stack pointer in bytes: 8, 4 or 2.
  public var stackAddressSize: UInt8 {
    isLongMode ? 8 : (mode.contains(.bigStack) ? 4 : 2)
  }

  /// Pushes one value; RSP changes only once the store has succeeded.
  public func push(_ value: UInt64, size: UInt8) throws(Exception) {
    let width = stackAddressSize
    let top = truncate(self[.rsp] &- UInt64(size), toSize: width)
    let address = try linearAddress(.ss, offset: top, size: UInt64(size), access: .write)
    try store(value, at: address, size: size)
    writeRegister(Register.rsp.rawValue, size: width, top)
  }

  /// Pops one value; RSP changes only once the load has succeeded.
  public func pop(size: UInt8) throws(Exception) -> UInt64 {
    let value = try peekStack(at: 0, size: size)
    advanceStack(by: UInt64(size))
    return value
  }

  /// Loads from the stack, `distance` bytes above its top, moving nothing.
  public func peekStack(at distance: UInt64, size: UInt8) throws(Exception) -> UInt64 {
    let offset = truncate(self[.rsp] &+ distance, toSize: stackAddressSize)
    let address = try linearAddress(.ss, offset: offset, size: UInt64(size), access: .read)
    return try load(address, size: size)
  }

  /// Adds to the stack pointer, wrapping at its size.
  public func advanceStack(by distance: UInt64) {
    let width = stackAddressSize
    writeRegister(
      Register.rsp.rawValue, size: width, truncate(self[.rsp] &+ distance, toSize: width))
  }
}
