import Glibc

/// Why a processor stopped running.
public enum ProcessorExit: Sendable {
  /// The instruction count reached the limit.
  case limit
  /// Something outside may have changed: run due events, then go on.
  case lookup
  /// HLT, MWAIT or before start-up, with nothing to wake it yet.
  case halted
  /// PAUSE, where others may want a turn.
  case yielded
  /// An instruction with a breakpoint is next.
  case breakpoint
  /// An instruction accessed watched bytes, or somebody wants to look.
  case stopRequested
  /// Shutdown: an exception while delivering a double fault.
  case shutdown
}

/// One processor: owns the state block and runs it.
public final class Processor {
  /// The registers and everything else architectural.
  public let cpu: CPU
  let connections: CPUConnections
  /// Whether the processor starts by itself after a reset, not by another one's IPI.
  let isBootstrap: Bool
  let caches: UnsafeMutableRawPointer
  /// Whether every instruction is executed alone by its slow method, as tests and checkers want.
  package var stepsOnly = false

  /// Makes a processor in its state after reset.
  ///
  /// One that is made beside a bootstrap processor shares the code that one has decoded.
  package init(
    memory: PhysicalMemory, bus: any Bus, interrupts: any InterruptSource, clock: any CPUClock,
    identification: ProcessorIdentification, beside bootstrap: Processor? = nil
  ) {
    connections = CPUConnections(
      memory: memory, bus: bus, interrupts: interrupts, clock: clock,
      identification: identification, beside: bootstrap?.connections)
    isBootstrap = bootstrap == nil
    caches = .allocate(byteCount: CacheLayout.size, alignment: 4096)
    memset(caches, 0, CacheLayout.size)
    let state = UnsafeMutablePointer<CPUState>.allocate(capacity: 1)
    state.initialize(
      to: CPUState(connections: .passUnretained(connections), caches: caches))
    cpu = CPU(state: state)
    connections.blocks.attach(cpu)
    reset()
  }

  deinit {
    connections.blocks.detach(cpu)
    cpu.state.deinitialize(count: 1)
    cpu.state.deallocate()
    caches.deallocate()
  }

  /// The last deliveries of interrupts and exceptions.
  public var recorder: ExceptionRecorder { connections.recorder }

  /// Whether the processor waits for an interrupt.
  public var isHalted: Bool { cpu.state.pointee.activity == Activity.halted.rawValue }

  /// Sets the virtual time, which passed while the processor executed nothing.
  public func setTime(_ now: UInt64) { connections.skippedTime = now &- cpu.instructionCount }

  /// Runs until the instruction count reaches `limit` or the machine must look at something.
  ///
  /// Interrupts that wait at an instruction boundary are delivered here, before anything runs.
  /// `skipsBreakpoint` lets the instruction execute that comes first.
  public func run(until limit: UInt64, skipsBreakpoint: Bool = false) -> ProcessorExit {
    let state = cpu.state
    let stepsOnly = stepsOnly
    var mayInterrupt = true
    var skipsBreakpoint = skipsBreakpoint
    while true {
      if state.pointee.dropsBlocks { dropBlocks() }
      if takeStop() { return .stopRequested }
      guard cpu.instructionCount < limit else { return .limit }
      if state.pointee.pendingDebug != 0 { cpu.deliverPendingDebug() }
      if mayInterrupt { cpu.takeInterrupts() }
      if takeStop() { return .stopRequested }
      switch Activity(rawValue: state.pointee.activity) {
      case .running: break
      case .shutdown: return .shutdown
      case .monitorWait where cpu.wantsTurn: cpu.leaveMonitorWait()
      default: return .halted
      }
      let isStopped = state.pointee.hasBreakpoints && cpu.isAtBreakpoint
      if isStopped && !skipsBreakpoint { return .breakpoint }
      skipsBreakpoint = false
      setBudget(limit)
      state.pointee.exit = EngineExit.none
      mayInterrupt = true
      if stepsOnly || isStopped || cpu.mustStep {
        cpu.step()
      } else {
        enterBlocks()
        // Delivering an exception makes no interrupt deliverable.
        mayInterrupt = state.pointee.exit != EngineExit.fault
        finishBlocks()
      }
      if state.pointee.exit == EngineExit.lookup { return .lookup }
      if state.pointee.exit == EngineExit.yield { return .yielded }
    }
  }

