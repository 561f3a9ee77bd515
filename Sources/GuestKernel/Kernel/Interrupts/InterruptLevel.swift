/// Interrupt levels: how urgent the running code is, as one number from 0 to 15.
///
/// A level is the upper half of a vector, and the local APIC keeps away what is not above the current
/// one. Threads run at `passive`; from `dispatch` on nothing can switch them away and they must not
/// sleep; at a device's level its interrupts, and all less urgent ones, wait. Levels nest like brackets:
/// code may only raise its level, and then restores the one it found.
import KernelArch

struct InterruptLevel: Equatable, Comparable {
  let value: UInt8

  static let passive = InterruptLevel(value: 0)
  /// Where softirqs and tasklets run: above threads, below all devices.
  static let dispatch = InterruptLevel(value: 2)
  /// From 3 to 13; vectors of the level and below wait.
  static func device(_ value: UInt8) -> InterruptLevel { InterruptLevel(value: value) }
  static let clock = InterruptLevel(value: 14)
  /// Everything waits, what other processors want too.
  static let high = InterruptLevel(value: 15)

  static func < (a: Self, b: Self) -> Bool { a.value < b.value }

  /// The level at which this code runs: raised by it, or that of the interrupt it serves.
  static var current: InterruptLevel {
    let priority = InterruptLevel(value: LocalAPIC.processorPriority)
    return priority < dispatch && Context.isSoftIRQ ? dispatch : priority
  }

  /// Returns the level to restore.
  static func raise(to level: InterruptLevel) -> InterruptLevel {
    let old = InterruptLevel(value: LocalAPIC.taskPriority)
    guard level >= old else { panic("interrupt level raised from \(old.value) to \(level.value)") }
    if old < dispatch, level >= dispatch { SoftIRQ.disable() }
    LocalAPIC.taskPriority = level.value
    return old
  }

  static func lower(to level: InterruptLevel) {
    let old = InterruptLevel(value: LocalAPIC.taskPriority)
    guard level <= old else { panic("interrupt level lowered from \(old.value) to \(level.value)") }
    LocalAPIC.taskPriority = level.value
    if old >= dispatch, level < dispatch { SoftIRQ.enable() }
  }

  /// Runs `body` at `level`.
  static func at<Result>(_ level: InterruptLevel, _ body: () -> Result) -> Result {
    let old = raise(to: level)
    defer { lower(to: old) }
    return body()
  }
}
