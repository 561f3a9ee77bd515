/// Time: the time-stamp counter for reading it, the local APIC's timer for being told.
///
/// Both frequencies are measured against channel 2 of the 8254, whose frequency is fixed.
import KernelArch

enum Clock {
  static let ticksPerSecond: UInt64 = 100
  static let nanosecondsPerTick: UInt64 = 1_000_000_000 / ticksPerSecond

  /// Timer interrupts since boot.
  ///
  /// Lock: interrupts off.
  nonisolated(unsafe) static var ticks: UInt64 = 0
  nonisolated(unsafe) private(set) static var counterFrequency: UInt64 = 1_000_000_000
  /// Of the local APIC's timer, with its divider at 16.
  nonisolated(unsafe) private(set) static var timerFrequency: UInt64 = 1_000_000
  nonisolated(unsafe) private static var counterAtBoot: UInt64 = 0

  static var nanoseconds: UInt64 {
    let elapsed = rdtsc() &- counterAtBoot
    let second: UInt64 = 1_000_000_000
    let rest = elapsed % counterFrequency
    return elapsed / counterFrequency &* second &+ rest &* second / counterFrequency
  }

  /// Measures twice for half a millisecond and believes the shorter: whatever disturbs a
  /// measurement makes it longer.
  static func calibrate() {
    counterAtBoot = rdtsc()
    let first = PIT.measure()
    let second = PIT.measure()
    counterFrequency = max(1, PIT.perSecond(min(first.counter, second.counter)))
    timerFrequency = max(1, PIT.perSecond(min(first.timer, second.timer)))
  }
}

/// Channel 2 of the 8254 programmable interval timer, whose output is bit 5 of port 61h.
private enum PIT {
  static let frequency: UInt64 = 1_193_182
  static let count: UInt64 = 597

  static func perSecond(_ value: UInt64) -> UInt64 { value &* frequency / count }

  static func measure() -> (counter: UInt64, timer: UInt64) {
    let gateAndSpeaker: UInt16 = 0x61
    outb(gateAndSpeaker, inb(gateAndSpeaker) & ~0x02 | 0x01)  // speaker off, gate open
    outb(0x43, 0xb0)  // channel 2, low byte then high byte, mode 0: output rises at zero
    outb(0x42, UInt8(truncatingIfNeeded: count))
    outb(0x42, UInt8(truncatingIfNeeded: count >> 8))
    LocalAPIC.startCounting()
    let start = rdtsc()
    // A machine without the chip must not hang here.
    for _ in 0..<10_000_000 where inb(gateAndSpeaker) & 0x20 != 0 { break }
    return (rdtsc() &- start, LocalAPIC.stopCounting())
  }
}
