import Emulator
import Testing

@Suite struct UART16550Tests {
  let clock = VirtualClock()
  let sink = RecordingSink()
  let sent = Recorder<UInt8>()
  let uart: UART16550

  init() {
    uart = UART16550(
      clock: clock, line: InterruptLine(to: sink, pin: 0), transmit: { [sent] in sent.add($0) })
  }

  private func enableFIFO(trigger: UInt8) {
    uart.setByte(2, trigger << 6 | 0x07)
  }

  @Test func transmitsWithTheTransmitterEmptyAtOnce() {
    #expect(uart.byte(5) == 0x60)
    uart.setByte(0, 0x41)
    uart.setByte(0, 0x42)
    #expect(sent.values == [0x41, 0x42])
    #expect(uart.byte(5) == 0x60)
  }

  @Test func aWordWriteIsTwoByteCycles() {
    uart.write(offset: 7, size: .word, value: 0x1234)
    #expect(uart.byte(7) == 0x34)
    uart.setByte(3, 0x83)
    uart.write(offset: 0, size: .word, value: 0x0123)
    #expect(uart.read(offset: 0, size: .word) == 0x0123)
    uart.setByte(3, 0x03)
    #expect(sent.values.isEmpty)
  }

  @Test func theInterruptReachesTheBusOnlyThroughOUT2() {
    uart.setByte(1, 0x02)
    #expect(uart.byte(2) == 0x02)
    uart.setByte(0, 0)
    #expect(!sink.isHigh())
    uart.setByte(4, 0x08)
    #expect(sink.isHigh())
    uart.setByte(4, 0x00)
    #expect(!sink.isHigh())
  }

  @Test func readingIIRClearsTheTransmitterInterruptOnlyWhenItIsTheSource() {
    uart.setByte(4, 0x08)
    uart.setByte(1, 0x02)
    #expect(sink.isHigh())
    #expect(uart.byte(2) == 0x02)
    #expect(!sink.isHigh())
    #expect(uart.byte(2) == 0x01)
    uart.setByte(0, 0x41)
    #expect(sink.isHigh())
    uart.receive(0x61)
    uart.setByte(1, 0x03)
    // Received data has priority: reading IIR shows it and leaves the THRE interrupt pending.
    #expect(uart.byte(2) == 0x04)
    #expect(uart.byte(0) == 0x61)
    #expect(uart.byte(2) == 0x02)
    #expect(uart.byte(2) == 0x01)
  }

  @Test func everyTransmittedByteMakesAFreshEdge() {
    uart.setByte(4, 0x08)
    uart.setByte(1, 0x02)
    let before = sink.riseCount()
    for byte: UInt8 in 0..<5 { uart.setByte(0, byte) }
    #expect(sink.riseCount() == before + 5)
  }

  @Test func receivedBytesWaitTheirTurnAndNoneIsLost() {
    uart.setByte(4, 0x08)
    uart.setByte(1, 0x01)
    for byte: UInt8 in 0..<100 { uart.receive(byte) }
    var read: [UInt8] = []
    while read.count < 100 {
      #expect(sink.isHigh())
      #expect(uart.byte(5) & 0x03 == 0x01)
      read.append(uart.byte(0))
      #expect(!sink.isHigh())
      // 8N1 at 115200 baud: ten bits of 8.68 microseconds.
      clock.advance(86_806)
    }
    #expect(read == Array(0..<100))
    #expect(uart.byte(5) & 0x03 == 0)
    #expect(uart.canReceive)
  }

