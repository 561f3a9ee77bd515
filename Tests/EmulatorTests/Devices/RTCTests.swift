import Emulator
import Testing

@Suite struct RTCTests {
  let clock = VirtualClock()
  let sink = RecordingSink()
  let masks = Recorder<Bool>()
  let rtc: RTC

  init() {
    rtc = RTC(
      RTC.Configuration(memoryBelow4GiB: 0x800_0000, memoryAbove4GiB: 1 << 32), clock: clock,
      line: InterruptLine(to: sink, pin: 0), maskNMI: { [masks] in masks.add($0) })
  }

  private func cmos(_ index: UInt8) -> UInt8 {
    rtc.setByte(0, index)
    return rtc.byte(1)
  }

  private func setCMOS(_ index: UInt8, _ value: UInt8) {
    rtc.setByte(0, index)
    rtc.setByte(1, value)
  }

  private var time: [UInt8] { [0x32, 9, 8, 7, 4, 2, 0].map(cmos) }

  private func setTime(_ values: [UInt8]) {
    setCMOS(0x0B, cmos(0x0B) | 0x80)
    for (index, value) in zip([0x32, 9, 8, 7, 4, 2, 0] as [UInt8], values) {
      setCMOS(index, value)
    }
    setCMOS(0x0B, cmos(0x0B) & 0x7F)
  }

  private let second: UInt64 = 1_000_000_000

  @Test func startsAtItsConfiguredTimeAndCounts() {
    #expect(time == [0x20, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00])
    #expect(cmos(6) == 7)
    #expect(cmos(0x0A) & 0x7F == 0x26)
    #expect(cmos(0x0B) == 0x02)
    #expect(cmos(0x0D) == 0x80)
    clock.advance(3_661 * second)
    #expect(time == [0x20, 0x00, 0x01, 0x01, 0x01, 0x01, 0x01])
    clock.advance(86_400 * 59 * second)
    #expect(time == [0x20, 0x00, 0x02, 0x29, 0x01, 0x01, 0x01])
    #expect(cmos(6) == 3)
  }

  @Test func theCenturyTurns() {
    setTime([0x20, 0x99, 0x12, 0x31, 0x23, 0x59, 0x59])
    clock.advance(second)
    #expect(time == [0x21, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00])
  }

  @Test func twelveHourAndBinaryModes() {
    setCMOS(0x0B, 0x80)
    setTime([0x20, 0x24, 0x06, 0x15, 0x91, 0x59, 0x59])
    clock.advance(second)
    // 11:59:59 pm, and a second later 12 am.
    #expect(cmos(4) == 0x12)
    setCMOS(0x0B, 0x86)
    setTime([0x20, 24, 6, 15, 11, 59, 59])
    clock.advance(second)
    #expect(time == [0x20, 24, 6, 15, 12, 0, 0])
    setCMOS(0x0B, 0x04)
    setTime([0x20, 24, 6, 15, 11, 59, 59])
    clock.advance(second)
    #expect(cmos(4) == 0x80 | 12)
  }

  @Test func updatesInProgressAreAnnounced() {
    clock.advance(second - 300_000)
    #expect(cmos(0x0A) & 0x80 == 0)
    clock.advance(100_000)
    #expect(cmos(0x0A) & 0x80 != 0)
    clock.advance(200_000)
    #expect(cmos(0x0A) & 0x80 == 0)
    #expect(cmos(0) == 1)
  }

  @Test func flagsAreSetWithoutInterruptsAndClearedByReading() {
    clock.advance(second)
    #expect(clock.nextDeadline == .max)
    #expect(cmos(0x0C) == 0x50)
    #expect(cmos(0x0C) == 0x00)
    #expect(!sink.isHigh())
  }

  @Test func thePeriodicInterruptHoldsTheLineUntilRegisterCIsRead() {
    setCMOS(0x0B, 0x42)
    // Rate 6: 1024 Hz.
    clock.advance(976_000)
    #expect(!sink.isHigh())
    clock.advance(1000)
    #expect(sink.isHigh())
    clock.advance(5_000_000)
    #expect(sink.riseCount() == 1)
    #expect(cmos(0x0C) == 0xC0)
    #expect(!sink.isHigh())
    var count = 0
    for _ in 0..<2000 {
      clock.advance(500_000)
      if cmos(0x0C) & 0x80 != 0 { count += 1 }
    }
    #expect((1023...1025).contains(count))
  }

  @Test func theUpdateEndedInterruptComesEachSecond() {
    setCMOS(0x0B, 0x12)
    clock.advance(second)
    #expect(sink.isHigh())
    #expect(cmos(0x0C) & 0x90 == 0x90)
    clock.advance(second)
    #expect(sink.riseCount() == 2)
    // SET clears UIE.
    setCMOS(0x0B, 0x92)
    #expect(cmos(0x0B) == 0x82)
  }

  @Test func theAlarmKnowsDoNotCare() {
    for (index, value) in zip([1, 3, 5] as [UInt8], [0x30, 0xC0, 0xFF] as [UInt8]) {
      setCMOS(index, value)
    }
    setCMOS(0x0B, 0x22)
    clock.advance(29 * second)
    #expect(!sink.isHigh())
    clock.advance(second)
    #expect(sink.isHigh())
    #expect(cmos(0x0C) & 0xA0 == 0xA0)
    clock.advance(60 * second)
    #expect(sink.riseCount() == 2)
  }

  @Test func aStoppedClockWritesAndStartsHalfASecondLater() {
    setCMOS(0x0A, 0x70)
    clock.advance(5 * second)
    #expect(cmos(0) == 0)
    setCMOS(0x0A, 0x26)
    clock.advance(second / 2 - 100_000)
    #expect(cmos(0) == 0)
    clock.advance(200_000)
    #expect(cmos(0) == 1)
  }

  @Test func firmwaresMemoryTellsTheMemorySize() {
    let below = UInt16(cmos(0x34)) | UInt16(cmos(0x35)) << 8
    #expect(below == (0x800_0000 - 0x100_0000) / 0x1_0000)
    #expect(cmos(0x5B) == 0 && cmos(0x5C) == 0 && cmos(0x5D) == 1)
    #expect(UInt16(cmos(0x15)) | UInt16(cmos(0x16)) << 8 == 640)
    #expect(cmos(0x17) == 0xFF && cmos(0x31) == 0xFF)
    setCMOS(0x7F, 0xA5)
    #expect(cmos(0x7F) == 0xA5)
  }

  @Test func bit7OfTheIndexMasksNMI() {
    rtc.setByte(0, 0x8F)
    rtc.setByte(0, 0x0F)
    #expect(masks.values == [true, false])
    #expect(rtc.byte(0) == 0xFF)
  }

  @Test(
    arguments: [-62_135_596_800, -1, 0, 951_782_400, 4_107_542_399, 253_402_300_799] as [Int64])
  func civilTimeGoesBothWays(seconds: Int64) {
    let time = CivilTime(secondsSince1970: seconds)
    #expect(time.secondsSince1970 == seconds)
  }

  @Test func civilTimeKnowsLeapYears() {
    #expect(CivilTime(secondsSince1970: 951_782_400).day == 29)
    #expect(CivilTime(secondsSince1970: 951_782_400).month == 2)
    #expect(CivilTime(secondsSince1970: 0).weekday == 5)
    for day in Int64(0)..<800_000 where day % 7 == 0 {
      let time = CivilTime(secondsSince1970: day * 86_400)
      #expect(time.secondsSince1970 == day * 86_400)
      #expect((1...31).contains(time.day))
    }
  }
}
