/// Translation lookaside buffers: each processor keeps its own copies of page table entries, and nothing
/// tells it when they change. Whoever takes a right away must make all others forget: the shootdown.
///
/// The initiator writes down what is to be forgotten, sets a flag in the area of each processor that may
/// know it, interrupts them, and waits for all flags to be cleared. A processor that spins for a lock
/// with interrupts off looks at its flag meanwhile (`serve`), so the initiator may hold that lock.
/// SDM Vol. 3A, "Propagation of Page Table and Page Directory Entry Changes to Multiple Processors".
import KernelArch

enum TLB {
  /// Guards the request below, until all have served it.
  private static let lock = SpinLock("shootdown")
  nonisolated(unsafe) private static var range: Range<UInt64> = 0..<0
  /// Shootdowns that had to interrupt others.
  nonisolated(unsafe) private(set) static var shootdowns: UInt64 = 0

  /// Beyond that many pages it is cheaper to forget everything.
  private static let mostSinglePages: UInt64 = 32

  /// Makes the processor use other page tables.
  ///
  /// What it uses is written down first: a flush that does not see it happens before the new tables
  /// are read.
  static func load(_ root: PhysicalAddress, isIsolated: Bool = Isolation.isOn) {
    atomic_store64(&percpu_self().pointee.root_table, root.value)
    if Isolation.isOn { Isolation.chooseRoots(root, isIsolated) }
    write_cr3(root.value)
  }

  /// Forgets `range` on every processor that uses the page tables with that root.
  ///
  /// Without one, on all processors: for the kernel's part. Call it after the entries have been changed,
  /// and before their frames are given to anybody else.
  static func flush(_ range: Range<UInt64>, root: PhysicalAddress? = nil) {
    guard !range.isEmpty else { return }
    Preemption.disable()
    if root == nil || percpu_self().pointee.root_table == root?.value { forget(range) }
    if CPU.count > 1 { shootDown(range, root) }
    Preemption.enable()
  }

  static func flush(page: UInt64, root: PhysicalAddress? = nil) {
    flush(page..<page + pageSize, root: root)
  }

  /// Forgets a whole address space.
  static func flushAll(root: PhysicalAddress) { flush(Layout.userSpace, root: root) }

  private static func shootDown(_ range: Range<UInt64>, _ root: PhysicalAddress?) {
    lock.withLockIRQ {
      self.range = range
      memory_fence()
      let me = Int(percpu_index())
      var isAnybodyAsked = false
      for index in 0..<CPU.count where index != me {
        let cpu = CPU(index)
        guard root == nil || atomic_load64(&cpu.area.pointee.root_table) == root?.value else {
          continue
        }
        atomic_store32(&cpu.area.pointee.flush_requested, 1)
        LocalAPIC.send(LocalAPIC.Command.fixed(InterruptVector.flush), to: cpu.apicID)
        isAnybodyAsked = true
      }
      guard isAnybodyAsked else { return }
      shootdowns &+= 1
      for index in 0..<CPU.count where index != me {
        let cpu = CPU(index)
        while atomic_load32(&cpu.area.pointee.flush_requested) != 0, !Panic.isUnderWay {
          cpu_pause()
        }
      }
    }
  }

  /// Does what another processor has asked for; interrupts are off.
  @inline(__always)
  static func serve() {
    let area = percpu_self()
    if atomic_load32(&area.pointee.flush_requested) == 0 { return }
    forget(range)
    atomic_store32(&area.pointee.flush_requested, 0)
  }

  /// For who spins for a lock, with interrupts off or on.
  static func serveWhileWaiting() {
    if atomic_load32(&percpu_self().pointee.flush_requested) != 0 { Interrupts.off { serve() } }
  }

  /// On this processor.
  private static func forget(_ range: Range<UInt64>) {
    let isProgram = range.lowerBound < Layout.userSpace.upperBound
    if (range.upperBound &- range.lowerBound) / pageSize > mostSinglePages {
      let global: UInt64 = 1 << 7
      if isProgram {
        entry_forget_user()
        write_cr3(read_cr3())
      } else {
        write_cr4_toggling(global)
      }
      return
    }
    let pages = stride(from: range.lowerBound, to: range.upperBound, by: Int(pageSize))
    for page in pages { invlpg(page) }
    // INVLPG knows the tag in use only, which is the kernel's.
    if isProgram { Isolation.forget(pages) }
  }
}