  @Test func theFIFOInterruptsAtItsTriggerLevelAndFillsNoFurtherThanSixteen() {
    enableFIFO(trigger: 2)
    uart.setByte(4, 0x08)
    uart.setByte(1, 0x01)
    for byte: UInt8 in 0..<40 { uart.receive(byte) }
    clock.advance(6 * 86_806)
    #expect(!sink.isHigh())
    clock.advance(86_806)
    #expect(sink.isHigh())
    #expect(uart.byte(2) == 0xC4)
    clock.advance(10_000_000)
    #expect(uart.state.received.count == 16)
    for byte: UInt8 in 0..<9 { #expect(uart.byte(0) == byte) }
    #expect(uart.byte(5) & 0x02 == 0)
  }

  @Test func aFIFOBelowItsTriggerLevelTimesOutAfterFourCharacters() {
    enableFIFO(trigger: 3)
    uart.setByte(4, 0x08)
    uart.setByte(1, 0x01)
    uart.receive(0x55)
    clock.advance(4 * 86_805 - 10)
    #expect(uart.byte(2) == 0xC1)
    clock.advance(100)
    #expect(sink.isHigh())
    #expect(uart.byte(2) == 0xCC)
    #expect(uart.byte(0) == 0x55)
    #expect(!sink.isHigh())
    #expect(uart.byte(2) == 0xC1)
  }

  @Test func loopbackConnectsTheTransmitterAndTheModemLines() {
    uart.setByte(4, 0x1A)
    #expect(uart.byte(6) & 0xF0 == 0x90)
    uart.setByte(0, 0xAE)
    #expect(sent.values.isEmpty)
    #expect(uart.byte(5) & 1 == 1)
    #expect(uart.byte(0) == 0xAE)
    uart.setByte(4, 0x1F)
    #expect(uart.byte(6) & 0xF0 == 0xF0)
    uart.setByte(4, 0x13)
    // RI fell (trailing edge) and DCD changed.
    #expect(uart.byte(6) == 0x3C)
    #expect(uart.byte(6) == 0x30)
  }

  @Test func loopbackOverrunsWhenTheGuestDoesNotRead() {
    uart.setByte(4, 0x10)
    uart.setByte(0, 1)
    uart.setByte(0, 2)
    #expect(uart.byte(5) & 0x03 == 0x03)
    #expect(uart.byte(5) & 0x02 == 0)
    // Without FIFOs the second byte replaced the first.
    #expect(uart.byte(0) == 2)
    uart.setByte(2, 0x01)
    for byte: UInt8 in 0..<17 { uart.setByte(0, byte) }
    #expect(uart.byte(5) & 0x02 == 0x02)
    for byte: UInt8 in 0..<16 { #expect(uart.byte(0) == byte) }
    #expect(uart.byte(5) & 0x01 == 0)
  }

  @Test func aBreakInLoopbackIsALineStatusInterrupt() {
    uart.setByte(4, 0x18)
    uart.setByte(1, 0x04)
    uart.setByte(3, 0x43)
    #expect(uart.byte(2) == 0x06)
    #expect(sink.isHigh())
    #expect(uart.byte(5) & 0x18 == 0x18)
    #expect(!sink.isHigh())
  }

  @Test func changingTheFIFOEnableClearsIt() {
    enableFIFO(trigger: 0)
    #expect(uart.byte(2) & 0xC0 == 0xC0)
    uart.receive(1)
    #expect(uart.byte(5) & 1 == 1)
    uart.setByte(2, 0)
    #expect(uart.byte(5) & 1 == 0)
    #expect(uart.byte(2) & 0xC0 == 0)
  }

  @Test func restoringTheStateRestoresTimersAndLine() {
    enableFIFO(trigger: 3)
    uart.setByte(4, 0x08)
    uart.setByte(1, 0x01)
    for byte: UInt8 in 0..<3 { uart.receive(byte) }
    let saved = uart.state
    let otherClock = VirtualClock(now: clock.now)
    let otherSink = RecordingSink()
    let other = UART16550(
      clock: otherClock, line: InterruptLine(to: otherSink, pin: 0), transmit: { _ in })
    other.state = saved
    #expect(other.state == saved)
    clock.advance(2_000_000)
    otherClock.advance(2_000_000)
    #expect(other.state == uart.state)
    #expect(otherSink.isHigh() && sink.isHigh())
  }
}
