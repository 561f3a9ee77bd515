/// Time: the time-stamp counter for reading it, the local APIC's timer for being told.
///
/// Both frequencies are measured against channel 2 of the 8254, whose frequency is fixed.
import KernelArch

enum Clock {
  static let ticksPerSecond = UInt64(Configuration.TICKS_PER_SECOND)
  static let nanosecondsPerTick: UInt64 = 1_000_000_000 / ticksPerSecond

  /// Since boot, whether anybody was interrupted for them or not.
  static var ticks: UInt64 { nanoseconds / nanosecondsPerTick }
  nonisolated(unsafe) private(set) static var counterFrequency: UInt64 = 1_000_000_000
  /// Of the local APIC's timer, with its divider at 16.
  nonisolated(unsafe) private(set) static var timerFrequency: UInt64 = 1_000_000
  nonisolated(unsafe) private static var counterAtBoot: UInt64 = 0

  /// Nanoseconds per count, and counts per nanosecond, as fractions of 2^32: a multiplication is
  /// quicker than a division.
  nonisolated(unsafe) private static var toNanoseconds: UInt64 = 1 << 32
  nonisolated(unsafe) private static var toCounts: UInt64 = 1 << 32

  static var nanoseconds: UInt64 { scale(rdtsc() &- counterAtBoot, toNanoseconds) }

  /// What the time-stamp counter shows at that time.
  static func counter(at nanoseconds: UInt64) -> UInt64 {
    counterAtBoot &+ scale(nanoseconds, toCounts) &+ 1
  }

  private static func scale(_ value: UInt64, _ fraction: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: fraction)
    return product.high << 32 | product.low >> 32
  }

  /// What the clock on the wall showed at boot, in nanoseconds since the beginning of 1970.
  ///
  /// Written at boot.
  nonisolated(unsafe) private static var wallTimeAtBoot: UInt64 = 0

  static var wallTime: UInt64 { wallTimeAtBoot &+ nanoseconds }

  static func setWallTime(seconds: Int64) {
    wallTimeAtBoot = UInt64(max(0, seconds)) &* 1_000_000_000 &- nanoseconds
  }

  /// The time on one of the clocks of `clock_gettime`; nil when there is no such clock.
  static func now(_ clock: Int32) -> UInt64? {
    switch clock {
    case ClockNumber.realTime: wallTime
    case ClockNumber.monotonic, ClockNumber.bootTime: nanoseconds
    default: nil
    }
  }

  /// Spins; for devices that need a moment.
  static func wait(microseconds: UInt64) {
    let deadline = nanoseconds + microseconds * 1000
    while nanoseconds < deadline { cpu_pause() }
  }

  /// Measures until two measurements agree to one part in 128: whatever disturbs one will hardly
  /// disturb the next one just as much.
  static func calibrate() {
    counterAtBoot = rdtsc()
    LocalAPIC.find()
    var last: UInt64 = 0
    for _ in 0..<8 {
      let measured = PIT.measure()
      counterFrequency = max(1, measured.counter)
      timerFrequency = max(1, measured.timer)
      let difference = max(last, counterFrequency) - min(last, counterFrequency)
      toNanoseconds = (1_000_000_000 << 32) / counterFrequency
      toCounts = fraction(counterFrequency, 1_000_000_000)
      if difference <= counterFrequency / 128 { return }
      last = counterFrequency
    }
  }
}

extension Clock {
  /// `a / b` as a fraction of 2^32.
  private static func fraction(_ a: UInt64, _ b: UInt64) -> UInt64 {
    (a / b) << 32 | ((a % b) << 32) / b
  }
}

/// Channel 2 of the 8254 programmable interval timer, which counts down at a fixed frequency.
///
/// It is read twice and waited for in between without being asked: in a virtual machine a port costs
/// more than thousands of instructions.
private enum PIT {
  static let frequency: UInt64 = 1_193_182
  private static let channel: UInt16 = 0x42
  private static let control: UInt16 = 0x43

  /// The frequencies of the time-stamp counter and of the local APIC's timer.
  static func measure() -> (counter: UInt64, timer: UInt64) {
    let gateAndSpeaker: UInt16 = 0x61
    outb(gateAndSpeaker, inb(gateAndSpeaker) & ~0x02 | 0x01)  // speaker off, gate open
    outb(control, 0xb0)  // channel 2, low byte then high byte, mode 0: down to zero, once
    outb(channel, 0xff)
    outb(channel, 0xff)
    LocalAPIC.startCounting()
    let begin = read()
    let start = rdtsc()
    let counts: UInt64 = 400_000
    while rdtsc() &- start < counts { spin(256) }
    let ticks = (begin &- read()) & 0xffff
    let elapsed = rdtsc() &- start
    let timer = LocalAPIC.stopCounting()
    guard ticks > 0 else { return (1_000_000_000, 1_000_000_000) }  // there is no such chip
    return (elapsed &* frequency / ticks, timer &* frequency / ticks)
  }

  private static func read() -> UInt64 {
    outb(control, 0x80)  // latches channel 2
    let low = inb(channel)
    return UInt64(inb(channel)) << 8 | UInt64(low)
  }
}
