/// Signals: sending them, and saying what is to happen.
import KernelArch

extension SystemCalls {
  static func kill(_ pid: Int32, _ number: Int32) throws(SystemFailure) -> UInt64 {
    guard number == 0 || Signal(number) != nil else { throw SystemFailure(.invalidArgument) }
    if number != 0, Power.options.faults.contains(.signalLoss), Thread.current.systemCalls % 4 == 0
    {
      return 0
    }
    guard let count = Signals.send(Signal(number), toAll: pid, Signals.fromCaller()) else {
      throw SystemFailure(.notPermitted)
    }
    if count > 0 { return 0 }
    for thread in Scheduler.threads where thread.id == Int(pid) && thread.process == nil {
      throw SystemFailure(.notPermitted)  // a thread of the kernel
    }
    throw SystemFailure(.noSuchProcess)
  }

  static func tgkill(_ pid: Int32, _ tid: Int32, _ number: Int32) throws(SystemFailure) -> UInt64 {
    guard number == 0 || Signal(number) != nil, tid > 0 else {
      throw SystemFailure(.invalidArgument)
    }
    for thread in Scheduler.threads where thread.id == Int(tid) {
      guard let process = thread.process, pid == -1 || process.pid == Int(pid) else { continue }
      let signal = Signal(number)
      guard Signals.maySend(signal, to: process) else { throw SystemFailure(.notPermitted) }
      let record = Signals.fromCaller(code: SignalRecord.byThread)
      if let signal, !Signals.send(signal, to: thread, record) { throw SystemFailure(.tryAgain) }
      return 0
    }
    throw SystemFailure(.noSuchProcess)
  }

  static func tkill(_ tid: Int32, _ number: Int32) throws(SystemFailure) -> UInt64 {
    try tgkill(-1, tid, number)
  }

  /// `sigqueue`: a signal and a word; who sends it is what the kernel knows, not what the caller says.
  static func queueSignal(
    _ pid: Int32, _ number: Int32, _ record: UInt64
  ) throws(SystemFailure) -> UInt64 {
    guard number == 0 || Signal(number) != nil else { throw SystemFailure(.invalidArgument) }
    let wanted = try UserMemory.get(SignalRecord(), at: record)
    // Codes from 0 on are the kernel's own.
    guard wanted.code < 0 else { throw SystemFailure(.notPermitted) }
    let error = Signals.queue(
      Signal(number), to: Int(pid), Signals.fromCaller(code: wanted.code, value: wanted.value))
    if let error { throw SystemFailure(error) }
    return 0
  }

  /// `sigtimedwait`: takes a signal without a handler, waiting for it until the time is over.
  static func waitForSignal(
    _ set: UInt64, _ record: UInt64, _ time: UInt64, _ size: UInt64
  ) throws(SystemFailure) -> UInt64 {
    guard size == 8, let user = Thread.current.user else { throw SystemFailure(.invalidArgument) }
    let wanted = try UserMemory.get(SignalSet(), at: set).subtracting(.unstoppable)
    var deadline: UInt64?
    if time != 0 {
      guard let total = try UserMemory.get(Timespec(), at: time).total else {
        throw SystemFailure(.invalidArgument)
      }
      deadline = Clock.nanoseconds &+ total
    }
    let process = Process.current
    var taken: (signal: Signal, record: SignalRecord)?
    Processes.lock.withLockIRQ { user.awaited = wanted }
    let result = WaitQueue.never.wait(until: deadline) {
      taken = Processes.lock.withLockIRQ { Signals.take(wanted, process, user) }
      return taken != nil
    }
    Processes.lock.withLockIRQ { user.awaited = [] }
    guard let taken else {
      // What has come meanwhile and is not masked is delivered on the way back.
      throw SystemFailure(result == .timedOut ? .tryAgain : .interrupted)
    }
    if record != 0 { try UserMemory.put(taken.record, at: record) }
    return UInt64(taken.signal.number)
  }

