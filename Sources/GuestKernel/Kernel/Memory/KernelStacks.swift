/// Stacks for threads in the kernel, each in a slot of its own above pages that are not mapped.
///
/// Four pages each: a thousand threads are nothing special, and a page fault that has to read a file
/// through a journal fits. A stack that is no longer used keeps its pages and serves the next thread,
/// until memory is short. A push beyond the bottom faults; since the processor cannot push that fault's frame either, it becomes a
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
  nonisolated(unsafe) private static var unusedCount = 0
  /// The tops of slots that have lost their pages; always with room for all.
  nonisolated(unsafe) private static var emptySlots: [UInt64] = []
  /// Slots so far.
  nonisolated(unsafe) private static var slots: UInt64 = 0

  /// Stacks that have pages.
  static var count: UInt64 { slots - UInt64(emptySlots.count) }

  /// Returns the top of a stack, or nil when memory has run out: for a program's thread that is earlier
  /// (`GFP.user`).
  static func allocate(_ flags: GFP = .kernel) -> UInt64? {
    let unused: UInt64 = lock.withLockIRQ {
      let top = firstUnused
      if top != 0 {
        firstUnused = link(top).pointee
        unusedCount -= 1
      }
      return top
    }
    if unused != 0 { return unused }
    var frames: [PhysicalAddress] = []
    for _ in 0..<size / pageSize {
      guard let frame = Frames.allocate(order: 0, flags.union(.zero)) else {
        for frame in frames { Frames.release(frame) }
        return nil
      }
      frames.append(frame)
    }
    return lock.withLockIRQ {
      let top = emptySlots.popLast() ?? addSlot()
      for (index, frame) in frames.enumerated() {
        let page = top - size + UInt64(index) * pageSize
        KernelSpace.map(LinearAddress(page), to: frame, .kernelData)
      }
      return top
    }
  }

  private static func addSlot() -> UInt64 {
    slots += 1
    if emptySlots.capacity < Int(slots) { emptySlots.reserveCapacity(2 * Int(slots)) }
    return Layout.stacks + slots * slot
  }

  static func release(top: UInt64) {
    lock.withLockIRQ {
      link(top).pointee = firstUnused
      firstUnused = top
      unusedCount += 1
    }
  }

  /// Gives back the pages of stacks that nobody uses, but for a few; returns how many pages.
  static func shrink() -> Int {
    let kept = 8
    var pages = 0
    while unusedCount > kept {
      let top: UInt64 = lock.withLockIRQ {
        let top = firstUnused
        if top != 0 {
          firstUnused = link(top).pointee
          unusedCount -= 1
        }
        return top
      }
      guard top != 0 else { break }
      pages += removePages(of: top)
      lock.withLockIRQ { emptySlots.append(top) }
    }
    return pages
  }

  private static func removePages(of top: UInt64) -> Int {
    let range = top - size..<top
    var frames: [PhysicalAddress] = []
    frames.reserveCapacity(Int(size / pageSize))
    lock.withLockIRQ {
      for page in stride(from: range.lowerBound, to: range.upperBound, by: Int(pageSize)) {
        guard let leaf = KernelSpace.tables.leaf(LinearAddress(page)) else { continue }
        frames.append(PhysicalAddress(leaf.entry.pointee & PageTables.addressMask))
        leaf.entry.pointee = 0
      }
    }
    TLB.flush(range)
    for frame in frames { Frames.release(frame) }
    return frames.count
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
    guard address >= Layout.stacks, address < Layout.stacks + slots * slot else { return false }
    return (address - Layout.stacks) % slot < slot - size
  }
}
