/// Stacks for threads in the kernel, each in a slot of its own above pages that are not mapped.
///
/// Four pages each: a thousand threads are nothing special, and a page fault that has to read a file
/// through a journal fits. A stack that is no longer used keeps its pages and serves the next thread. A
/// push beyond the bottom faults; since the processor cannot push that fault's frame either, it becomes a
/// double fault, which has a stack of its own.
import KernelArch

enum KernelStacks {
  static let size: UInt64 = 16 << 10
  private static let slot: UInt64 = 32 << 10

  private static let lock = SpinLock("kernel stacks")
  /// Lock for these: `lock`.
  ///
  /// An unused stack's first word links to the next.
  nonisolated(unsafe) private static var firstUnused: UInt64 = 0
  nonisolated(unsafe) private(set) static var count: UInt64 = 0

  /// Returns the top of a stack, or nil when memory has run out.
  static func allocate() -> UInt64? {
    let unused: UInt64 = lock.withLockIRQ {
      let top = firstUnused
      if top != 0 { firstUnused = link(top).pointee }
      return top
    }
    if unused != 0 { return unused }
    var frames: [PhysicalAddress] = []
    for _ in 0..<size / pageSize {
      guard let frame = Frames.allocate() else {
        for frame in frames { Frames.release(frame) }
        return nil
      }
      frame.pointer.initializeMemory(as: UInt8.self, repeating: 0, count: Int(pageSize))
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

  static func release(top: UInt64) {
    lock.withLockIRQ {
      link(top).pointee = firstUnused
      firstUnused = top
    }
  }

  private static func link(_ top: UInt64) -> UnsafeMutablePointer<UInt64> {
    pointer_to(top - 8).assumingMemoryBound(to: UInt64.self)
  }

  /// How much of a stack has ever been used, in bytes: all below is still zero.
  static func mostUsed(top: UInt64) -> UInt64 {
    var at = top - size
    while at < top, pointer_to(at).load(as: UInt64.self) == 0 { at += 8 }
    return top - at
  }

  /// The pages below the boot processor's stacks, which are part of the image.
  static var imageGuards: [UInt64] {
    [
      linker_idle_stack_guard(), linker_double_fault_stack_guard(), linker_nmi_stack_guard(),
      linker_machine_check_stack_guard(), linker_debug_stack_guard(),
    ]
  }

  /// True when one of the addresses lies in a page that guards a stack.
  static func isGuard(_ stackPointer: UInt64, _ fault: UInt64) -> Bool {
    isInGuard(stackPointer &- 8) || isInGuard(fault)
  }

  private static func isInGuard(_ address: UInt64) -> Bool {
    for page in imageGuards where address >= page && address < page + pageSize { return true }
    guard address >= Layout.stacks, address < Layout.stacks + count * slot else { return false }
    return (address - Layout.stacks) % slot < slot - size
  }
}
