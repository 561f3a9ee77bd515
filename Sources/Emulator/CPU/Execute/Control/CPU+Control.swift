extension CPU {
  /// Near control transfers, and instructions that only order or hint.
  func executeControl(_ i: borrowing Instruction) throws(Exception) {
    switch i.mnemonic {
    case .jcc:
      if condition(i.condition) { try jump(to: relativeTarget(i), size: i.operandSize) }
    case .jmp: try jump(to: try branchTarget(i), size: i.operandSize)
    case .call:
      try call(i)
      if state.pointee.weaving.contains(.calls) { reportCall(i) }
    case .ret:
      try `return`(i)
      if state.pointee.weaving.contains(.calls) { reportCall(i) }
    case .loop, .loope, .loopne: try loop(i)
    case .jrcxz:
      if truncate(self[.rcx], toSize: i.addressSize) == 0 {
        try jump(to: relativeTarget(i), size: i.operandSize)
      }
    case .bound: try checkBounds(i)
    case .clflush, .clflushopt, .clwb:
      let address = try linearAddress(i, size: 1, access: .read)
      try probe(address, count: 1, access: .read)
    // A processor that spins waits for another one, which needs a turn for it.
    case .pause where connections.identification.processors > 1: requestYield()
    default: break
    }
  }

  private func relativeTarget(_ i: borrowing Instruction) -> UInt64 {
    state.pointee.nextRIP &+ i.immediate
  }

  private func branchTarget(_ i: borrowing Instruction) throws(Exception) -> UInt64 {
    i.operand0.kind == .relative ? relativeTarget(i) : try read(i.operand0, i)
  }

  /// The target cut to the operand size, if execution can go on there: canonical in 64-bit mode,
  /// inside the code segment otherwise.
  private func checkedTarget(_ target: UInt64, size: UInt8) throws(Exception) -> UInt64 {
    let target = truncate(target, toSize: size)
    let isValid =
      isLongMode ? isCanonical(LinearAddress(target)) : target <= UInt64(self[.cs].limit)
    guard isValid else { throw .generalProtection(errorCode: 0) }
    return target
  }

  private func jump(to target: UInt64, size: UInt8) throws(Exception) {
    state.pointee.nextRIP = try checkedTarget(target, size: size)
  }

  /// CALL: Push(rIP), then as JMP.
  private func call(_ i: borrowing Instruction) throws(Exception) {
    let target = try checkedTarget(try branchTarget(i), size: i.operandSize)
    try push(state.pointee.nextRIP, size: i.operandSize)
    state.pointee.nextRIP = target
  }

  /// RET: rIP := Pop(), then rSP := rSP + SRC.
  private func `return`(_ i: borrowing Instruction) throws(Exception) {
    let address = try peekStack(at: 0, size: i.operandSize)
    let target = try checkedTarget(address, size: i.operandSize)
    let released = i.operand0.kind == .immediate ? i.immediate & 0xFFFF : 0
    advanceStack(by: UInt64(i.operandSize) &+ released)
    state.pointee.nextRIP = target
  }

  /// LOOP, LOOPE, LOOPNE: counts rCX of the address size down and jumps unless it is zero.
  private func loop(_ i: borrowing Instruction) throws(Exception) {
    let count = truncate(self[.rcx] &- 1, toSize: i.addressSize)
    let zero = state.pointee.rflags & StatusFlags.zero != 0
    let holds =
      switch i.mnemonic {
      case .loope: zero
      case .loopne: !zero
      default: true
      }
    if count != 0 && holds { try jump(to: relativeTarget(i), size: i.operandSize) }
    writeRegister(Register.rcx.rawValue, size: i.addressSize, count)
  }

  /// BOUND: raises #BR unless the signed index is within the two bounds in memory.
  private func checkBounds(_ i: borrowing Instruction) throws(Exception) {
    let size = i.operand0.size
    let index = signExtended(try read(i.operand0, i), size: size)
    let lower = try loadBound(i, at: effectiveAddress(i))
    let upper = try loadBound(i, at: effectiveAddress(i) &+ UInt64(size))
    guard index >= lower && index <= upper else { throw .boundRangeExceeded }
  }

  private func loadBound(
    _ i: borrowing Instruction, at offset: UInt64
  ) throws(Exception) -> Int64 {
    let size = i.operand0.size
    let address = try linearAddress(
      i.segment, offset: truncate(offset, toSize: i.addressSize), size: UInt64(size),
      access: .read)
    return signExtended(try load(address, size: size), size: size)
  }
}
