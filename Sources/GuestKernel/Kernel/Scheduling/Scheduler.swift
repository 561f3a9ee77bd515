/// Who runs: each processor takes the next thread from its own run queue.
///
/// A thread switches away in one place, `schedule`, for one of three reasons: it waits, it lets others go
/// first, or it is preempted. With the run queue locked and interrupts off it saves its registers on its
/// stack, takes over the next thread's stack, and that thread unlocks the queue for it.
import KernelArch

enum Scheduler {
  /// Lock for these: `tableLock`.
  private static let table = GuardedList<Thread>(capacity: 64)
  nonisolated(unsafe) private static var lastID = 0
  private static let tableLock = SpinLock("threads")

  /// All threads; one that ends stays until the reaper has been there.
  static var threads: [Thread] { table.snapshot(under: tableLock) }
  /// Hands over all threads one by one, without memory for a list: who comes or goes meanwhile may be missed.
  static func forEachThread(_ body: (Thread) -> Void) {
    var index = 0
    while let thread = tableLock.withLockIRQ({ index < table.count ? table[index] : nil }) {
      body(thread)
      index += 1
    }
  }

  static var threadCount: Int { tableLock.withLockIRQ { table.count } }

  /// The running thread; nil early in the boot.
  static var running: Thread? {
    percpu_thread().map { Unmanaged<Thread>.fromOpaque($0).takeUnretainedValue() }
  }

  static var nextID: Int { lastID + 1 }

  /// Makes the flow of control that has brought this processor up its idle thread.
  static func startProcessor() {
    let cpu = CPU.current
    let top = cpu.index == 0 ? linker_idle_stack_top() : cpu.area.pointee.idle_stack
    let thread = Thread(id: 0, name: [UInt8](text: "idle"), process: nil, stackTop: top)
    thread.state = .running
    thread.cpu = cpu.index
    let queue = RunQueue(cpu: cpu.index, idle: thread)
    queue.idleSince = Clock.nanoseconds
    table.append(thread, under: tableLock)
    cpu.area.pointee.thread = Unmanaged.passUnretained(thread).toOpaque()
    ScheduleTrace.startProcessor()
    SliceTimer.prepare()
    Timeouts.prepare()
    RunQueue.add(queue)
  }

  /// Makes a thread that does not run yet; it inherits policy, affinity and group of its maker.
  static func add(name: [UInt8], process: Process?, stackTop: UInt64) -> Thread {
    let id = tableLock.withLockIRQ {
      lastID += 1
      return lastID
    }
    let thread = Thread(id: id, name: name, process: process, stackTop: stackTop)
    table.append(thread, under: tableLock)
    thread.cpu = Int(percpu_index())
    if let parent = running, parent.id != 0, process != nil || parent.process == nil {
      thread.inherit(from: parent)
    }
    return thread
  }

  /// Forgets the thread, which has ended, and frees its stack.
  static func forget(_ thread: Thread) {
    tableLock.withLockIRQ { _ = table.removeAll { $0 === thread } }
    thread.release()
  }

  /// What is left of the boot: halts until there is something to do.
  static func idleForever() -> Never {
    while true {
      cpu_cli()
      if RunQueue.current.load > 0 || CPU.current.needsReschedule || Balance.pullWhileIdle() {
        schedule(.preempted)
        cpu_sti()
      } else {
        cpu_sti_hlt()
      }
    }
  }
}

// MARK: Switching

extension Scheduler {
  enum Reason {
    /// The thread's state says what it waits for; unless somebody has woken it meanwhile.
    case waiting
    case yielding
    case preempted
    case ended
  }

  /// Lets others of the same importance go first.
  static func yield() { schedule(.yielding) }

  /// At the end of an interrupt, and when preemption is allowed again: interrupts are off.
  static func preempt() {
    guard percpu_thread() != nil else { return }
    schedule(.preempted)
  }

  /// Gives the processor to whoever is next; returns when the caller is.
  ///
  /// No reference to a thread is held across the switch: a thread that has ended never comes back to
  /// release it.
  static func schedule(_ reason: Reason) {
    if reason != .preempted { Context.assertMaySleep("schedule") }
    let wereOn = Interrupts.areOn
    cpu_cli()
    if let step = prepareSwitch(reason) {
      if let area = step.areaToSave { fxsave64(area) }
      TLB.load(PhysicalAddress(step.rootTable), isIsolated: step.isIsolated)
      CPU.current.setKernelStack(step.stackTop)
      if let area = step.areaToLoad {
        fxrstor64(area)
        wrmsr(0xc000_0100, step.threadPointer)  // IA32_FS_BASE
      }
      Segments.exchange(step.segmentsToSave, step.segmentsToLoad)
      switch_context(step.saveStackPointer, step.stackPointer)
      finishSwitch()
    }
    if wereOn { cpu_sti() }
  }

  /// What the switch needs, as plain numbers and pointers.
  private struct Switch {
    let areaToSave: UnsafeMutableRawPointer?
    let areaToLoad: UnsafeMutableRawPointer?
    let stackTop: UInt64
    let rootTable: UInt64
    let isIsolated: Bool
    let threadPointer: UInt64
    let segmentsToSave: UnsafeMutablePointer<Segments>?
    let segmentsToLoad: UnsafeMutablePointer<Segments>?
    let saveStackPointer: UnsafeMutablePointer<UInt64>
    let stackPointer: UInt64
  }