  /// Delivers what waits at this boundary, as `run` would before the next instruction.
  package func deliverPending() {
    if cpu.state.pointee.dropsBlocks { dropBlocks() }
    if cpu.state.pointee.pendingDebug != 0 { cpu.deliverPendingDebug() }
    cpu.takeInterrupts()
  }

  private func takeStop() -> Bool {
    guard cpu.state.pointee.stopsSoon else { return false }
    cpu.state.pointee.stopsSoon = false
    return true
  }

  private func setBudget(_ limit: UInt64) {
    let count = cpu.instructionCount
    let budget = Int64(clamping: limit &- count)
    cpu.state.pointee.budgetEnd = count &+ UInt64(bitPattern: budget)
    cpu.state.pointee.budget = budget
  }

  private func enterBlocks() {
    if let operation = cpu.takeResume() {
      // The first operation of a block charges for all of it; the others have to be paid for here.
      let missing = operation.pointee.position == 0 ? 0 : operation.remaining &+ 1
      if cpu.state.pointee.budget < missing { return cpu.executePart(from: operation) }
      cpu.state.pointee.budget &-= missing
      if operation.pointee.position != 0 { cpu.countEntries(operation, 1) }
      return runOperations(UnsafeMutableRawPointer(cpu.state), operation)
    }
    guard let first = cpu.findBlock() else { return }
    runOperations(UnsafeMutableRawPointer(cpu.state), first)
  }

  /// Does what the engine left for: an exception, or an instruction that no block can hold.
  private func finishBlocks() {
    switch cpu.state.pointee.exit {
    case EngineExit.fault:
      cpu.state.pointee.exit = EngineExit.none
      cpu.materializeFlags()
      cpu.deliver(cpu.state.pointee.fault)
    case EngineExit.budget:
      cpu.state.pointee.exit = EngineExit.none
      if let operation = cpu.takeResume() { cpu.executePart(from: operation) }
    case EngineExit.step:
      cpu.state.pointee.exit = EngineExit.none
      if cpu.state.pointee.hasBreakpoints && cpu.isAtBreakpoint { break }
      if cpu.state.pointee.budget > 0 && !cpu.state.pointee.dropsBlocks { cpu.step() }
    default: break
    }
  }

  private func dropBlocks() { connections.blocks.dropEverything() }
}

extension CPU {
  /// Whether the next instruction must be executed alone, with every check.
  var mustStep: Bool {
    let flags = state.pointee.rflags & (RFLAGS.trap.rawValue | RFLAGS.resume.rawValue)
    return flags != 0 || isVirtualInterruptDue
      || state.pointee.shadow != InterruptShadow.none.rawValue
      || state.pointee.checksAccesses || state.pointee.debugRegisters[7] & 0xFF != 0
  }

  /// Delivers what waits at this instruction boundary.
  ///
  /// SDM volume 3A, "Prioritization of Concurrent Events".
  func takeInterrupts() {
    let shadow = state.pointee.shadow
    guard state.pointee.activity <= Activity.monitorWait.rawValue,
      shadow != InterruptShadow.movSS.rawValue
    else { return }
    if !state.pointee.nmiBlocked && withInterrupts({ $0.hasPendingNMI }) {
      withInterrupts { $0.acknowledgeNMI() }
      state.pointee.resume = nil
      materializeFlags()
      leaveMonitorWait()
      deliverNMI()
      return
    }
    guard shadow == InterruptShadow.none.rawValue,
      state.pointee.rflags & RFLAGS.interruptEnable.rawValue != 0,
      withInterrupts({ $0.hasPendingInterrupt })
    else { return }
    materializeFlags()
    state.pointee.resume = nil
    leaveMonitorWait()
    synchronizeClock()
    deliverInterrupt(vector: withInterrupts { $0.acknowledgeInterrupt() })
  }

