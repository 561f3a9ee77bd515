/// What the running code may do: be preempted, be interrupted by softirqs, sleep.
///
/// One word per processor counts every reason against it, as in Linux: in bits 0-7 the spinlocks held
/// and other sections that must not be preempted, in bits 8-15 sections with softirqs off (and a
/// running softirq), from bit 16 on the interrupt handlers that run. Zero means: this thread may be
/// taken off the processor. It is always zero when threads are switched, so it need not be saved.
import KernelArch

enum Preemption {
  static let one: UInt32 = 1
  static let softIRQ: UInt32 = 1 << 8
  static let interrupt: UInt32 = 1 << 16

  static var count: UInt32 { percpu_preempt_count() }

  @inline(__always)
  static func disable() { percpu_add_preempt_count(one) }

  /// Gives way at once if somebody more important has become ready meanwhile.
  @inline(__always)
  static func enable() {
    percpu_add_preempt_count(0 &- one)
    if percpu_need_resched() != 0 { giveWay() }
  }

  /// For places that give way themselves, or where interrupts are off.
  @inline(__always)
  static func enableWithoutGivingWay() { percpu_add_preempt_count(0 &- one) }

  static func giveWayIfAsked() { if percpu_need_resched() != 0 { giveWay() } }

  @inline(never)
  private static func giveWay() {
    guard Configuration.PREEMPTION, Preemption.count == 0, Interrupts.areOn else { return }
    Interrupts.off { Scheduler.preempt() }
  }

  /// Runs `body` on one and the same processor, without another thread in between.
  @inline(__always)
  static func off<Result>(_ body: () -> Result) -> Result {
    disable()
    defer { enable() }
    return body()
  }
}

/// Where the running code is: in a thread, a softirq, or an interrupt handler.
enum Context {
  static var isInterrupt: Bool { Preemption.count >= Preemption.interrupt }
  static var isSoftIRQ: Bool { Preemption.count & 0xff00 != 0 }
  /// Neither sleeping nor preemption is allowed.
  static var isAtomic: Bool { Preemption.count != 0 }

  /// Panics, with the reason, where the caller could not be switched away from.
  static func assertMaySleep(_ what: StaticString = "sleep") {
    guard Preemption.count != 0, !Panic.isUnderWay, let reason = whyNotSleep() else { return }
    panic("\(what) in atomic context: \(reason)")
  }

  /// What forbids the caller to sleep; nil when nothing does.
  static func whyNotSleep() -> TextLine? {
    let count = Preemption.count
    guard count != 0 else { return nil }
    var line = TextLine()
    if count >= Preemption.interrupt { line.append("in an interrupt handler") }
    if count & 0xff00 != 0 { Self.append("in a softirq or with softirqs off", to: &line) }
    if count & 0xff != 0 { Self.append("with preemption off", to: &line) }
    SpinLock.describeHeld(to: &line)
    return line
  }
}

extension Context {
  private static func append(_ reason: StaticString, to line: inout TextLine) {
    if line.count > 0 { line.append(", ") }
    line.append(reason)
  }
}

/// The interrupt flag of this processor.
enum Interrupts {
  static var areOn: Bool { read_rflags() & 0x200 != 0 }

  /// Runs `body` with interrupts off on this processor.
  ///
  /// Keeps nobody on other processors away: that takes a `SpinLock`.
  @inline(__always)
  static func off<Result>(_ body: () -> Result) -> Result {
    let wereOn = areOn
    cpu_cli()
    defer { if wereOn { cpu_sti() } }
    return body()
  }
}
