/// The lock behind `withInterruptsOff`: everything that has no finer lock yet.
///
/// It belongs to a processor and is recursive, like the interrupt flag it goes with: a handler or a
/// function that is called with it held may take it again. A thread that switches away gives it up and
/// takes it back, as deep as it was, when it goes on.
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
          TLB.serve()
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

  /// Before a switch, interrupts off: how deep the thread is in, for `takeBack`.
  static func giveUp() -> UInt32 {
    guard isHeldByThisCPU else { return 0 }
    let depth = depth
    self.depth = 0
    atomic_store32(&holder, 0)
    return depth
  }

  static func takeBack(_ depth: UInt32) {
    guard depth > 0 else { return }
    enter()
    self.depth = depth
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