  static func setAction(
    _ number: Int32, _ new: UInt64, _ old: UInt64, _ size: UInt64
  ) throws(SystemFailure) -> UInt64 {
    guard size == 8, let signal = Signal(number) else { throw SystemFailure(.invalidArgument) }
    let process = Process.current
    var action: SignalAction?
    if new != 0 {
      action = try UserMemory.get(SignalAction(), at: new)
      action?.mask.subtract(.unstoppable)
      guard !signal.isUnstoppable else { throw SystemFailure(.invalidArgument) }
    }
    let previous = Processes.lock.withLockIRQ {
      let previous = process.actions[Int(number)]
      if let action { process.actions[Int(number)] = action }
      return previous
    }
    if old != 0 { try UserMemory.put(previous, at: old) }
    return 0
  }

  static func setMask(
    _ how: Int32, _ new: UInt64, _ old: UInt64, _ size: UInt64
  ) throws(SystemFailure) -> UInt64 {
    guard size == 8, let user = Thread.current.user else { throw SystemFailure(.invalidArgument) }
    let previous = user.mask
    if new != 0 {
      let set = try UserMemory.get(SignalSet(), at: new)
      let mask: SignalSet
      switch how {
      case 0: mask = previous.union(set)
      case 1: mask = previous.subtracting(set)
      case 2: mask = set
      default: throw SystemFailure(.invalidArgument)
      }
      change(user, mask)
    }
    if old != 0 { try UserMemory.put(previous, at: old) }
    return 0
  }

  static func change(_ user: UserThread, _ mask: SignalSet) {
    let process = Process.current
    let isWanted = Processes.lock.withLockIRQ {
      user.mask = mask.subtracting(.unstoppable)
      return !Signals.deliverable(user, process).isEmpty
    }
    // What was held back comes now. Without need it would end the waiting of `suspend`, again and again.
    if isWanted { Thread.current.interrupt(fatal: false) }
  }

  static func pending(_ set: UInt64, _ size: UInt64) throws(SystemFailure) -> UInt64 {
    guard size == 8, let user = Thread.current.user else { throw SystemFailure(.invalidArgument) }
    let process = Process.current
    let held = Processes.lock.withLockIRQ {
      user.pending.set.union(process.pending.set).intersection(user.mask)
    }
    try UserMemory.put(held, at: set)
    return 0
  }

  /// Waits with another mask until a handler has run.
  static func suspend(_ mask: UInt64, _ size: UInt64) throws(SystemFailure) -> UInt64 {
    guard size == 8, let user = Thread.current.user else { throw SystemFailure(.invalidArgument) }
    let set = try UserMemory.get(SignalSet(), at: mask)
    user.maskToRestore = user.mask
    change(user, set)
    return try pause()
  }

  static func pause() throws(SystemFailure) -> UInt64 {
    _ = WaitQueue.never.wait { false }
    throw SystemFailure(.interrupted)
  }

  static func setAlternateStack(_ new: UInt64, _ old: UInt64) throws(SystemFailure) -> UInt64 {
    guard let user = Thread.current.user else { throw SystemFailure(.invalidArgument) }
    var previous = user.alternateStack
    let isInUse = previous.contains(UserRegisters.stackPointer)
    if isInUse { previous.flags |= SignalStack.onStack }
    if new != 0 {
      let stack = try UserMemory.get(SignalStack(), at: new)
      guard !isInUse else { throw SystemFailure(.notPermitted) }
      if stack.flags & SignalStack.disabled == 0 {
        guard stack.flags == 0 else { throw SystemFailure(.invalidArgument) }
        guard stack.size >= SignalStack.minimum else { throw SystemFailure(.outOfMemory) }
      }
      user.alternateStack = stack
    }
    if old != 0 { try UserMemory.put(previous, at: old) }
    return 0
  }

  static func signalReturn(
    _ frame: UnsafeMutablePointer<trap_frame>
  ) throws(SystemFailure) -> UInt64 {
    guard let user = Thread.current.user, SignalFrame.pop(frame, user) else {
      Processes.end(Process.current, .signaled(.segmentation, dumped: true))
      return 0
    }
    return frame.pointee.rax
  }
}

/// The registers that the running thread had when it entered the kernel.
enum UserRegisters {
  /// They lie at the very top of the kernel stack.
  static var frame: UnsafeMutablePointer<trap_frame> {
    let top = Thread.current.stackTop
    return pointer_to(top &- UInt64(MemoryLayout<trap_frame>.size))
      .assumingMemoryBound(to: trap_frame.self)
  }

  static var stackPointer: UInt64 { frame.pointee.rsp }
}
