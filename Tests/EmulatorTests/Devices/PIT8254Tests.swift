import Emulator
import Testing

@Suite struct PIT8254Tests {
  let clock = VirtualClock()
  let sink = RecordingSink()
  let pit: PIT8254
  let port61: SystemControlPortB

  init() {
    pit = PIT8254(clock: clock, line: InterruptLine(to: sink, pin: 0))
    port61 = SystemControlPortB(pit: pit)
  }

  /// Goes to the beginning of a tick, counted from reset.
  private func go(to tick: UInt64) {
    clock.advance(PIT8254.oscillator.time(ofTick: tick) - clock.now)
  }

  private func program(_ counter: UInt64, mode: UInt8, count: UInt16, bcd: Bool = false) {
    pit.setByte(3, UInt8(counter) << 6 | 0x30 | mode << 1 | (bcd ? 1 : 0))
    pit.setByte(counter, UInt8(truncatingIfNeeded: count))
    pit.setByte(counter, UInt8(count >> 8))
  }

  private func latched(_ counter: UInt64) -> UInt16 {
    pit.setByte(3, UInt8(counter) << 6)
    let low = pit.byte(counter)
    return UInt16(low) | UInt16(pit.byte(counter)) << 8
  }

  private func status(_ counter: UInt64) -> UInt8 {
    pit.setByte(3, 0xE0 | 2 << UInt8(counter))
    return pit.byte(counter)
  }

  @Test func mode0RaisesItsOutputOneTickAfterTheCountRanOut() {
    program(0, mode: 0, count: 100)
    #expect(!sink.isHigh())
    #expect(status(0) & 0x40 != 0)
    go(to: 1)
    #expect(latched(0) == 100)
    #expect(status(0) & 0x40 == 0)
    go(to: 100)
    #expect(!sink.isHigh())
    go(to: 101)
    #expect(sink.isHigh())
    #expect(latched(0) == 0)
    go(to: 102)
    #expect(latched(0) == 0xFFFF)
    // A new count lowers the output again.
    pit.setByte(0, 10)
    #expect(!sink.isHigh())
    pit.setByte(0, 0)
    go(to: 113)
    #expect(sink.isHigh())
  }

  @Test func mode2InterruptsWithoutDrift() {
    program(0, mode: 2, count: 1193)
    let before = sink.riseCount()
    clock.advance(10_000_000_000)
    // One tick to load the count, then every 1193 ticks.
    #expect(sink.riseCount() - before == (11_931_820 - 1) / 1193)
  }

  @Test func mode2IsLowForTheLastTickOfAPeriod() {
    program(0, mode: 2, count: 10)
    go(to: 1)
    #expect(latched(0) == 10)
    go(to: 9)
    #expect(sink.isHigh() && latched(0) == 2)
    go(to: 10)
    #expect(!sink.isHigh() && latched(0) == 1)
    go(to: 11)
    #expect(sink.isHigh() && latched(0) == 10)
  }

  @Test func aCountWrittenWhileMode2RunsWaitsForTheEndOfThePeriod() {
    program(0, mode: 2, count: 10)
    go(to: 4)
    pit.setByte(0, 20)
    pit.setByte(0, 0)
    #expect(status(0) & 0x40 != 0)
    go(to: 10)
    #expect(latched(0) == 1)
    go(to: 11)
    #expect(latched(0) == 20)
    #expect(status(0) & 0x40 == 0)
    let rises = sink.riseCount()
    go(to: 31)
    #expect(sink.riseCount() == rises + 1)
  }

  @Test(
    arguments: [(8, [8, 6, 4, 2, 8, 6, 4, 2]), (7, [6, 4, 2, 0, 6, 4, 2, 6])]
      as [(UInt16, [UInt16])])
  func mode3CountsByTwo(count: UInt16, values: [UInt16]) {
    program(0, mode: 3, count: count)
    for (index, value) in values.enumerated() {
      go(to: UInt64(index) + 1)
      #expect(latched(0) == value)
      let phase = index % Int(count)
      #expect(sink.isHigh() == (phase < (Int(count) + 1) / 2))
    }
  }

  @Test func mode4StrobesForOneTick() {
    program(0, mode: 4, count: 5)
    go(to: 5)
    #expect(sink.isHigh())
    go(to: 6)
    #expect(!sink.isHigh())
    go(to: 7)
    #expect(sink.isHigh())
    let rises = sink.riseCount()
    clock.advance(1_000_000_000)
    #expect(sink.riseCount() == rises)
  }

