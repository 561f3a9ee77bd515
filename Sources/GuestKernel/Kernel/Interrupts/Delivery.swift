/// Where every exception and interrupt arrives.
import KernelArch

/// Called by isr_common with interrupts off, which it must also return with.
@c(interrupt_dispatch)
public func interruptDispatch(_ frame: UnsafeMutablePointer<trap_frame>) {
  let fromUser = frame.pointee.cs & 3 == 3
  if frame.pointee.vector == 3, !fromUser, Kprobes.hit(frame) { return }
  if frame.pointee.vector >= UInt64(InterruptVector.firstOfProcessors) {
    serveProcessors(frame.pointee.vector)
    guard Preemption.count == 0, percpu_need_resched() != 0 else { return }
  }
  BigLock.enter()
  if frame.pointee.vector < 32 {
    Exceptions.deliver(frame, fromUser: fromUser)
  } else if frame.pointee.vector < UInt64(InterruptVector.firstOfProcessors) {
    percpu_add_preempt_count(Preemption.interrupt)
    Trace.record(.irqEntry, frame.pointee.vector)
    if frame.pointee.vector == UInt64(InterruptVector.timer) { Perf.sample(frame) }
    serve(frame.pointee.vector)
    Trace.record(.irqExit, frame.pointee.vector)
    percpu_add_preempt_count(0 &- Preemption.interrupt)
  }
  if Preemption.count == 0, percpu_need_resched() != 0 { Scheduler.preempt() }
  if fromUser { Scheduler.endIfAsked() }
  BigLock.leave()
}

/// Interrupts between processors, which take no lock: who sends them may hold it.
private func serveProcessors(_ vector: UInt64) {
  guard vector != UInt64(InterruptVector.spurious) else { return }  // needs no end of interrupt
  percpu_add_preempt_count(Preemption.interrupt)
  LocalAPIC.endOfInterrupt()
  let area = percpu_self()
  switch UInt8(truncatingIfNeeded: vector) {
  case InterruptVector.reschedule:
    area.pointee.reschedule_interrupts &+= 1
  case InterruptVector.call:
    area.pointee.call_interrupts &+= 1
    CPU.serveCall()
  case InterruptVector.flush:
    area.pointee.flush_interrupts &+= 1
    TLB.serve()
  default:
    break
  }
  percpu_add_preempt_count(0 &- Preemption.interrupt)
}

private func serve(_ vector: UInt64) {
  switch vector {
  case UInt64(InterruptVector.timer):
    LocalAPIC.endOfInterrupt()
    Scheduler.tick()
  case UInt64(InterruptVector.serial):
    Console.receive()
    InterruptRouting.endOfInterrupt()
    Scheduler.preemptIfWoken()
  case 0x20...0x2f:
    break  // a spurious interrupt of a masked 8259
  default:
    log("irq", "unexpected interrupt, vector \(hex: vector)")
    LocalAPIC.endOfInterrupt()
  }
}

/// Called by isr_paranoid for NMI, double fault and machine check, which wait for no lock.
@c(paranoid_dispatch)
public func paranoidDispatch(_ frame: UnsafeMutablePointer<trap_frame>) {
  if Panic.isUnderWay { Panic.stop(frame) }  // see CPU.stopOthers
  Exceptions.deliver(frame, fromUser: false)
}
