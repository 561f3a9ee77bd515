/// Softirqs: the part of an interrupt's work that need not be done with interrupts off.
import KernelArch

enum SoftIRQ {
  /// Keeps softirqs away from this processor until `enable`.
  @inline(__always)
  static func disable() { percpu_add_preempt_count(Preemption.softIRQ) }

  @inline(__always)
  static func enable() {
    percpu_add_preempt_count(0 &- Preemption.softIRQ)
  }
}
