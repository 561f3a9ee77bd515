/// Stacks for threads in the kernel, each in a slot of its own above pages that are not mapped.
///
/// Two pages each: a thousand threads are nothing special. That is enough since interrupts have stacks of
/// their own (`InterruptStack`), and the few deep paths borrow a large one for the time (`onLargeStack`).
/// A stack that is no longer used keeps its pages and serves the next thread, until memory is short. A push
/// beyond the bottom faults; since the processor cannot push that fault's frame either, it becomes a double
/// fault, which has a stack of its own.
import KernelArch

enum KernelStacks {
  enum Kind {
    case normal
    case large

    var size: UInt64 { self == .normal ? KernelStacks.size : KernelStacks.largeSize }
  }

  static let size: UInt64 = 2 * pageSize
  static let largeSize: UInt64 = 6 * pageSize
  private static let slot: UInt64 = 32 << 10

  private static let lock = SpinLock("kernel stacks")
  /// Lock for these: `lock`.
  ///
  /// An unused stack's first word links to the next.
  nonisolated(unsafe) private static var unused: (normal: UInt64, large: UInt64) = (0, 0)
  nonisolated(unsafe) private static var unusedCount = 0
  nonisolated(unsafe) private static var slots: UInt64 = 0
  /// The tops of slots that have lost their pages; every slot has a place here.
  private static let emptySlots = GuardedList<UInt64>(capacity: 64)
  /// Of all there are, used or not.
  nonisolated(unsafe) private(set) static var bytes: UInt64 = 0

  /// Returns the top of a stack full of zeroes, or nil when memory has run out: for a program's thread
  /// that is earlier (`GFP.user`).
  static func allocate(_ kind: Kind = .normal, _ flags: GFP = .kernel) -> UInt64? {
    if AllocationFailures.refuses(.stacks) { return nil }
    if let top = takeUnused(kind) {
      pointer_to(top - kind.size).initializeMemory(
        as: UInt8.self, repeating: 0, count: Int(kind.size))
      return top
    }
    var frames: [PhysicalAddress] = []
    for _ in 0..<kind.size / pageSize {
      guard let frame = Frames.allocate(order: 0, flags.union(.zero)) else {
        for frame in frames { Frames.release(frame) }
        return nil
      }
      frames.append(frame)
    }
    emptySlots.makeRoom(lock)
    return lock.withLockIRQ {
      bytes += kind.size
      let top = emptySlots.isEmpty ? addSlot() : emptySlots.removeLast()
      for (index, frame) in frames.enumerated() {
        let page = top - kind.size + UInt64(index) * pageSize
        KernelSpace.map(LinearAddress(page), to: frame, .kernelData)
      }
      return top
    }
  }

  private static func addSlot() -> UInt64 {
    slots += 1
    return Layout.stacks + slots * slot
  }

  private static func takeUnused(_ kind: Kind) -> UInt64? {
    lock.withLockIRQ {
      let top = kind == .normal ? unused.normal : unused.large
      guard top != 0 else { return nil }
      let next = link(top).pointee
      if kind == .normal { unused.normal = next } else { unused.large = next }
      unusedCount -= 1
      return top
    }
  }

  static func release(top: UInt64, _ kind: Kind = .normal) {
    note(mostUsed(top: top, kind), kind)
    lock.withLockIRQ {
      link(top).pointee = kind == .normal ? unused.normal : unused.large
      if kind == .normal { unused.normal = top } else { unused.large = top }
      unusedCount += 1
    }
  }

  /// Gives back the pages of stacks that nobody uses, but for a few; returns how many pages.
  static func shrink() -> Int {
    let kept = 8
    var pages = 0
    for kind in [Kind.large, .normal] {
      while unusedCount > kept, let top = takeUnused(kind) {
        pages += removePages(top - kind.size..<top)
        lock.withLockIRQ {
          bytes -= kind.size
          emptySlots.append(top)
        }
      }
    }
    return pages
  }

  private static func removePages(_ range: Range<UInt64>) -> Int {
    var frames: [PhysicalAddress] = []
    frames.reserveCapacity(range.count / Int(pageSize))
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
}

// MARK: How deep

extension KernelStacks {
  /// The most that threads which have ended, and calls if they are watched, have used.
  nonisolated(unsafe) private static var deepest: (normal: UInt64, large: UInt64) = (0, 0)

