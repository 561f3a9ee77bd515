/// Where every exception and interrupt arrives.
import KernelArch

/// Called by isr_common with interrupts off, which it must also return with.
@c(interrupt_dispatch)
public func interruptDispatch(_ frame: UnsafeMutablePointer<trap_frame>) {
  let fromUser = frame.pointee.cs & 3 == 3
  BigLock.enter()
  if frame.pointee.vector < 32 {
    Exceptions.deliver(frame, fromUser: fromUser)
  } else {
    percpu_add_preempt_count(Preemption.interrupt)
    serve(frame.pointee.vector)
    percpu_add_preempt_count(0 &- Preemption.interrupt)
    if Preemption.count == 0, percpu_need_resched() != 0 { Scheduler.preempt() }
  }
  if fromUser { Scheduler.endIfAsked() }
  BigLock.leave()
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
  case UInt64(InterruptVector.spurious), 0x20...0x2f:
    break  // the latter a spurious interrupt of a masked 8259
  default:
    log("irq", "unexpected interrupt, vector \(hex: vector)")
    LocalAPIC.endOfInterrupt()
  }
}

/// Called by isr_paranoid for NMI, double fault and machine check, which wait for no lock.
@c(paranoid_dispatch)
public func paranoidDispatch(_ frame: UnsafeMutablePointer<trap_frame>) {
  Exceptions.deliver(frame, fromUser: false)
}
