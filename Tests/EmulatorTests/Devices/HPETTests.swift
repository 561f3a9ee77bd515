import Emulator
import Testing

@Suite struct HPETTests {
  let clock = VirtualClock()
  /// Pins 20-23 are the routes, 100 and 108 the legacy lines.
  let sink = RecordingSink()
  let legacy = Recorder<Bool>()
  let hpet: HPET

  init() {
    hpet = Self.make(clock: clock, sink: sink)
    hpet.legacyReplacementChanged = { [legacy] in legacy.add($0) }
  }

  private static func make(clock: VirtualClock, sink: RecordingSink) -> HPET {
    var routes: [Int: InterruptLine] = [:]
    for pin in 20..<24 { routes[pin] = InterruptLine(to: sink, pin: pin) }
    return HPET(
      clock: clock,
      lines: HPET.Lines(
        routes: routes, legacyTimer: InterruptLine(to: sink, pin: 100),
        legacyClock: InterruptLine(to: sink, pin: 108)))
  }

  private func set(_ offset: UInt64, _ value: UInt64) {
    hpet.write(offset: offset, size: .quadword, value: value)
  }

  private func get(_ offset: UInt64) -> UInt64 { hpet.read(offset: offset, size: .quadword) }

  private func configuration(
    _ route: UInt64, level: Bool = false, periodic: Bool = false, setsValue: Bool = false,
    is32Bit: Bool = false
  ) -> UInt64 {
    route << 9 | 1 << 2 | (level ? 2 : 0) | (periodic ? 8 : 0) | (setsValue ? 0x40 : 0)
      | (is32Bit ? 0x100 : 0)
  }

  @Test func tellsWhatItIs() {
    #expect(get(0) == 0x0098_9680_8086_A201)
    #expect(hpet.doubleword(4) == 10_000_000)
    for index: UInt64 in 0..<3 { #expect(get(0x100 + index * 0x20) == 0x00F0_0000_0000_0030) }
    #expect(get(0x160) == 0)
  }

  @Test func theCounterRunsOnlyWhileEnabled() {
    clock.advance(1000)
    #expect(get(0xF0) == 0)
    set(0x10, 1)
    clock.advance(1000)
    #expect(get(0xF0) == 100)
    set(0x10, 0)
    clock.advance(1000)
    #expect(get(0xF0) == 100)
    hpet.setDoubleword(0xF4, 5)
    #expect(get(0xF0) == 5 << 32 | 100)
    set(0x10, 1)
    clock.advance(10)
    #expect(get(0xF0) == 5 << 32 | 101)
  }

  @Test func aOneShotEdgeFiresOnce() {
    set(0x10, 1)
    set(0x100, configuration(20))
    set(0x108, 50)
    clock.advance(499)
    #expect(sink.riseCount(20) == 0)
    clock.advance(1)
    #expect(sink.riseCount(20) == 1)
    #expect(get(0x20) == 0)
    clock.advance(1_000_000)
    #expect(sink.riseCount(20) == 1)
  }

  @Test func aLevelStaysUntilItsStatusIsCleared() {
    set(0x10, 1)
    set(0x120, configuration(21, level: true))
    set(0x128, 50)
    clock.advance(500)
    #expect(sink.isHigh(21))
    #expect(get(0x20) == 2)
    set(0x20, 1)
    #expect(sink.isHigh(21))
    set(0x20, 2)
    #expect(!sink.isHigh(21))
    #expect(get(0x20) == 0)
  }

  @Test func aPeriodicTimerAddsItsPeriodAndDoesNotDrift() {
    set(0x100, configuration(22, periodic: true, setsValue: true))
    set(0x108, 1000)
    #expect(get(0x100) & 0x40 == 0)
    set(0x108, 300)
    set(0x10, 1)
    clock.advance(10_000)
    #expect(sink.riseCount(22) == 1)
    #expect(get(0x108) == 1300)
    clock.advance(1_000_000)
    #expect(sink.riseCount(22) == 1 + 333)
  }

  @Test func a32BitComparatorComesAgainWhenTheCounterWraps() {
    set(0xF0, 0xFFFF_FFF0)
    set(0x100, configuration(23, is32Bit: true))
    set(0x108, 0x1_0000_0005)
    #expect(get(0x108) == 5)
    set(0x10, 1)
    clock.advance(21 * 10)
    #expect(sink.riseCount(23) == 1)
    clock.advance(10 << 32)
    #expect(sink.riseCount(23) == 2)
  }

  @Test func legacyReplacementTakesIRQ0AndIRQ8() {
    set(0x10, 3)
    #expect(legacy.values == [true])
    set(0x100, configuration(20))
    set(0x120, configuration(20))
    set(0x140, configuration(20))
    set(0x108, 10)
    set(0x128, 20)
    set(0x148, 30)
    clock.advance(300)
    #expect(sink.riseCount(100) == 1)
    #expect(sink.riseCount(108) == 1)
    #expect(sink.riseCount(20) == 1)
    hpet.reset()
    #expect(legacy.values == [true, false])
  }

  @Test func aRouteThatDoesNotExistIsNotTaken() {
    set(0x100, 21 << 9)
    set(0x100, 3 << 9)
    #expect(get(0x100) >> 9 & 0x1F == 21)
  }

  @Test func aMatchIsNoticedBeforeTheRegistersAreRead() {
    set(0x10, 1)
    set(0x100, configuration(20, level: true))
    set(0x108, 50)
    clock.now = 600
    #expect(get(0x20) == 1)
    #expect(clock.nextDeadline > 600)
  }

  @Test func restoringTheStateGoesOn() {
    set(0x100, configuration(22, periodic: true, setsValue: true))
    set(0x108, 1000)
    set(0x10, 1)
    clock.advance(12_345)
    let otherClock = VirtualClock(now: clock.now)
    let otherSink = RecordingSink()
    let other = Self.make(clock: otherClock, sink: otherSink)
    other.state = hpet.state
    let before = sink.riseCount(22)
    clock.advance(100_000)
    otherClock.advance(100_000)
    #expect(otherSink.riseCount(22) == sink.riseCount(22) - before)
    #expect(other.state == hpet.state)
  }
}
