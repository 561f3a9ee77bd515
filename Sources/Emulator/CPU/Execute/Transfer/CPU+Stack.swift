extension CPU {
  func executeStack(_ i: borrowing Instruction) throws(Exception) {
    switch i.mnemonic {
    case .push: try push(try readSource(i.operand0, i), size: i.operandSize)
    case .pop: try pop(i)
    case .pusha: try pushAll(i)
    case .popa: try popAll(i)
    case .pushf: try pushFlags(i)
    case .popf: try popFlags(i)
    case .enter: try enter(i)
    case .leave: try leave(i)
    default: throw .invalidOpcode
    }
  }

  /// POP: DEST := SS:rSP, after rSP is incremented; so a memory destination based on rSP lies
  /// above the popped value, and POP rSP ends with the value.
  private func pop(_ i: borrowing Instruction) throws(Exception) {
    let value = try peekStack(at: 0, size: i.operandSize)
    let old = self[.rsp]
    advanceStack(by: UInt64(i.operandSize))
    do throws(Exception) {
      try write(i.operand0, i, value)
    } catch {
      self[.rsp] = old
      throw error
    }
  }

  /// Stores below `top` and moves it down, leaving rSP alone.
  private func store(
    _ value: UInt64, below top: inout UInt64, size: UInt8
  ) throws(Exception) {
    top = truncate(top &- UInt64(size), toSize: stackAddressSize)
    let address = try linearAddress(.ss, offset: top, size: UInt64(size), access: .write)
    try store(value, at: address, size: size)
  }

  /// PUSHA and PUSHAD: all eight registers, rSP as it was.
  private func pushAll(_ i: borrowing Instruction) throws(Exception) {
    var top = self[.rsp]
    for number in 0..<8 { try store(self[number], below: &top, size: i.operandSize) }
    writeRegister(Register.rsp.rawValue, size: stackAddressSize, top)
  }

  /// POPA and POPAD: all registers but rSP, whose image is skipped.
  private func popAll(_ i: borrowing Instruction) throws(Exception) {
    let size = i.operandSize
    var values = InlineArray<8, UInt64>(repeating: 0)
    for position in 0..<8 {
      values[7 - position] = try peekStack(at: UInt64(position) &* UInt64(size), size: size)
    }
    advanceStack(by: 8 &* UInt64(size))
    for number in 0..<8 where number != Int(Register.rsp.rawValue) {
      writeRegister(UInt8(number), size: size, values[number])
    }
  }

  /// ENTER: makes a stack frame, with the frame pointers of `level - 1` enclosing ones.
  private func enter(_ i: borrowing Instruction) throws(Exception) {
    let size = i.operandSize
    let width = stackAddressSize
    let level = i.immediate2 & 31
    var top = truncate(self[.rsp], toSize: width)
    try store(self[.rbp], below: &top, size: size)
    // FrameTemp is all of ESP, also where the stack has 16-bit addresses.
    let frame = width == 2 ? self[.rsp] & ~0xFFFF | top : top
    if level > 0 {
      var outer = self[.rbp]
      for _ in 1..<level {
        outer = truncate(outer &- UInt64(size), toSize: width)
        let address = try linearAddress(
          .ss, offset: outer, size: UInt64(size), access: .read)
        try store(try load(address, size: size), below: &top, size: size)
      }
      try store(frame, below: &top, size: size)
    }
    top = truncate(top &- i.immediate & 0xFFFF, toSize: width)
    // A frame that cannot be written faults now, not at its first use.
    let end = try linearAddress(.ss, offset: top, size: UInt64(size), access: .write)
    try probe(end, count: UInt64(size), access: .write)
    writeRegister(Register.rbp.rawValue, size: size, frame)
    writeRegister(Register.rsp.rawValue, size: width, top)
  }

  /// LEAVE: rSP := rBP, rBP := Pop().
  private func leave(_ i: borrowing Instruction) throws(Exception) {
    let width = stackAddressSize
    let frame = truncate(self[.rbp], toSize: width)
    let size = UInt64(i.operandSize)
    let address = try linearAddress(.ss, offset: frame, size: size, access: .read)
    let value = try load(address, size: i.operandSize)
    writeRegister(Register.rsp.rawValue, size: width, frame &+ size)
    writeRegister(Register.rbp.rawValue, size: i.operandSize, value)
  }
}
