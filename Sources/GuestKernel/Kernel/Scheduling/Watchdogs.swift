/// What would otherwise be silence: a thread that waits for ever, and a processor that is kept for ever.
///
/// Neither is an error that the hardware sees, and both look the same from outside: nothing happens.
import KernelArch

enum Watchdogs {
  /// Publishes the limits, in seconds, under Linux's names; 0 switches a watchdog off.
  static func start() {
    if Configuration.HUNG_TASK_SECONDS > 0 {
      addLimit("sys/kernel/hung_task_timeout_secs", { HungTasks.limit }, HungTasks.setLimit)
      HungTasks.setLimit(UInt64(Configuration.HUNG_TASK_SECONDS) * second)
    }
    if Configuration.SOFT_LOCKUP_SECONDS > 0 {
      addLimit("sys/kernel/watchdog_thresh", { SoftLockups.limit }) { SoftLockups.limit = $0 }
    }
  }

  static let second: UInt64 = 1_000_000_000

  private static func addLimit(
    _ path: StaticString, _ get: @escaping () -> UInt64, _ set: @escaping (UInt64) -> Void
  ) {
    ProcFS.add(
      path,
      write: { bytes in
        guard let seconds = Array(bytes.prefix { $0 != 0x0a }).decimal, seconds <= 3600 else {
          return .invalidArgument
        }
        set(seconds * second)
        return nil
      }
    ) { text in text.append("\(get() / second)\n") }
  }
}

/// Threads that wait for something that does not come, and that no signal can release.
///
/// A job looks at all threads twice in the time that is allowed. Who is then where it was, without a deadline
/// and without having run, is reported once: where it waits, for which mutex, and who has that. A
/// program's thread should never wait like that; threads of the kernel may, but not for a mutex.
enum HungTasks {
  struct Record {
    /// How long the thread had run when it was first seen waiting, and when that was.
    var runTime = UInt64.max
    var since: UInt64 = 0
    var isReported = false
  }

  /// In nanoseconds; 0 when nobody looks.
  nonisolated(unsafe) private(set) static var limit: UInt64 = 0
  nonisolated(unsafe) private(set) static var reports = 0
  /// The first line of the last report.
  nonisolated(unsafe) private(set) static var lastReport = TextLine()
  private static let job = Work { look() }

  static func setLimit(_ nanoseconds: UInt64) {
    limit = nanoseconds
    if nanoseconds > 0 { WorkQueue.system.queue(job, after: nanoseconds / 2) }
  }

  private static func look() {
    guard limit > 0 else { return }
    let now = Clock.nanoseconds
    for thread in Scheduler.threads { look(at: thread, now) }
    WorkQueue.system.queue(job, after: limit / 2)
  }

  private static func look(at thread: Thread, _ now: UInt64) {
    var callers = InlineArray<12, UInt64>(repeating: 0)
    var count = 0
    RunQueue.with(thread) { _ in
      let runTime = thread.entity.pointee.runTime
      guard isStuck(thread) else {
        thread.watched = Record()
        return
      }
      guard thread.watched.runTime == runTime else {
        thread.watched = Record(runTime: runTime, since: now)
        return
      }
      guard now - thread.watched.since >= limit, !thread.watched.isReported else { return }
      thread.watched.isReported = true
      count = Backtrace.collect(waiting: thread, into: &callers)
    }
    if count > 0 { report(thread, now - thread.watched.since, callers, count) }
  }

  private static func isStuck(_ thread: Thread) -> Bool {
    thread.state == .uninterruptible && !thread.timeout.pointee.isQueued
      && (thread.process != nil || thread.blockedOn != nil)
  }

  private static func report(
    _ thread: Thread, _ time: UInt64, _ callers: InlineArray<12, UInt64>, _ count: Int
  ) {
    var line: TextLine = "thread \(thread.id) \(text: thread.name) has waited for "
    if time >= Watchdogs.second {
      line.append(line: "\(time / Watchdogs.second) s")
    } else {
      line.append(line: "\(time / 1_000_000) ms")
    }
    if let obstacle = Inheritance.obstacle(of: thread) {
      line.append(line: " for the mutex \(obstacle.mutex)")
      if let owner = obstacle.owner {
        line.append(line: ", which thread \(owner.id) \(text: owner.name) holds")
      }
    }
    lastReport = line
    reports += 1
    log(.error, "hung", line)
    for index in 0..<count { log(.error, "hung", "  \(Symbols.describe(callers[index] - 1))") }
  }
}

/// Processors that have not changed threads for long, and could not: preemption was off at each tick.
///
/// Ticks are counted and not the time, so that a machine that was stopped as a whole is not suspected.
/// With interrupts off there are no ticks either: that is for `emu boot --check interrupts`.
enum SoftLockups {
  struct Watch {
    var switches: UInt64 = 0
    /// Ticks in a row that found preemption off.
    var ticks: UInt64 = 0
  }

  /// In nanoseconds; 0 when nobody looks.
  nonisolated(unsafe) static var limit =
    UInt64(Configuration.SOFT_LOCKUP_SECONDS) * Watchdogs.second
  /// Changed by atomic operations.
  nonisolated(unsafe) private static var count: UInt32 = 0
  nonisolated(unsafe) private(set) static var lastReport = TextLine()
  private static let watches = PerCPU<Watch>(Watch())

  static var reports: Int { Int(atomic_load32(&count)) }

  /// At each tick of the processor that `queue` belongs to, in the interrupt.
  static func tick(_ queue: RunQueue) {
    var watch = watches.current
    let couldSwitch = Preemption.count == Preemption.interrupt
    if couldSwitch || watch.switches != queue.switches || limit == 0 {
      guard watch.ticks > 0 || watch.switches != queue.switches else { return }
      watch = Watch(switches: queue.switches)
    } else {
      watch.ticks += 1
      if watch.ticks == max(1, limit / Clock.nanosecondsPerTick) { report(watch.ticks) }
    }
    watches.current = watch
  }

  private static func report(_ ticks: UInt64) {
    let thread = Thread.current
    var line: TextLine = "processor \(percpu_index()) has been kept for \(ticks) ticks by "
    line.append(line: "thread \(thread.id) \(text: thread.name)")
    if percpu_self().pointee.held_count == 0 { line.append(", with preemption off") }
    SpinLock.describeHeld(to: &line)
    lastReport = line
    _ = atomic_add32(&count, 1)
    log(.error, "lockup", line)
    let frame = UnsafePointer<UInt64>(OpaquePointer(pointer_to(read_rbp())))
    Backtrace.walk(from: frame[1], frame: frame[0]) { log(.error, "lockup", $0) }
  }
}
