/// A processor and what belongs to it alone: the per-CPU area that GS points to while the kernel runs.
///
/// A processor finds its own area without knowing its number and without a lock, since nobody else
/// writes there. That holds only as long as the thread stays where it is: whoever keeps `CPU.current`
/// for longer than one expression must have preemption or interrupts off.
import KernelArch

struct CPU: Equatable {
  /// The most processors this kernel starts.
  static var capacity: Int { Configuration.SMP ? Configuration.MAX_PROCESSORS : 1 }

  let area: UnsafeMutablePointer<percpu_t>

  /// The processor that runs this code.
  static var current: CPU { CPU(area: percpu_self()) }

  /// The number of processors that have been found and started; they are numbered from 0.
  ///
  /// Written while the machine boots.
  static var count: Int {
    get { Configuration.SMP ? started : 1 }
    set { started = newValue }
  }
  nonisolated(unsafe) private static var started = 1

  /// The processor of that number.
  init(_ index: Int) {
    guard index >= 0, index < CPU.count, let area = address_of_percpu_table()[index] else {
      panic("there is no processor \(index)")
    }
    self.area = area
  }

  init(area: UnsafeMutablePointer<percpu_t>) { self.area = area }

  static func == (a: CPU, b: CPU) -> Bool { a.area == b.area }

  var index: Int { Int(area.pointee.index) }
  var apicID: UInt32 { area.pointee.apic_id }

  /// Zero when the running thread may be taken off the processor; see `Preemption`.
  var preemptionCount: UInt32 { area.pointee.preempt_count }

  /// The running thread should give way as soon as preemption allows it.
  var needsReschedule: Bool {
    get { UnsafePointer(area).pointee.need_resched != 0 }
    nonmutating set { area.pointee.need_resched = newValue ? 1 : 0 }
  }

  /// What programs' page tables have of this processor.
  var entry: UnsafeMutablePointer<entry_area_t> { entry_area(area) }

  /// Where the next entry from ring 3 finds the kernel stack.
  ///
  /// With page tables of its own it cannot reach that: it comes over the entry page. They are chosen
  /// before.
  func setKernelStack(_ top: UInt64) {
    entry.pointee.tss.rsp0 = entry.pointee.user_root == 0 ? top : entry_stack(area)
    area.pointee.kernel_rsp = top
  }
}

/// A variable of which every processor has its own copy, each in a cache line of its own.
///
/// The current processor's copy may be changed without a lock when nothing can interrupt the change.
final class PerCPU<Value> {
  private let base: UnsafeMutableRawPointer
  private static var stride: Int { (MemoryLayout<Value>.stride + 63) & ~63 }

  init(_ initial: Value) {
    base = .allocate(byteCount: CPU.capacity * Self.stride, alignment: 64)
    for index in 0..<CPU.capacity {
      (base + index * Self.stride).initializeMemory(as: Value.self, to: initial)
    }
  }

  deinit {
    for index in 0..<CPU.capacity { pointer(index).deinitialize(count: 1) }
    base.deallocate()
  }

  /// The copy of the processor of that number.
  subscript(index: Int) -> Value {
    get { pointer(index).pointee }
    set { pointer(index).pointee = newValue }
    _modify { yield &pointer(index).pointee }
  }

  /// The running processor's copy; preemption must be off for longer uses.
  var current: Value {
    get { self[Int(percpu_index())] }
    set { self[Int(percpu_index())] = newValue }
    _modify { yield &pointer(Int(percpu_index())).pointee }
  }

  private func pointer(_ index: Int) -> UnsafeMutablePointer<Value> {
    (base + index * Self.stride).assumingMemoryBound(to: Value.self)
  }
}
