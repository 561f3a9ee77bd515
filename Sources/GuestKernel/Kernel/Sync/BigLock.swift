/// The lock behind `withInterruptsOff`: everything that has no finer lock yet.
///
/// It belongs to a processor and is recursive, like the interrupt flag it goes with: a handler or a
/// function that is called with it held may take it again. A thread that switches away inside hands it
/// to the next thread on the same processor, which goes on at the depth it had left at.
import KernelArch

enum BigLock {
  /// The holder's number and 1, or 0.
  nonisolated(unsafe) private static var holder: UInt32 = 0
  /// Written by the holder.
  nonisolated(unsafe) static var depth: UInt32 = 0

  /// Interrupts are off.
  static func enter() {
    let me = percpu_index() + 1
    if atomic_load32(&holder) != me {
      while !atomic_replace32(&holder, 0, me) {
        while atomic_load32(&holder) != 0 {
          if Panic.isUnderWay { return }
          cpu_pause()
        }
      }
    }
    depth &+= 1
  }

  static func leave() {
    guard atomic_load32(&holder) == percpu_index() + 1 else { return }
    depth &-= 1
    if depth == 0 { atomic_store32(&holder, 0) }
  }

  static var isHeldByThisCPU: Bool { atomic_load32(&holder) == percpu_index() + 1 }
}

/// Runs `body` with interrupts off and with the kernel's big lock held.
@inline(__always)
func withInterruptsOff<Result>(_ body: () -> Result) -> Result {
  let wereOn = Interrupts.areOn
  cpu_cli()
  BigLock.enter()
  defer {
    BigLock.leave()
    if wereOn { cpu_sti() }
  }
  return body()
}

/// The first thing a new thread does: leaves the lock that it was switched to under.
@c(thread_begin)
public func threadBegin() {
  BigLock.depth = 1
  BigLock.leave()
}
