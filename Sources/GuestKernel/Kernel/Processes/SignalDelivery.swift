/// The way back to ring 3: the place where a thread finds out what has happened to its process.
///
/// Signals are taken here, one after the other: a default action ends or stops the process; for a handler,
/// the interrupted registers are put onto the program's stack and replaced by those of a call of it. A
/// system call that was interrupted is prepared to be made again, unless the program wants EINTR.
import KernelArch

enum SignalDelivery {
  /// Attends to everything that waits for the running thread; called with interrupts off and no
  /// lock held, just before the return to ring 3, and returns that way.
  ///
  /// A thread that is to end does not.
  static func attend(_ frame: UnsafeMutablePointer<trap_frame>) {
    while hasWork() {
      cpu_sti()
      let mustLeave = serve(frame)
      cpu_cli()
      if mustLeave { Scheduler.endRunning() }
    }
    settleCall(frame)
  }

  private static func hasWork() -> Bool { Thread.withCurrent { $0.isInterrupted } }

  /// No handler was called: an interrupted call is made again as if nothing had been.
  private static func settleCall(_ frame: UnsafeMutablePointer<trap_frame>) {
    if let number = Thread.withCurrent({ $0.interruptedCall }) { makeAgain(number, frame) }
  }

  @inline(never)
  private static func makeAgain(_ number: UInt64, _ frame: UnsafeMutablePointer<trap_frame>) {
    let thread = Thread.current
    guard let user = thread.user else { return }
    thread.interruptedCall = nil
    restart(frame, number)
    if let mask = user.maskToRestore {
      user.maskToRestore = nil
      Processes.lock.withLockIRQ { user.mask = mask }
    }
  }

  private static func restart(_ frame: UnsafeMutablePointer<trap_frame>, _ number: UInt64) {
    let instruction: UInt64 = 2  // SYSCALL and INT 80h are two bytes long
    frame.pointee.rax = number
    frame.pointee.rip &-= instruction
  }

  private enum Step {
    case leave
    case nothing
    case stop
    case handle(Signal, SignalRecord, SignalAction, SignalSet)
  }

  /// One thing; true when the thread has left its process.
  @inline(never)
  private static func serve(_ frame: UnsafeMutablePointer<trap_frame>) -> Bool {
    let thread = Thread.current
    guard let process = thread.process, let user = thread.user else {
      thread.clearInterruption()
      return false
    }
    switch next(thread, process, user) {
    case .leave:
      Processes.leave()
      return true
    case .nothing: break
    case .stop:
      _ = process.resumed.wait(as: .killable) {
        Processes.lock.withLockIRQ { process.stopSignal == nil }
      }
    case .handle(let signal, let record, let action, let mask):
      settle(frame, thread, action)
      process.tracer?.signal(signal)
      if !SignalFrame.push(frame, user, signal, record, action, mask) {
        Processes.end(process, .signaled(.segmentation, dumped: true))
      }
    }
    return false
  }

  /// Before a handler runs: what becomes of the interrupted call.
  private static func settle(
    _ frame: UnsafeMutablePointer<trap_frame>, _ thread: Thread, _ action: SignalAction
  ) {
    guard let number = thread.interruptedCall else { return }
    thread.interruptedCall = nil
    if action.flags & SignalAction.restart != 0, Restarting.isAllowed(number) {
      restart(frame, number)
    }
  }

  private static func next(_ thread: Thread, _ process: Process, _ user: UserThread) -> Step {
    Processes.lock.withLockIRQ {
      if process.pendingEnd != nil || user.exitCode != nil { return .leave }
      if process.stopSignal != nil { return .stop }
      thread.clearInterruption()
      let ready = Signals.deliverable(user, process)
      let urgent = ready.intersection(.synchronous)
      guard let taken = Signals.take(urgent.isEmpty ? ready : urgent, process, user) else {
        return .nothing
      }
      thread.interrupt(fatal: false)  // look again: there may be more
      return act(on: taken.signal, taken.record, process, user)
    }
  }

  private static func act(
    on signal: Signal, _ record: SignalRecord, _ process: Process, _ user: UserThread
  ) -> Step {
    let action = process.actions[Int(signal.number)]
    if action.handler > SignalAction.ignore, !signal.isUnstoppable {
      let mask = user.maskToRestore ?? user.mask
      user.maskToRestore = nil
      user.mask.formUnion(action.mask)
      if action.flags & SignalAction.noDefer == 0 { user.mask.insert(SignalSet(signal)) }
      if action.flags & SignalAction.resetHandler != 0 {
        process.actions[Int(signal.number)].handler = SignalAction.isDefault
      }
      return .handle(signal, record, action, mask)
    }
    if action.handler == SignalAction.ignore, !signal.isUnstoppable { return .nothing }
    switch signal.defaultAction {
    case .ignore, .resume: break
    case .terminate: Processes.endLocked(process, .signaled(signal, dumped: false))
    case .dump: Processes.endLocked(process, .signaled(signal, dumped: true))
    case .stop:
      // A group that nobody could continue is not stopped from the terminal.
      if signal != .stop, JobControl.isOrphaned(process.group) { return .nothing }
      process.stopSignal = signal
      for other in process.threads { other.interrupt(fatal: false) }
      Signals.tellParent(of: process, .stopped(signal))
    }
    return .nothing
  }
}

/// Which calls can be made again after a handler with SA_RESTART has returned.
enum Restarting {
  static func isAllowed(_ number: UInt64) -> Bool {
    switch number {
    case SystemCall.pause.rawValue, SystemCall.rt_sigsuspend.rawValue,
      SystemCall.nanosleep.rawValue, SystemCall.clock_nanosleep.rawValue,
      SystemCall.rt_sigtimedwait.rawValue,
      SystemCall.poll.rawValue, SystemCall.select.rawValue, SystemCall.epoll_wait.rawValue,
      SystemCall.epoll_pwait.rawValue:
      false
    default: true
    }
  }
}
