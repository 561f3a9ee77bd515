/// Who runs: round robin over the ready threads, a tick at a time.
///
/// Lock for everything here: interrupts off. The one processor switches only inside `yield`;
/// a thread that comes back from there finds interrupts off, as it left them.
import KernelArch

enum Scheduler {
  nonisolated(unsafe) private(set) static var threads: [Thread] = []
  nonisolated(unsafe) private(set) static var running: Thread?
  nonisolated(unsafe) private static var idle: Thread?
  nonisolated(unsafe) private static var lastID = 0

  /// Makes the boot's flow of control the idle thread.
  static func start() {
    let thread = Thread(
      id: 0, name: [UInt8](text: "idle"), process: nil, stackTop: linker_idle_stack_top())
    thread.state = .running
    idle = thread
    running = thread
    threads = [thread]
  }

  static func add(name: [UInt8], process: Process?, stackTop: UInt64) -> Thread {
    lastID += 1
    let thread = Thread(id: lastID, name: name, process: process, stackTop: stackTop)
    threads.append(thread)
    return thread
  }

  static var nextID: Int { lastID + 1 }

  static func makeReady(_ thread: Thread) {
    Trace.record(.schedWakeup, thread.id, Int(percpu_index()))
    thread.state = .ready
    CPU.current.needsReschedule = true
  }

  /// What is left of the boot: halts until there is something to do.
  static func idleForever() -> Never {
    while true {
      cpu_cli()
      withInterruptsOff { yield() }
      cpu_sti_hlt()
    }
  }
}

// MARK: Switching

extension Scheduler {
  /// A timer interrupt: wakes sleepers and gives the processor to the next thread.
  static func tick() {
    Clock.ticks += 1
    running?.ticks += 1
    let now = Clock.nanoseconds
    for thread in threads {
      if thread.state.isWaiting, now >= thread.wakeTime { makeReady(thread) }
    }
    CPU.current.needsReschedule = true
  }

  /// At the end of an interrupt, when nothing forbids a switch.
  static func preempt() {
    CPU.current.needsReschedule = false
    guard let thread = running, thread !== idle, next() !== thread else { return }
    thread.preemptions += 1
    yield()
  }

  /// Gives the processor to the next ready thread, if there is one.
  ///
  /// No reference to a thread is held across the switch: a thread that has ended never comes back to
  /// release it.
  static func yield() {
    guard let step = prepareSwitch() else { return }
    if let area = step.areaToSave { fxsave64(area) }
    CPU.current.setKernelStack(step.stackTop)
    TLB.load(PhysicalAddress(step.rootTable))
    if let area = step.areaToLoad { fxrstor64(area) }
    let depth = BigLock.depth
    switch_context(step.saveStackPointer, step.stackPointer)
    BigLock.depth = depth
  }

  /// What the switch needs, as plain numbers and pointers.
  private struct Switch {
    let areaToSave: UnsafeMutableRawPointer?
    let areaToLoad: UnsafeMutableRawPointer?
    let stackTop: UInt64
    let rootTable: UInt64
    let saveStackPointer: UnsafeMutablePointer<UInt64>
    let stackPointer: UInt64
  }

  /// Chooses the next thread and makes it the running one; nil when that changes nothing.
  @inline(never)
  private static func prepareSwitch() -> Switch? {
    guard let old = running else { return nil }
    if old.state == .running { old.state = .ready }
    let next = next()
    next.state = .running
    guard old !== next else { return nil }
    Trace.record(.schedSwitch, old.id, next.id)
    running = next
    return Switch(
      areaToSave: old.floatingPoint, areaToLoad: next.floatingPoint, stackTop: next.stackTop,
      rootTable: next.rootTable.value, saveStackPointer: old.savedStackPointer,
      stackPointer: next.savedStackPointer.pointee)
  }

  /// The ready thread with the next higher number, or the first one; the idle thread if there is none.
  private static func next() -> Thread {
    let current = running?.id ?? 0
    var first: Thread?
    for thread in threads where thread !== idle {
      guard thread.state == .ready || thread.state == .running else { continue }
      if thread.id > current { return thread }
      if first == nil { first = thread }
    }
    guard let thread = first ?? idle else { panic("the scheduler has not been started") }
    return thread
  }
}

// MARK: Ending

extension Scheduler {
  /// On the way back to ring 3: does not return when the process is to end.
  static func endIfAsked() {
    guard isAskedToEnd() else { return }
    Processes.finishRunning()
    endRunning()
  }

  @inline(never)
  private static func isAskedToEnd() -> Bool { running?.process?.pendingEnd != nil }

  /// Leaves for good.
  ///
  /// Clearing away is the reaper's: nobody can free the stack they stand on.
  static func endRunning() {
    markEnded()
    yield()
  }

  @inline(never)
  private static func markEnded() {
    running?.state = .ended
    ended.wakeAll()
  }

  /// What the reaper waits for.
  private static let ended = WaitQueue()

  /// The reaper thread: clears away what ended threads leave.
  static func reap() {
    cpu_cli()
    BigLock.enter()
    while true {
      clearEnded()
      _ = ended.wait(interruptible: false) { hasEnded }
    }
  }

  private static var hasEnded: Bool {
    for thread in threads where thread.state == .ended { return true }
    return false
  }

  @inline(never)
  private static func clearEnded() {
    var gone: [Thread] = []
    for thread in threads where thread.state == .ended { gone.append(thread) }
    threads.removeAll { $0.state == .ended }
    for thread in gone {
      thread.process?.space.release()
      thread.release()
    }
  }
}

/// A kernel thread's function has returned (see thread_start).
@c(kernel_thread_end)
public func kernelThreadEnd() {
  cpu_cli()
  BigLock.enter()
  Scheduler.endRunning()
}
