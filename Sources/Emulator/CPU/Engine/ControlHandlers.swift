/// First operation of each block: counts its instructions, or leaves if the budget is short.
@c func hotEnter(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let operation = UnsafePointer<Operation>(o)
  let cpu = CPU(s)
  let budget = cpu.state.pointee.budget &- Int64(bitPattern: operation.pointee.immediate)
  if _slowPath(budget < 0) { return leave(s, operation, EngineExit.budget) }
  cpu.state.pointee.budget = budget
  next(s, operation + 1)
}

/// Leaves at the start of a block, whose RIP is in `displacement`.
@inline(never)
func leave(_ s: StatePointer, _ operation: UnsafePointer<Operation>, _ reason: UInt64) {
  let cpu = CPU(s)
  cpu.state.pointee.rip = operation.pointee.displacement
  cpu.state.pointee.exit = reason
  cpu.setResume(operation)
}

/// First operation of a block whose code was written: finds the new block.
@c func coldDropped(_ s: StatePointer, _ o: UnsafeRawPointer) {
  CPU(s).state.pointee.rip = UnsafePointer<Operation>(o).pointee.displacement
  lookUpSlow(s)
}

/// Executes an instruction by its slow method and goes on behind it.
@c func coldSlow(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let operation = UnsafePointer<Operation>(o)
  if CPU(s).executeSlow(operation) { next(s, operation + 1) }
}

/// Executes a block's last instruction by its slow method and goes on wherever it led.
@c func coldSlowEnd(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let operation = UnsafePointer<Operation>(o)
  if CPU(s).executeSlow(operation) { lookUp(s) }
}

/// Goes on at the RIP in `displacement`, by way of the jump cache.
@c func hotGoto(_ s: StatePointer, _ o: UnsafeRawPointer) {
  CPU(s).state.pointee.rip = UnsafePointer<Operation>(o).pointee.displacement
  lookUp(s)
}

/// Goes on at a linked block.
@c func hotJump(_ s: StatePointer, _ o: UnsafeRawPointer) {
  next(s, target(UnsafePointer<Operation>(o).pointee.immediate))
}

/// A jump not yet linked: finds the block, links if it is in the same page, goes on there.
@c func coldLink(_ s: StatePointer, _ o: UnsafeRawPointer) {
  let cpu = CPU(s)
  let operation = UnsafePointer<Operation>(o)
  cpu.state.pointee.rip = operation.pointee.displacement
  guard let first = cpu.findBlock() else { return }
  cpu.link(UnsafeMutablePointer(mutating: operation), to: first)
  next(s, first)
}

/// Goes on at `CPUState.rip` through the jump cache.
@inline(__always)
func lookUp(_ s: StatePointer) {
  let cpu = CPU(s)
  let rip = cpu.state.pointee.rip
  let entry = cpu.jumpEntry(rip)
  if _fastPath(
    (entry.pointee.rip ^ rip) | (entry.pointee.key ^ cpu.state.pointee.jumpKey) == 0)
  {
    return next(s, target(entry.pointee.operation))
  }
  lookUpSlow(s)
}

@inline(never)
func lookUpSlow(_ s: StatePointer) {
  guard let first = CPU(s).findBlock() else { return }
  next(s, first)
}

/// The operation whose address an operation holds.
@inline(__always)
func target(_ address: UInt64) -> UnsafePointer<Operation> {
  UnsafePointer(bitPattern: UInt(address)).unsafelyUnwrapped
}

extension CPU {
  @inline(__always) func jumpEntry(_ rip: UInt64) -> UnsafeMutablePointer<JumpEntry> {
    let hash = rip ^ rip >> 12
    return jumpCache + Int(truncatingIfNeeded: hash & UInt64(CacheLayout.jumpEntries - 1))
  }

  /// Executes the instruction of `operation` by its slow method.
  ///
  /// Returns true if the engine may go on with RIP committed; otherwise `exit` says why not, and
  /// the count is exact.
  @inline(never)
  func executeSlow(_ operation: UnsafePointer<Operation>) -> Bool {
    let block = operation.block
    let remaining = operation.remaining
    let instruction = block.pointee.instructions + Int(operation.pointee.ordinal)
    materializeFlags()
    state.pointee.budget &+= remaining
    state.pointee.exit = EngineExit.none
    let rip = block.pointee.rip &+ UInt64(instruction.pointee.offsetInBlock)
    state.pointee.rip = rip
    state.pointee.nextRIP = wrapRIP(rip &+ UInt64(instruction.pointee.length))
    let budget = state.pointee.budget
    do throws(Exception) {
      try execute(instruction.pointee)
    } catch {
      state.pointee.fault = error
      state.pointee.exit = EngineExit.fault
      if !state.pointee.weaving.isEmpty { observeSlow(operation, budget: budget) }
      return false
    }
    state.pointee.rip = state.pointee.nextRIP
    if !state.pointee.weaving.isEmpty { observeSlow(operation, budget: budget) }
    if state.pointee.exit != EngineExit.none { return false }
    state.pointee.budget &-= remaining
    return true
  }

  /// RIP cut to the width of the code segment.
  @inline(__always) func wrapRIP(_ rip: UInt64) -> UInt64 {
    isLongMode ? rip : rip & 0xFFFF_FFFF
  }

  /// Makes the engine look for events and interrupts before the next instruction.
  func requestLookup() { state.pointee.exit = EngineExit.lookup }

  /// Makes the engine look for interrupts before the next instruction.
  func requestInterruptCheck() {
    if state.pointee.exit == EngineExit.none { state.pointee.exit = EngineExit.interrupts }
  }

  /// Lets the other processors have their turn before the next instruction.
  func requestYield() {
    if state.pointee.exit == EngineExit.none { state.pointee.exit = EngineExit.yield }
  }

  /// Drops code that was just overwritten, and wakes who waited for the store; if code was
  /// dropped, the running block may be among it.
  @inline(never)
  func codeWasWritten(_ address: PhysicalAddress, count: UInt64) {
    let effect = connections.blocks.invalidate(address, count: count)
    if effect.contains(.wokeProcessor) { return requestLookup() }
    if effect.contains(.droppedCode) { requestInterruptCheck() }
  }
}
