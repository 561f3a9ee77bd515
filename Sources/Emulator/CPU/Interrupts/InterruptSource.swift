/// Where the CPU gets its external interrupts from; the local APIC is one.
public protocol InterruptSource: AnyObject {
  /// Whether a maskable interrupt waits to be acknowledged (priority above PPR, or ExtINT).
  var hasPendingInterrupt: Bool { get }

  /// Acknowledges the pending interrupt and gives its vector (INTA cycle).
  func acknowledgeInterrupt() -> UInt8

  /// Whether an NMI was requested and not yet taken.
  var hasPendingNMI: Bool { get }

  /// Takes the pending NMI.
  func acknowledgeNMI()

  /// CR8: bits 7:4 of the task-priority register.
  var taskPriorityClass: UInt8 { get set }

  /// Reads IA32_APIC_BASE, an x2APIC register or IA32_TSC_DEADLINE; nil raises #GP(0).
  func readMSR(_ index: UInt32) -> UInt64?

  /// Writes one of the same registers; false raises #GP(0).
  func writeMSR(_ index: UInt32, _ value: UInt64) -> Bool

  /// Base of the xAPIC page while enabled in xAPIC mode (for the memory map), else nil.
  var mmioBase: UInt64? { get }

  /// Tells that the time-stamp counter now reads virtual time plus `offset` (WRMSR to
  /// IA32_TIME_STAMP_COUNTER or IA32_TSC_ADJUST), which moves the TSC deadline.
  func timeStampCounterMoved(offset: UInt64)
}

extension InterruptSource {
  /// Does nothing: a source without a TSC-deadline timer does not care.
  public func timeStampCounterMoved(offset: UInt64) {}
}
