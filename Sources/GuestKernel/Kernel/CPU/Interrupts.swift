/// Where every exception and interrupt arrives.
import KernelArch

/// Called by isr_common with interrupts off.
@c(interrupt_dispatch)
public func interruptDispatch(_ frame: UnsafeMutablePointer<trap_frame>) {
  let fromUser = frame.pointee.cs & 3 == 3
  switch frame.pointee.vector {
  case UInt64(InterruptVector.timer):
    LocalAPIC.endOfInterrupt()
    Scheduler.tick()
  case UInt64(InterruptVector.serial):
    Console.receive()
    InterruptRouting.endOfInterrupt()
    Scheduler.preemptIfWoken()
  case UInt64(InterruptVector.spurious):
    break
  case 0x20...0x2f:
    break  // a spurious interrupt of a masked 8259
  default:
    Exceptions.deliver(frame, fromUser: fromUser)
  }
  if fromUser { Scheduler.endIfAsked() }
}