  @Test func modes1And5WaitForTheGateOfCounter2() {
    program(2, mode: 1, count: 10)
    go(to: 50)
    #expect(port61.byte(0) & 0x20 != 0)
    port61.setByte(0, 1)
    go(to: 51)
    #expect(port61.byte(0) & 0x20 == 0)
    go(to: 60)
    #expect(port61.byte(0) & 0x20 == 0)
    // A second trigger starts the count again, and the output stays low.
    port61.setByte(0, 0)
    port61.setByte(0, 1)
    #expect(port61.byte(0) & 0x20 == 0)
    go(to: 70)
    #expect(port61.byte(0) & 0x20 == 0)
    go(to: 71)
    #expect(port61.byte(0) & 0x20 != 0)
    port61.setByte(0, 0)
    program(2, mode: 5, count: 3)
    go(to: 100)
    port61.setByte(0, 1)
    go(to: 103)
    #expect(port61.byte(0) & 0x20 != 0)
    go(to: 104)
    #expect(port61.byte(0) & 0x20 == 0)
    go(to: 105)
    #expect(port61.byte(0) & 0x20 != 0)
  }

  @Test func aLowGateStopsMode0AndRestartsMode2() {
    port61.setByte(0, 1)
    program(2, mode: 0, count: 100)
    go(to: 11)
    #expect(latched(2) == 90)
    port61.setByte(0, 0)
    go(to: 60)
    #expect(latched(2) == 90)
    port61.setByte(0, 1)
    go(to: 70)
    #expect(latched(2) == 80)
    program(2, mode: 2, count: 100)
    go(to: 90)
    port61.setByte(0, 0)
    #expect(port61.byte(0) & 0x20 != 0)
    go(to: 120)
    port61.setByte(0, 1)
    go(to: 121)
    #expect(latched(2) == 100)
  }

  @Test func bcdCountsInDecimal() {
    program(0, mode: 2, count: 0x1000, bcd: true)
    go(to: 2)
    #expect(latched(0) == 0x0999)
    go(to: 1001)
    #expect(latched(0) == 0x1000)
    program(0, mode: 0, count: 0, bcd: true)
    clock.advance(2000)
    #expect(latched(0) > 0x9990)
  }

  @Test func readBackLatchesStatusBeforeCount() {
    program(0, mode: 2, count: 0x1234)
    go(to: 5)
    pit.setByte(3, 0xC2)
    go(to: 500)
    #expect(pit.byte(0) == 0xB4)
    let count = UInt16(pit.byte(0)) | UInt16(pit.byte(0)) << 8
    #expect(count == 0x1234 - 4)
    // Unlatched now: the count runs.
    #expect(latched(0) == 0x1234 - 499)
  }

  @Test func singleByteAccess() {
    pit.setByte(3, 0x14)
    pit.setByte(0, 50)
    go(to: 11)
    #expect(pit.byte(0) == 40)
    #expect(pit.byte(0) == 40)
    pit.setByte(3, 0x24)
    pit.setByte(0, 2)
    go(to: 12)
    #expect(pit.byte(0) == 2)
  }

  @Test func port61ShowsTheRefreshToggle() {
    let before = port61.byte(0) & 0x10
    clock.advance(15_086)
    #expect(port61.byte(0) & 0x10 != before)
    clock.advance(15_086)
    #expect(port61.byte(0) & 0x10 == before)
    port61.setByte(0, 0xFF)
    #expect(port61.byte(0) & 0xCF == 0x0F)
  }

  @Test func restoringTheStateGoesOn() {
    program(0, mode: 3, count: 1000)
    clock.advance(1_234_567)
    let otherClock = VirtualClock(now: clock.now)
    let otherSink = RecordingSink()
    let other = PIT8254(clock: otherClock, line: InterruptLine(to: otherSink, pin: 0))
    other.state = pit.state
    #expect(otherSink.riseCount() == 0)
    let before = sink.riseCount()
    clock.advance(5_000_000)
    otherClock.advance(5_000_000)
    #expect(otherSink.riseCount() == sink.riseCount() - before)
    #expect(other.state == pit.state)
  }
}