  /// Executes one instruction with every check, and delivers what it raises.
  package func step() {
    materializeFlags()
    state.pointee.resume = nil
    state.pointee.shadow = InterruptShadow.none.rawValue
    let flags = RFLAGS(rawValue: state.pointee.rflags)
    let traps = flags.contains(.trap)
    state.pointee.singleSteps = traps
    // Quirk: counted-exceptions. An instruction that faults is counted too.
    state.pointee.budget &-= 1
    do throws(Exception) {
      if isVirtualInterruptDue { throw .generalProtection(errorCode: 0) }
      if !flags.contains(.resume), let bits = instructionBreakpoint {
        throw .debugFault(dr6: bits)
      }
      let instruction = try decodedInstruction()
      state.pointee.nextRIP = wrapRIP(state.pointee.rip &+ UInt64(instruction.length))
      let ownsResumeFlag = instruction.mnemonic == .iret
      if state.pointee.weaving.isEmpty {
        try execute(instruction)
      } else {
        try executeWoven(instruction)
      }
      state.pointee.rip = state.pointee.nextRIP
      // A repeated string instruction has not completed before its last iteration.
      if flags.contains(.resume) && !ownsResumeFlag && !state.pointee.isBetweenIterations {
        state.pointee.rflags &= ~RFLAGS.resume.rawValue
      }
    } catch {
      state.pointee.singleSteps = false
      state.pointee.pendingDebug = 0
      deliver(error)
      return
    }
    // A software interrupt cleared TF, and with it the trap.
    if state.pointee.singleSteps { state.pointee.pendingDebug |= DebugStatus.singleStep }
    state.pointee.singleSteps = false
    if state.pointee.pendingDebug != 0
      && state.pointee.shadow != InterruptShadow.movSS.rawValue
    {
      deliverPendingDebug()
    }
  }

  /// The instruction at RIP, from a block if it can be in one.
  private func decodedInstruction() throws(Exception) -> Instruction {
    if !state.pointee.dropsBlocks, let first = findBlock() {
      return first.block.pointee.instructions.pointee
    }
    state.pointee.exit = EngineExit.none
    return try fetch()
  }

  /// Fetches and decodes the instruction at RIP, checking limit, canonicality and page rights.
  ///
  /// The second page is looked at only if the instruction reaches into it.
  func fetch() throws(Exception) -> Instruction {
    var buffer = InlineArray<16, UInt8>(repeating: 0)
    var count = 0
    while true {
      let fetched = try fetchBytes(into: &buffer, from: count)
      count += fetched
      do throws(DecodeFailure) {
        return try decode(buffer, count: count)
      } catch {
        if error == .tooLong || count >= 15 { throw .generalProtection(errorCode: 0) }
      }
    }
  }

  private func decode(
    _ buffer: InlineArray<16, UInt8>, count: Int
  ) throws(DecodeFailure) -> Instruction {
    try withUnsafePointer(to: buffer) { pointer throws(DecodeFailure) in
      try Decoder.decode(
        UnsafeRawPointer(pointer).assumingMemoryBound(to: UInt8.self), count: count, mode: mode,
        features: connections.identification.features)
    }
  }

  /// Fetches code bytes up to the end of a page, the segment limit or 15 in all; at least one.
  private func fetchBytes(
    into buffer: inout InlineArray<16, UInt8>, from count: Int
  ) throws(Exception) -> Int {
    let offset = state.pointee.rip &+ UInt64(count)
    var address = LinearAddress(offset)
    var room = 15 - count
    if isLongMode {
      guard isCanonical(address) else { throw .generalProtection(errorCode: 0) }
    } else {
      let wrapped = offset & 0xFFFF_FFFF
      let limit = UInt64(self[.cs].limit)
      guard wrapped <= limit else { throw .generalProtection(errorCode: 0) }
      room = min(room, Int(limit &- wrapped) + 1)
      address = LinearAddress((self[.cs].base &+ wrapped) & 0xFFFF_FFFF)
    }
    room = min(room, Int(4096 &- address.offset))
    let physical: UInt64
    if let cached = fetchTranslation(address) {
      physical = cached
    } else {
      physical = try walk(address, access: .execute).physicalPage | address.offset
    }
    for index in 0..<room {
      buffer[count + index] = loadPhysical(
        PhysicalAddress(physical &+ UInt64(index)), as: UInt8.self)
    }
    return room
  }
}
