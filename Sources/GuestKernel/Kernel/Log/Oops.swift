/// An exception in the kernel that need not be the end: when the thread that caused it holds no
/// spinlock and was interruptible, only that thread ends, and the kernel is tainted.
///
/// Its mutexes are unlocked, so that nobody waits for it for ever, and the file is given back that a module's
/// code was at work on, so that the module can go. But what they guard may be half done, and memory that it
/// had is lost, so the kernel may be worse off than it looks: that is what the taint says.
import KernelArch

enum Oops {
  nonisolated(unsafe) private(set) static var count: UInt64 = 0

  /// True when the thread will end instead of the kernel: its next instruction is `oops_end`.
  static func survive(
    _ frame: UnsafeMutablePointer<trap_frame>, _ reason: TextLine, registers: () -> Void
  ) -> Bool {
    guard isSurvivable(frame) else { return false }
    count += 1
    Taint.add(.oops)
    let f = frame.pointee
    let thread = Thread.current
    log(.critical, "oops", reason)
    log(.critical, "oops", "ends thread \(thread.id) \(text: thread.name), not the kernel")
    if KernelLog.consoleLevel > LogLevel.critical.rawValue { registers() }
    Backtrace.walk(from: f.rip, frame: f.rbp) { log(.critical, "oops", $0) }
    frame.pointee.rip = address_of_oops_end()
    // As if called: eight bytes off a multiple of 16.
    frame.pointee.rsp = (f.rsp - 128) & ~15 - 8
    frame.pointee.rbp = 0
    return true
  }

  /// Unlocks what the running thread has locked, the last one first.
  static func unlockMutexes() {
    let thread = Thread.current
    while thread.heldCount > 0 {
      let held = thread.heldLocks[thread.heldCount - 1]
      guard held.isMutex, let lock = held.lock else {
        thread.heldCount -= 1
        continue
      }
      Unmanaged<Mutex>.fromOpaque(lock)._withUnsafeGuaranteedRef { mutex in
        log(.critical, "oops", "unlocks mutex \(mutex.name)")
        mutex.unlock()
      }
    }
  }

  /// Drops the file that the running thread held for the call that crashed.
  static func dropFile() {
    let thread = Thread.current
    guard let file = thread.fileInUse else { return }
    thread.fileInUse = nil
    file.takeUnretainedValue().drop()
  }

  private static func isSurvivable(_ frame: UnsafeMutablePointer<trap_frame>) -> Bool {
    let interruptFlag: UInt64 = 1 << 9
    guard !Power.options.debug.oopsesPanic, !Panic.isUnderWay, frame.pointee.vector < 32,
      ![2, 8, 18].contains(frame.pointee.vector),  // NMI, double fault, machine check
      frame.pointee.rflags & interruptFlag != 0, Preemption.count == 0,
      let thread = Scheduler.running
    else { return false }
    // Not the idle thread, nor the one that starts everything else.
    return thread.id > 1 && frame.pointee.cs & 3 == 0
  }
}

/// Where the culprit continues, as itself, with interrupts on: only to end.
@c(oops_end)
public func oopsEnd() {
  Oops.unlockMutexes()
  Oops.dropFile()
  if let process = Scheduler.running?.process {
    Processes.end(process, .signaled(.kill, dumped: false))
    Processes.leave()
  }
  kernelThreadEnd()
}
