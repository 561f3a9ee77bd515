extension CPU {
  /// The place of an instruction at `rip`.
  func place(_ rip: UInt64) -> ExecutionEvent.Place {
    ExecutionEvent.Place(address: codeAddress(rip).value, cpl: cpl, mode: operatingMode)
  }

  /// Tells the observer what happened at `source`, with execution going on at `nextRIP`.
  @inline(never)
  func report(_ kind: ExecutionEvent.Kind, from source: ExecutionEvent.Place) {
    report(kind, from: source, to: place(state.pointee.nextRIP))
  }

  /// Tells the observer what happened between two places.
  func report(
    _ kind: ExecutionEvent.Kind, from source: ExecutionEvent.Place, to target: ExecutionEvent.Place
  ) {
    connections.observer?(
      ExecutionEvent(
        processor: connections.identification.number, position: instructionCount, time: now,
        source: source, target: target, kind: kind))
  }

  /// Tells the observer of an access to a device by the instruction at RIP.
  @inline(never)
  func reportAccess(
    _ space: ExecutionEvent.Space, isWrite: Bool, address: UInt64, size: UInt8, value: UInt64
  ) {
    report(
      isWrite
        ? .write(space, address: address, size: size, value: value)
        : .read(space, address: address, size: size, value: value),
      from: place(state.pointee.rip))
  }

  /// Executes a system instruction and tells the observer what it did.
  @inline(never)
  func executeObserved(_ i: borrowing Instruction) throws(Exception) {
    let source = place(state.pointee.rip)
    let rax = self[.rax]
    let oldCR3 = state.pointee.cr3
    let writesControl = i.mnemonic == .movToControl
    let written = writesControl ? self[Int(i.operand1.index)] : 0
    let oldFlags = state.pointee.rflags
    try executeSystemInstruction(i)
    reportInterruptFlag(before: oldFlags)
    if let kind = eventKind(i, rax: rax, written: written) { report(kind, from: source) }
    if state.pointee.cr3 != oldCR3 && !writesControl {
      report(.controlRegister(3, state.pointee.cr3), from: source)
    }
  }

  /// Tells the observer of interrupts whether the instruction at RIP changed IF.
  @inline(never)
  func reportInterruptFlag(before old: UInt64) {
    let flag = RFLAGS.interruptEnable.rawValue
    guard (old ^ state.pointee.rflags) & flag != 0 else { return }
    connections.interruptFlagObserver?(
      state.pointee.rflags & flag != 0, codeAddress(state.pointee.rip).value)
  }

  /// What an instruction that just completed did, nil if nobody wants to know.
  private func eventKind(
    _ i: borrowing Instruction, rax: UInt64, written: UInt64
  ) -> ExecutionEvent.Kind? {
    switch i.mnemonic {
    case .iret: .interruptReturn
    case .syscall: .systemCall(.syscall, rax: rax)
    case .sysret: .systemCall(.sysret, rax: rax)
    case .sysenter: .systemCall(.sysenter, rax: rax)
    case .sysexit: .systemCall(.sysexit, rax: rax)
    case .jmpFar, .callFar, .retFar: .farTransfer
    case .movToControl:
      .controlRegister(i.operand0.index, truncate(written, toSize: isLongMode ? 8 : 4))
    case .lmsw, .clts: .controlRegister(0, state.pointee.cr0)
    case .wrmsr:
      .modelSpecificRegister(
        UInt32(truncatingIfNeeded: self[.rcx]), self[.rdx] << 32 | rax & 0xFFFF_FFFF)
    case .lgdt:
      .table(.gdtr, base: state.pointee.gdtr.base, detail: UInt64(state.pointee.gdtr.limit))
    case .lidt:
      .table(.idtr, base: state.pointee.idtr.base, detail: UInt64(state.pointee.idtr.limit))
    case .lldt: .table(.ldtr, base: self[.ldtr].base, detail: UInt64(self[.ldtr].selector))
    case .ltr: .table(.tr, base: self[.tr].base, detail: UInt64(self[.tr].selector))
    case .invlpg: .invalidatePage(invalidatedAddress(i))
    case .invpcid: .invalidateContext(self[Int(i.operand0.index)])
    case .hlt, .mwait: state.pointee.activity == Activity.running.rawValue ? nil : .halt
    default: nil
    }
  }

  /// The linear address that INVLPG was given.
  private func invalidatedAddress(_ i: borrowing Instruction) -> UInt64 {
    let offset = effectiveAddress(i)
    let segment = i.segment
    if isLongMode && segment != .fs && segment != .gs { return offset }
    let address = offset &+ self[segment].base
    return isLongMode ? address : address & 0xFFFF_FFFF
  }

  /// Executes a near call or return and tells the observer, where calls are observed.
  @inline(never)
  func reportCall(_ i: borrowing Instruction) {
    let source = place(state.pointee.rip)
    switch i.mnemonic {
    case .call: report(.call(rsp: self[.rsp]), from: source)
    case .ret: report(.callReturn(rsp: self[.rsp]), from: source)
    default: break
    }
  }
}

