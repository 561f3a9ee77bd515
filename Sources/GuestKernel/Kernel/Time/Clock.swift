/// Time: the time-stamp counter for reading it, the local APIC's timer for being told.
///
/// Both frequencies are measured against channel 2 of the 8254, whose frequency is fixed, and it is known
/// how well.
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

  /// Asks until it is so, `tries` times at most: for devices and processors that may never answer.
  static func poll(_ tries: Int, until isSo: () -> Bool) {
    var left = tries
    while left > 0, !isSo() {
      left -= 1
      cpu_pause()
    }
  }

  /// By how many millionths the counter's frequency may be wrong; nil where nothing has measured it.
  nonisolated(unsafe) private(set) static var counterError: UInt64?

  /// Measures both frequencies, the processor's own timer by its counter, and that by the 8254.
  ///
  /// Without an 8254 both keep the same wrong time.
  static func calibrate() {
    counterAtBoot = rdtsc()
    LocalAPIC.find()
    LocalAPIC.startCounting()
    let first = sightTimer()
    if let rate = PIT.measure() {
      counterFrequency = max(1, rate.clockFrequency(counter: PIT.frequency))
      counterError = rate.error
    }
    for _ in 0..<100 {
      let rate = CounterRate(from: first, to: sightTimer())
      if let rate { timerFrequency = max(1, rate.counterFrequency(clock: counterFrequency)) }
      if let rate, rate.error <= mostError { break }
      idle(100_000)
    }
    LocalAPIC.stopCounting()
    toNanoseconds = fraction(1_000_000_000, counterFrequency)
    toCounts = fraction(counterFrequency, 1_000_000_000)
  }

  /// In millionths: a 2000th for the counter, and as much again for what is measured by it.
  fileprivate static let mostError: UInt64 = 500

  /// The one of a few readings in which the least time was lost.
  private static func sightTimer() -> CounterSighting {
    var best: CounterSighting?
    for _ in 0..<4 {
      let before = rdtsc()
      let count = LocalAPIC.counted
      let sighting = CounterSighting(count: count, from: before, to: rdtsc())
      if best.map({ width(sighting) < width($0) }) ?? true { best = sighting }
    }
    return best ?? CounterSighting(count: 0, from: 0, to: 0)
  }

  private static func width(_ sighting: CounterSighting) -> UInt64 {
    sighting.times.upperBound - sighting.times.lowerBound
  }

  /// Spins for so many counts, without asking any device.
  fileprivate static func idle(_ counts: UInt64) {
    let start = rdtsc()
    while rdtsc() &- start < counts { spin(256) }
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
/// In a virtual machine a port may cost more than thousands of instructions, and a turn of somebody else comes at
/// any time. Neither falsifies what is measured; it only takes longer until the error is small enough.
private enum PIT {
  static let frequency: UInt64 = 1_193_182
  private static let channel: UInt16 = 0x42
  private static let control: UInt16 = 0x43
  private static let speaker: UInt16 = 0x61
  private static let largest: UInt64 = 0xffff

  /// Counts of the 8254 by the time-stamp counter; nil when there is no such chip.
  ///
  /// Makes the period longer until the error is small; what began badly is begun again.
  static func measure() -> CounterRate? {
    var best: CounterRate?
    for _ in 0..<4 {
      start()
      // Not the first change: the count is loaded by the chip's next pulse.
      guard sightEdge() != nil, let first = sightEdge(), !hasEnded else { continue }
      var period: UInt64 = 100_000
      repeat {
        Clock.idle(period)
        guard let last = sightEdge(), !hasEnded else { break }
        if let rate = CounterRate(from: first, to: last), rate.error < best?.error ?? .max {
          best = rate
        }
        period *= 2
      } while best?.error ?? .max > Clock.mostError
      if let best, best.error <= Clock.mostError { break }
    }
    return best
  }

  /// Mode 0: down from the largest count to zero, once; then OUT goes up.
  private static func start() {
    outb(speaker, inb(speaker) & ~0x02 | 0x01)  // speaker off, gate open
    outb(control, 0xb0)  // channel 2, low byte then high byte, mode 0
    outb(channel, 0xff)
    outb(channel, 0xff)
  }

  /// The count has been through zero, or nobody answers: where there is no device, all bits read as ones.
  private static var hasEnded: Bool { inb(speaker) & 0x20 != 0 }

  /// Reads until the count changes; nil when it does not.
  private static func sightEdge() -> CounterSighting? {
    var last = read()
    for _ in 0..<1000 {
      let next = read()
      if let edge = CounterSighting.edge(last, next) { return edge }
      last = next
    }
    return nil
  }

  /// The count is the one at the moment at which it is latched.
  private static func read() -> CounterSighting {
    let before = rdtsc()
    outb(control, 0x80)  // latches channel 2
    let after = rdtsc()
    let low = inb(channel)
    let count = UInt64(inb(channel)) << 8 | UInt64(low)
    return CounterSighting(count: largest - count, from: before, to: after)
  }
}
