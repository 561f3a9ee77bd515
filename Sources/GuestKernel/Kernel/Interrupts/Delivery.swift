/// Where every exception and interrupt arrives, and what is done on the way back.
import KernelArch

/// Called by isr_common with interrupts off, which it must also return with.
@c(interrupt_dispatch)
public func interruptDispatch(_ frame: UnsafeMutablePointer<trap_frame>) {
  if Configuration.KGDB, frame.pointee.vector == 3, frame.pointee.cs & 3 == 0,
    Debugger.meet(frame)
  {
    return
  }
  InterruptDelivery.dispatch(frame)
}

/// Called by isr_paranoid for NMI, double fault and machine check, which wait for no lock.
@c(paranoid_dispatch)
public func paranoidDispatch(_ frame: UnsafeMutablePointer<trap_frame>) {
  InterruptStatistics.count(UInt8(truncatingIfNeeded: frame.pointee.vector))
  if frame.pointee.vector == 1 {
    if Exceptions.isStepIntoSysenter(frame) { return }
    if Configuration.KGDB, Debugger.take(frame) { return }
  }
  if frame.pointee.vector == 2 {
    if Configuration.SELF_TESTS, NonMaskableTest.take() { return }
    if Configuration.KGDB, Debugger.stop(frame) { return }
  }
  if Panic.isUnderWay { Panic.stop(frame) }  // see CPU.stopOthers
  Exceptions.deliver(frame, fromUser: false)
}

enum InterruptDelivery {
  /// A function of its own, so that a debugger may stop in it.
  @inline(never)
  static func dispatch(_ frame: UnsafeMutablePointer<trap_frame>) {
    let vector = UInt8(truncatingIfNeeded: frame.pointee.vector)
    let fromUser = frame.pointee.cs & 3 == 3
    if vector == 3 || vector == 1, !fromUser {
      if Configuration.KPROBES, vector == 3, Kprobes.hit(frame) { return }
      if Configuration.KGDB, Debugger.take(frame) { return }
    }
    InterruptStatistics.count(vector)
    if Configuration.COMPATIBILITY, vector == InterruptVector.systemCall {
      _ = syscallDispatch(frame)
      return
    }
    if vector < 32 {
      Exceptions.deliver(frame, fromUser: fromUser)
      cpu_cli()
    } else {
      percpu_add_preempt_count(Preemption.interrupt)
      Trace.record(.irqEntry, frame.pointee.vector)
      if Configuration.PERF, vector == InterruptVector.timer { Perf.sample(frame) }
      InterruptStack.run(
        { InterruptDelivery.serve(UInt8(truncatingIfNeeded: $0)) }, UInt64(vector))
      Trace.record(.irqExit, frame.pointee.vector)
      percpu_add_preempt_count(0 &- Preemption.interrupt)
    }
    finish(frame)
  }

  /// The upper half: what cannot wait, with interrupts off.
  static func serve(_ vector: UInt8) {
    switch vector {
    case InterruptVector.timer:
      LocalAPIC.endOfInterrupt()
      TimerQueue.interrupt()
    case InterruptVector.reschedule:
      LocalAPIC.endOfInterrupt()
      RCU.noteInterrupt()
    case InterruptVector.call:
      LocalAPIC.endOfInterrupt()
      CPU.serveCall()
    case InterruptVector.flush:
      LocalAPIC.endOfInterrupt()
      TLB.serve()
    case InterruptVector.spurious:
      break  // the local APIC does not want an end of interrupt for this one
    default:
      if let line = IRQ.line(at: vector) {
        line.deliver()
      } else if vector >= 0x30 {
        LocalAPIC.endOfInterrupt()
      }  // or else a spurious interrupt of a masked 8259
    }
  }

  /// On the way back to code that had interrupts on: softirqs first, then perhaps another thread, and
  /// before ring 3 whatever the process has to attend to.
  ///
  /// A kernel without preemption gives way on the way to ring 3 only: in the kernel a thread then runs until
  /// it waits.
  static func finish(_ frame: UnsafeMutablePointer<trap_frame>) {
    let interruptFlag: UInt64 = 1 << 9
    guard frame.pointee.rflags & interruptFlag != 0 else { return }
    if percpu_softirq_pending() != 0, SoftIRQ.mayRun { SoftIRQ.run() }
    guard Preemption.count == 0 else { return }
    let fromUser = frame.pointee.cs & 3 == 3
    if percpu_need_resched() != 0, fromUser || Configuration.PREEMPTION { Scheduler.preempt() }
    if fromUser { SignalDelivery.attend(frame) }
  }
}