// MARK: Woven blocks

extension CPU {
  /// Notes for observers what the slow method of a block's instruction did.
  @inline(never)
  func observeSlow(_ operation: UnsafePointer<Operation>, budget: Int64) {
    let block = operation.block
    let instruction = block.pointee.instructions + Int(operation.pointee.ordinal)
    let rip = block.pointee.rip &+ UInt64(instruction.pointee.offsetInBlock)
    if state.pointee.weaving.contains(.counters) {
      if state.pointee.exit != EngineExit.none {
        connections.blocks.counters?.change(
          block, from: Int(operation.pointee.ordinal) + 1, by: -1)
      }
      countIterations(at: rip, length: instruction.pointee.length, budget: budget)
    }
    if state.pointee.weaving.contains(.instructions) {
      reportInstruction(
        rip, instruction.pointee, isFaulting: state.pointee.exit == EngineExit.fault)
    }
  }

  /// A block is entered at an operation behind its first (1), or left before it (-1).
  func countEntries(_ operation: UnsafePointer<Operation>, _ change: Int64) {
    guard state.pointee.weaving.contains(.counters) else { return }
    connections.blocks.counters?.change(
      operation.block, from: Int(operation.pointee.ordinal), by: change)
  }

  /// Executes an instruction alone, as `execute` does, and notes it for observers.
  @inline(never)
  func executeWoven(_ i: borrowing Instruction) throws(Exception) {
    let rip = state.pointee.rip
    let behind = state.pointee.nextRIP
    let budget = state.pointee.budget
    let length = i.length
    let location = location(rip)
    let isConditional = [.jcc, .loop, .loope, .loopne, .jrcxz].contains(i.mnemonic)
    var failure: Exception?
    do throws(Exception) {
      try execute(i)
    } catch {
      failure = error
    }
    if state.pointee.weaving.contains(.counters) {
      let taken = isConditional ? state.pointee.nextRIP != behind : nil
      connections.blocks.counters?.step(at: location, length: length, taken: taken)
      countIterations(at: rip, length: length, budget: budget)
    }
    if state.pointee.weaving.contains(.instructions) {
      if failure == nil { state.pointee.rip = state.pointee.nextRIP }
      reportInstruction(rip, i, isFaulting: failure != nil)
    }
    if let failure { throw failure }
  }

  /// Counts the iterations of a repeated string instruction behind the first.
  private func countIterations(at rip: UInt64, length: UInt8, budget: Int64) {
    let iterations = budget &- state.pointee.budget
    guard iterations > 0 else { return }
    connections.blocks.counters?.iterate(
      at: location(rip), length: length, UInt64(iterations))
  }

  private func location(_ rip: UInt64) -> CodeLocation {
    CodeLocation(address: codeAddress(rip).value, isUser: cpl == 3)
  }
}