  /// Chooses the next thread; returns with the run queue locked, but when it is the same thread (nil).
  @inline(never)
  private static func prepareSwitch(_ reason: Reason) -> Switch? {
    let queue = RunQueue.current
    queue.lock.lock()
    CPU.current.needsReschedule = false
    let now = Clock.nanoseconds
    let old = queue.running
    leave(old, queue, reason, now)
    if !queue.queue.hasReady { Balance.pull(into: queue, now) }
    Bandwidth.refresh(queue, now)
    let next = queue.queue.pickNext(now: now).map { Thread.of($0) } ?? queue.idle
    SliceTimer.arm(queue, now)
    if next.state == .ready { next.state = .running }
    guard old !== next else {
      queue.lock.unlock()
      return nil
    }
    if old === queue.idle { queue.idleTime += now - queue.idleSince }
    if queue.isTickless { Tick.goOn(queue, now) }
    if next === queue.idle { queue.idleSince = now }
    queue.isIdle = next === queue.idle
    queue.switches += 1
    queue.previous = Unmanaged.passUnretained(old)
    CPU.current.area.pointee.thread = Unmanaged.passUnretained(next).toOpaque()
    ScheduleTrace.record(.switched, now, thread: next.id, other: old.id)
    if Announcement.isOn { Announcement.running(next) }
    RCU.noteQuietState(queue.cpu)
    return Switch(
      areaToSave: old.floatingPoint, areaToLoad: next.floatingPoint, stackTop: next.stackTop,
      rootTable: next.rootTable.value, isIsolated: next.isIsolated,
      threadPointer: next.user?.threadPointer ?? 0,
      segmentsToSave: old.user?.segments, segmentsToLoad: next.user?.segments,
      saveStackPointer: old.savedStackPointer,
      stackPointer: next.savedStackPointer.pointee)
  }

  /// What becomes of the thread that has run so far.
  private static func leave(_ old: Thread, _ queue: RunQueue, _ reason: Reason, _ now: UInt64) {
    guard old !== queue.idle else { return }
    switch reason {
    case .waiting where old.state.isWaiting:
      guard !old.isInterrupted(in: old.state) else { return old.state = .running }
      old.waits += 1
      queue.queue.remove(old.entity, now: now)
    case .ended:
      queue.queue.remove(old.entity, now: now)
    case .yielding:
      queue.queue.yield(now: now)
      if old.state == .running { old.state = .ready }
    case .preempted:
      old.preemptions += 1
      if old.state == .running { old.state = .ready }
    case .waiting:
      break
    }
    // It may no longer run here: it goes, even if nobody else is there.
    if old.state == .ready, old.entity.pointee.isQueued, old.affinity & RunQueue.online != 0,
      old.affinity >> UInt64(queue.cpu) & 1 == 0
    {
      queue.queue.remove(old.entity, now: now)
      queue.isEvicting = true
    }
  }

  /// Completes the switch, on the new thread's stack.
  @inline(never)
  static func finishSwitch() {
    let queue = RunQueue.current
    guard let previous = queue.previous else { panic("a switch from nowhere") }
    queue.previous = nil
    let old = previous.takeUnretainedValue()
    let hasEnded = old.state == .ended
    let target = queue.isEvicting ? RunQueue[allowed(old).trailingZeroBitCount] : nil
    queue.isEvicting = false
    if let target {
      transfer(old, from: queue, to: target)
      old.cpu = target.cpu
    }
    queue.lock.unlock()
    if let target {
      target.lock.lock()
      enqueue(old, on: target, isNew: false)
      target.lock.unlock()
    }
    if hasEnded { Reaper.add(old) }
  }
}

extension Scheduler {
  private static func allowed(_ thread: Thread) -> UInt64 {
    let allowed = thread.affinity & RunQueue.online
    return allowed == 0 ? RunQueue.online : allowed
  }
}

/// A new thread's first call (see thread_start).
@c(thread_begin)
public func threadBegin() { Scheduler.finishSwitch() }

// MARK: Ending

extension Scheduler {
  /// Leaves for good.
  ///
  /// Clearing away is the reaper's: nobody can free the stack they stand on.
  static func endRunning() {
    markEnded()
    schedule(.ended)
  }

  @inline(never)
  private static func markEnded() { running?.state = .ended }
}

/// A kernel thread's function has returned (see thread_start).
@c(kernel_thread_end)
public func kernelThreadEnd() {
  cpu_cli()
  Scheduler.endRunning()
}

/// The thread that clears away what ended threads leave.
enum Reaper {
  private static let lock = SpinLock("ended threads")
  private static let wakeup = WaitQueue()
  /// Linked by their timeouts' entities, which nobody needs any more.
  nonisolated(unsafe) private static var ended = EntityList()

  static func add(_ thread: Thread) {
    lock.withLockIRQ { ended.append(thread.timeout) }
    wakeup.wakeOne()
  }

  static func run() {
    // Memory comes back here; with a thousand threads around, that must not have to wait.
    Thread.current.setNice(-20)
    while true {
      _ = wakeup.wait(interruptible: false) { lock.withLockIRQ { !ended.isEmpty } }
      clear()
    }
  }

  private static func clear() {
    while true {
      let next = lock.withLockIRQ {
        let first = ended.first
        if let first { ended.remove(first) }
        return first
      }
      guard let next else { return }
      let thread = Thread.of(next)
      thread.process?.threadWasCleared()
      Scheduler.forget(thread)
    }
  }
}
