extension CPU {
  func executeExchange(_ i: borrowing Instruction) throws(Exception) {
    switch i.mnemonic {
    case .xchg: try exchange(i)
    case .xadd: try exchangeAndAdd(i)
    case .cmpxchg: try compareAndExchange(i)
    case .cmpxchg8b: try compareAndExchange8(i)
    case .cmpxchg16b: try compareAndExchange16(i)
    default: throw .invalidOpcode
    }
  }

  /// XCHG: memory, which may fault, may be either operand.
  private func exchange(_ i: borrowing Instruction) throws(Exception) {
    let first = try readForWrite(i.operand0, i)
    let second = try readForWrite(i.operand1, i)
    // Memory before registers: its address may depend on them.
    if i.operand1.kind == .memory {
      try write(i.operand1, i, first)
      try write(i.operand0, i, second)
    } else {
      try write(i.operand0, i, second)
      try write(i.operand1, i, first)
    }
  }

  /// XADD: TEMP := SRC + DEST, SRC := DEST, DEST := TEMP.
  private func exchangeAndAdd(_ i: borrowing Instruction) throws(Exception) {
    let old = try readForWrite(i.operand0, i)
    let source = try read(i.operand1, i)
    let (sum, status) = ADD.apply(
      old, source, size: i.operand0.size, flags: state.pointee.rflags)
    if i.operand0.kind == .memory {
      try write(i.operand0, i, sum)
      try write(i.operand1, i, old)
    } else {
      try write(i.operand1, i, old)
      try write(i.operand0, i, sum)
    }
    setStatusFlags(status)
  }

  /// CMPXCHG: memory is written in either case; a register that compares unequal keeps even its
  /// upper half.
  private func compareAndExchange(_ i: borrowing Instruction) throws(Exception) {
    let size = i.operand0.size
    let old = try readForWrite(i.operand0, i)
    let source = try read(i.operand1, i)
    let accumulator = truncate(self[.rax], toSize: size)
    let (_, status) = CMP.apply(accumulator, old, size: size, flags: state.pointee.rflags)
    if accumulator == old {
      try write(i.operand0, i, source)
    } else {
      if i.operand0.kind == .memory { try write(i.operand0, i, old) }
      writeRegister(Register.rax.rawValue, size: size, old)
    }
    setStatusFlags(status)
  }

  /// CMPXCHG8B: EDX:EAX against m64, ECX:EBX into it.
  private func compareAndExchange8(_ i: borrowing Instruction) throws(Exception) {
    let address = try linearAddress(i, size: 8, access: .write)
    let old = try load(address, as: UInt64.self, access: .write)
    let expected = self[.rdx] << 32 | self[.rax] & 0xFFFF_FFFF
    let replacement = self[.rcx] << 32 | self[.rbx] & 0xFFFF_FFFF
    try store(expected == old ? replacement : old, at: address)
    if expected != old {
      writeRegister(Register.rax.rawValue, size: 4, old)
      writeRegister(Register.rdx.rawValue, size: 4, old >> 32)
    }
    setZero(expected == old)
  }

  /// CMPXCHG16B: RDX:RAX against m128, which must be aligned, RCX:RBX into it.
  private func compareAndExchange16(_ i: borrowing Instruction) throws(Exception) {
    let address = try linearAddress(i, size: 16, access: .write)
    guard address.value & 15 == 0 else { throw .generalProtection(errorCode: 0) }
    let old = try load(address, as: UInt128.self, access: .write)
    let expected = UInt128(_low: self[.rax], _high: self[.rdx])
    let replacement = UInt128(_low: self[.rbx], _high: self[.rcx])
    try store(expected == old ? replacement : old, at: address)
    if expected != old {
      self[.rax] = old._low
      self[.rdx] = old._high
    }
    setZero(expected == old)
  }

  private func setZero(_ zero: Bool) {
    state.pointee.rflags =
      state.pointee.rflags & ~StatusFlags.zero | (zero ? StatusFlags.zero : 0)
  }
}
