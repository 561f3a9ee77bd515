import Emulator
import Testing

@Suite struct PowerManagementTests {
  let clock = VirtualClock()
  let sink = RecordingSink()
  let sleeps = Recorder<UInt8>()
  let power: PowerManagement
  let command: SMICommandPort

  init() {
    power = PowerManagement(
      clock: clock, line: InterruptLine(to: sink, pin: 9),
      sleepRequested: { [sleeps] in sleeps.add($0) })
    command = SMICommandPort(powerManagement: power)
  }

  private func word(_ offset: UInt64) -> UInt64 { power.read(offset: offset, size: .word) }

  private func setWord(_ offset: UInt64, _ value: UInt64) {
    power.write(offset: offset, size: .word, value: value)
  }

  @Test func theTimerCountsAtItsFrequency() {
    clock.advance(1_000_000_000)
    #expect(power.doubleword(8) == 3_579_545)
    clock.advance(1_200_000_000_000)
    #expect(power.doubleword(8) == UInt32(truncatingIfNeeded: 3_579_545 * 1201 as UInt64))
    power.setDoubleword(8, 0)
    #expect(power.doubleword(8) != 0)
  }

  @Test func theCarrySetsItsStatusAndInterrupts() {
    command.setByte(0, 0xF1)
    #expect(word(4) == 1)
    setWord(2, 0x0001)
    let half = PowerManagement.oscillator.time(ofTick: 1 << 31)
    clock.advance(half - 1)
    #expect(word(0) == 0)
    clock.advance(1)
    #expect(sink.isHigh(9))
    #expect(word(0) == 1)
    setWord(0, 0xFFFE)
    #expect(sink.isHigh(9))
    setWord(0, 0x0001)
    #expect(!sink.isHigh(9))
    clock.advance(half)
    #expect(sink.isHigh(9))
  }

  @Test func theSCIBelongsToACPIMode() {
    setWord(2, 0x0100)
    power.pressPowerButton()
    #expect(word(0) == 0x0100)
    #expect(!sink.isHigh(9))
    command.setByte(0, 0xF1)
    #expect(sink.isHigh(9))
    command.setByte(0, 0xF0)
    #expect(!sink.isHigh(9))
    #expect(word(4) == 0)
  }

  @Test func sleepEnableRequestsTheSleepType() {
    setWord(4, 5 << 10)
    #expect(sleeps.values.isEmpty)
    setWord(4, 5 << 10 | 1 << 13)
    #expect(sleeps.values == [5])
    #expect(word(4) == 5 << 10)
    power.setByte(5, 0x20 | 3 << 2)
    #expect(sleeps.values == [5, 3])
  }

  @Test func resetControlResetsOnARisingBit() {
    let resets = Recorder<Int>()
    let control = ResetControl { resets.add(1) }
    control.setByte(0, 0x02)
    #expect(resets.values.isEmpty)
    control.setByte(0, 0x06)
    control.setByte(0, 0x06)
    #expect(resets.values.count == 1)
    #expect(control.byte(0) == 0x06)
  }
}
