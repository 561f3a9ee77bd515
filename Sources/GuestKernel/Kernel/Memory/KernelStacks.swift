/// Stacks for threads in the kernel, each in a slot of its own above pages that are not mapped.
///
/// A stack that is no longer used keeps its pages and serves the next thread.
/// Lock: `lock`.
import KernelArch

enum KernelStacks {
  private static let lock = SpinLock("kernel stacks")
  static let size: UInt64 = 16 << 10
  private static let slot: UInt64 = 32 << 10

  nonisolated(unsafe) private static var unused: [UInt64] = []
  nonisolated(unsafe) private(set) static var count: UInt64 = 0

  /// Returns the top of a stack, or nil when memory has run out.
  static func allocate() -> UInt64? {
    if let top = lock.withLockIRQ({ unused.popLast() }) { return top }
    var frames: [PhysicalAddress] = []
    for _ in 0..<size / pageSize {
      guard let frame = Frames.allocate() else {
        for frame in frames { Frames.release(frame) }
        return nil
      }
      frames.append(frame)
    }
    return lock.withLockIRQ {
      count += 1
      let top = Layout.stacks + count * slot
      for (index, frame) in frames.enumerated() {
        let page = top - size + UInt64(index) * pageSize
        KernelSpace.map(LinearAddress(page), to: frame, .kernelData)
      }
      return top
    }
  }

  static func release(top: UInt64) { lock.withLockIRQ { unused.append(top) } }

  /// True when one of the addresses lies in a page that guards a stack.
  static func isGuard(_ stackPointer: UInt64, _ fault: UInt64) -> Bool {
    isInGuard(stackPointer &- 8) || isInGuard(fault)
  }

  private static func isInGuard(_ address: UInt64) -> Bool {
    for page in [
      linker_idle_stack_guard(), linker_double_fault_stack_guard(), linker_nmi_stack_guard(),
      linker_machine_check_stack_guard(),
    ] where address >= page && address < page + pageSize {
      return true
    }
    guard address >= Layout.stacks, address < Layout.stacks + count * slot else { return false }
    return (address - Layout.stacks) % slot < slot - size
  }
}
