extension CPU {
  /// String instructions, alone or repeated.
  ///
  /// A repeated one may stop between two iterations: when somebody must look, or when one faults. Registers then hold what is left to do and the instruction starts again.
  func executeString(_ i: borrowing Instruction) throws(Exception) {
    // Hardware checks the port before it looks at the count, even where that is zero.
    try checkPort(i)
    guard i.isRepeated else { return try iterate(i) }
    var remaining = truncate(self[.rcx], toSize: i.addressSize)
    guard remaining != 0 else { return }
    let flags = state.pointee.rflags
    while true {
      var count: UInt64
      do throws(Exception) {
        count = bulk(i, atMost: min(remaining, repeatAllowance))
        if count == 0 {
          try iterate(i)
          count = 1
        }
      } catch {
        // "The EFLAGS register is restored to the state prior to the execution of the
        // instruction": only CMPS and SCAS change it.
        state.pointee.rflags = flags
        throw error
      }
      remaining &-= count
      writeRegister(Register.rcx.rawValue, size: i.addressSize, remaining)
      consume(iterations: count)
      let isTerminated = isTerminated(i)
      let isDone = remaining == 0 || isTerminated
      state.pointee.isBetweenIterations = !isDone
      if isDone { return }
      if mustPause {
        state.pointee.nextRIP = state.pointee.rip
        return
      }
      // Each further iteration retires like an instruction of its own.
      state.pointee.budget &-= 1
    }
  }

  /// Whether somebody must look before the next iteration: a trap, the end of the budget, or a
  /// device or code page that this one touched.
  private var mustPause: Bool {
    state.pointee.singleSteps || state.pointee.pendingDebug != 0 || state.pointee.budget <= 0
      || state.pointee.exit != EngineExit.none
  }

  /// How many iterations may be done before somebody must look.
  var repeatAllowance: UInt64 {
    state.pointee.singleSteps
      ? 1 : UInt64(truncatingIfNeeded: max(0, state.pointee.budget)) &+ 1
  }

  /// Counts iterations as retired instructions; the first one is the instruction itself.
  func consume(iterations: UInt64) {
    state.pointee.budget &-= Int64(truncatingIfNeeded: iterations) &- 1
  }

  /// Whether ZF ends a repeated CMPS or SCAS: clear for REPE, set for REPNE.
  private func isTerminated(_ i: borrowing Instruction) -> Bool {
    let mnemonic = i.mnemonic
    guard mnemonic == .cmps || mnemonic == .scas else { return false }
    let zero = state.pointee.rflags & StatusFlags.zero != 0
    return i.prefixes.contains(.repne) ? zero : !zero
  }

  /// One iteration; the index registers move after the last access that can fault.
  private func iterate(_ i: borrowing Instruction) throws(Exception) {
    let size = i.operandSize
    switch i.mnemonic {
    case .movs:
      let value = try loadSource(i)
      try store(value, at: try destinationAddress(i, .write), size: size)
      advance(i, source: true, destination: true)
    case .stos:
      try store(self[.rax], at: try destinationAddress(i, .write), size: size)
      advance(i, source: false, destination: true)
    case .lods:
      writeRegister(Register.rax.rawValue, size: size, try loadSource(i))
      advance(i, source: true, destination: false)
    case .cmps:
      let first = try loadSource(i)
      let second = try load(try destinationAddress(i, .read), size: size)
      setStatusFlags(CMP.apply(first, second, size: size, flags: 0).1)
      advance(i, source: true, destination: true)
    case .scas:
      let value = try load(try destinationAddress(i, .read), size: size)
      setStatusFlags(CMP.apply(self[.rax], value, size: size, flags: 0).1)
      advance(i, source: false, destination: true)
    case .ins: try inputString(i)
    default: try outputString(i)
    }
  }

  /// INS: the destination is checked before the device is read, since reading may change it.
  private func inputString(_ i: borrowing Instruction) throws(Exception) {
    let address = try destinationAddress(i, .write)
    try probe(address, count: UInt64(i.operandSize), access: .write)
    let value = readPort(port, size: i.operandSize)
    try store(value, at: address, size: i.operandSize)
    advance(i, source: false, destination: true)
  }

  private func outputString(_ i: borrowing Instruction) throws(Exception) {
    let value = try loadSource(i)
    writePort(port, size: i.operandSize, value: value)
    advance(i, source: true, destination: false)
  }

  private var port: UInt16 { UInt16(truncatingIfNeeded: self[.rdx]) }

  private func checkPort(_ i: borrowing Instruction) throws(Exception) {
    let mnemonic = i.mnemonic
    guard mnemonic == .ins || mnemonic == .outs else { return }
    try checkIOPermission(port: port, size: i.operandSize)
  }

  private func loadSource(_ i: borrowing Instruction) throws(Exception) -> UInt64 {
    let offset = truncate(self[.rsi], toSize: i.addressSize)
    let size = UInt64(i.operandSize)
    return try load(
      try linearAddress(i.segment, offset: offset, size: size, access: .read),
      size: i.operandSize)
  }

  private func destinationAddress(
    _ i: borrowing Instruction, _ access: Access
  ) throws(Exception) -> LinearAddress {
    let offset = truncate(self[.rdi], toSize: i.addressSize)
    return try linearAddress(
      .es, offset: offset, size: UInt64(i.operandSize), access: access)
  }

  /// Moves rSI and rDI by one element, down if DF is set.
  private func advance(_ i: borrowing Instruction, source: Bool, destination: Bool) {
    let isDown = state.pointee.rflags & RFLAGS.direction.rawValue != 0
    let step = isDown ? 0 &- UInt64(i.operandSize) : UInt64(i.operandSize)
    if source { writeRegister(Register.rsi.rawValue, size: i.addressSize, self[.rsi] &+ step) }
    if destination {
      writeRegister(Register.rdi.rawValue, size: i.addressSize, self[.rdi] &+ step)
    }
  }
}