  /// How much of a stack has been used since it was allocated, in bytes: all below is still zero.
  static func mostUsed(top: UInt64, _ kind: Kind = .normal) -> UInt64 {
    var at = top - kind.size
    while at < top, pointer_to(at).load(as: UInt64.self) == 0 { at += 8 }
    return top - at
  }

  @discardableResult
  private static func note(_ used: UInt64, _ kind: Kind) -> Bool {
    lock.withLockIRQ {
      guard used > (kind == .normal ? deepest.normal : deepest.large) else { return false }
      if kind == .normal { deepest.normal = used } else { deepest.large = used }
      return true
    }
  }

  /// With `stackusage`: after each call, whether it went deeper than any before.
  @inline(never)
  static func watch(_ number: UInt64) {
    let thread = Thread.current
    let used = mostUsed(top: thread.stackTop)
    guard note(used, .normal) else { return }
    log("stack", "\(used) of \(size) bytes used by \(text: thread.name), call \(number)")
  }

  /// What /proc/stacks says.
  static func write(to text: inout Text) {
    for thread in Scheduler.threads where thread.id != 0 {
      let used = mostUsed(top: thread.stackTop)
      note(used, .normal)
      text.append("\(thread.id, width: 5) \(used, width: 6) of \(size) \(text: thread.name)\n")
    }
    text.append("deepest \(deepest.normal, width: 4) of \(size), all threads so far\n")
    text.append("deepest \(deepest.large, width: 4) of \(largeSize), large stacks\n")
    for index in 0..<CPU.count {
      let top = CPU(index).area.pointee.interrupt_stack
      text.append("deepest \(mostUsed(top: top, .large), width: 4) of \(largeSize), ")
      text.append("interrupts of processor \(index)\n")
    }
  }
}

// MARK: Large stacks

extension KernelStacks {
  private final class Work {
    let body: () -> Void

    init(_ body: @escaping () -> Void) { self.body = body }
  }

  /// Runs `body` on a large stack, as the same thread; on the thread's own when there is no other.
  ///
  /// Between system calls a thread's stack is empty, wherever it was in between: it may be preempted
  /// and sleep there as on its own.
  static func onLargeStack(_ body: @escaping () -> Void) {
    guard let top = allocate(.large) else { return body() }
    let work = Unmanaged.passRetained(Work(body))
    // Looked for again afterwards: a thread that does not come back leaves no reference here.
    link(top).pointee = Scheduler.running?.borrowedStack ?? 0
    Scheduler.running?.borrowedStack = top
    call_on_stack(
      { KernelStacks.perform($0) }, UInt64(UInt(bitPattern: work.toOpaque())), top - 16)
    Scheduler.running?.borrowedStack = link(top).pointee
    release(top: top, .large)
  }

  /// Takes back what a thread has not returned from: an oops ended it there.
  static func releaseBorrowed(_ first: UInt64) {
    var top = first
    while top != 0 {
      let next = link(top).pointee
      release(top: top, .large)
      top = next
    }
  }

  private static func perform(_ work: UInt64) {
    Unmanaged<Work>.fromOpaque(pointer_to(work)).takeRetainedValue().body()
  }
}

// MARK: Guards

extension KernelStacks {
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

  /// Whether the first address lies on a stack for interrupts, or on a large one, and the second does not.
  static func isOther(_ address: UInt64, than caller: UInt64) -> Bool {
    func isLarge(_ at: UInt64) -> Bool {
      let top = (at - Layout.stacks) / slot * slot + Layout.stacks + slot
      return KernelSpace.isMapped(LinearAddress(top - largeSize))
    }
    let stacks = Layout.stacks..<Layout.stacks + slots * slot
    return stacks.contains(address) && isLarge(address)
      && !(stacks.contains(caller) && isLarge(caller))
  }

  private static func isInGuard(_ address: UInt64) -> Bool {
    for page in imageGuards where address >= page && address < page + pageSize { return true }
    // In a slot whatever is not mapped is guard.
    return address >= Layout.stacks && address < Layout.stacks + slots * slot
      && !KernelSpace.isMapped(LinearAddress(address))
  }
}
