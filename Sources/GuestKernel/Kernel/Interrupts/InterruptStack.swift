/// Each processor has a stack for its interrupts and softirqs, so that a thread's needs no room for them,
/// however deep they nest.
///
/// Their frame is on the thread's stack all the same, where the processor and entry.S have put it, and
/// only the handlers run here. An interrupt that finds itself on this stack, in a softirq or in a handler
/// that lets others in, stays below. Nobody sleeps here, so no thread is switched away meanwhile.
import KernelArch

enum InterruptStack {
  /// Gives the processor its stack; until then it has none, and goes on where it is.
  static func prepare(_ area: UnsafeMutablePointer<percpu_t>) -> Bool {
    guard let top = KernelStacks.allocate(.large) else { return false }
    area.pointee.interrupt_stack = top
    return true
  }

  /// Calls the function on the running processor's stack for interrupts, which must be off.
  @inline(__always)
  static func run(_ function: @convention(c) (UInt64) -> Void, _ argument: UInt64 = 0) {
    let top = percpu_interrupt_stack()
    if top == 0 || top &- read_rsp() < KernelStacks.largeSize {
      function(argument)
    } else {
      call_on_stack(function, argument, top)
    }
  }
}
