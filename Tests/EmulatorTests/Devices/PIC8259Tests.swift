import Emulator
import Testing

@Suite struct PIC8259Tests {
  let sink = RecordingSink()
  let pic: PIC8259Pair

  init() {
    pic = PIC8259Pair(output: InterruptLine(to: sink, pin: 0))
    initialize(icw4: 0x01)
  }

  private func initialize(icw4: UInt8) {
    for (chip, base, cascade) in [(pic.master, 0x20, 0x04), (pic.slave, 0x28, 0x02)] {
      chip.setByte(0, 0x11)
      chip.setByte(1, UInt8(base))
      chip.setByte(1, UInt8(cascade))
      chip.setByte(1, icw4)
      chip.setByte(1, 0x00)
    }
  }

  @Test func resolvesPrioritiesAndNests() {
    pic.setLine(4, level: true)
    pic.setLine(1, level: true)
    #expect(sink.isHigh())
    #expect(pic.acknowledge() == 0x21)
    // IRQ 4 has a lower priority than what is in service.
    #expect(!sink.isHigh())
    pic.setLine(0, level: true)
    #expect(sink.isHigh())
    #expect(pic.acknowledge() == 0x20)
    pic.master.setByte(0, 0x20)
    #expect(!sink.isHigh())
    pic.master.setByte(0, 0x20)
    #expect(sink.isHigh())
    #expect(pic.acknowledge() == 0x24)
  }

  @Test func showsIRRAndISR() {
    pic.setLine(3, level: true)
    #expect(pic.master.byte(0) == 0x08)
    _ = pic.acknowledge()
    #expect(pic.master.byte(0) == 0x00)
    pic.master.setByte(0, 0x0B)
    #expect(pic.master.byte(0) == 0x08)
    pic.master.setByte(0, 0x63)
    pic.master.setByte(0, 0x0A)
    #expect(pic.master.byte(0) == 0x00)
  }

  @Test func theSlaveAnswersThroughTheCascade() {
    pic.setLine(12, level: true)
    #expect(pic.acknowledge() == 0x2C)
    pic.master.setByte(0, 0x0B)
    pic.slave.setByte(0, 0x0B)
    #expect(pic.master.byte(0) == 0x04)
    #expect(pic.slave.byte(0) == 0x10)
    pic.setLine(9, level: true)
    #expect(!sink.isHigh())
    pic.slave.setByte(0, 0x20)
    pic.master.setByte(0, 0x20)
    #expect(pic.acknowledge() == 0x29)
  }

  @Test func specialFullyNestedModeLetsTheSlaveInterruptItself() {
    initialize(icw4: 0x11)
    pic.setLine(12, level: true)
    #expect(pic.acknowledge() == 0x2C)
    pic.setLine(9, level: true)
    #expect(sink.isHigh())
    #expect(pic.acknowledge() == 0x29)
  }

  @Test func aRequestThatGoesAwayIsSpurious() {
    pic.setLine(5, level: true)
    pic.setLine(5, level: false)
    #expect(!sink.isHigh())
    #expect(pic.acknowledge() == 0x27)
    pic.master.setByte(0, 0x0B)
    #expect(pic.master.byte(0) == 0)
  }

  @Test func masksHoldRequestsBack() {
    pic.master.setByte(1, 0x02)
    pic.setLine(1, level: true)
    #expect(!sink.isHigh())
    #expect(pic.master.byte(1) == 0x02)
    pic.master.setByte(1, 0x00)
    #expect(sink.isHigh())
    #expect(pic.acknowledge() == 0x21)
  }

  @Test func anEdgeInterruptsOnceAndALevelAgain() {
    pic.setLine(5, level: true)
    _ = pic.acknowledge()
    pic.master.setByte(0, 0x20)
    #expect(!sink.isHigh())
    pic.setLine(5, level: false)
    pic.levelControl.setByte(0, 0xFF)
    #expect(pic.levelControl.byte(0) == 0xF8)
    pic.levelControl.setByte(1, 0xFF)
    #expect(pic.levelControl.byte(1) == 0xDE)
    pic.setLine(5, level: true)
    _ = pic.acknowledge()
    pic.master.setByte(0, 0x20)
    #expect(sink.isHigh())
    pic.setLine(5, level: false)
    #expect(!sink.isHigh())
  }

  @Test func automaticEOIRotates() {
    initialize(icw4: 0x03)
    pic.master.setByte(0, 0x80)
    for pin in [0, 1] { pic.setLine(pin, level: true) }
    #expect(pic.acknowledge() == 0x20)
    pic.setLine(0, level: false)
    pic.setLine(0, level: true)
    // IRQ 0 has the lowest priority now.
    #expect(pic.acknowledge() == 0x21)
    #expect(pic.acknowledge() == 0x20)
  }

  @Test func specificRotationSetsThePriorities() {
    pic.master.setByte(0, 0xC3)
    for pin in [0, 3, 4] { pic.setLine(pin, level: true) }
    #expect(pic.acknowledge() == 0x24)
    pic.master.setByte(0, 0xE4)
    #expect(pic.acknowledge() == 0x20)
    pic.master.setByte(0, 0xA0)
    #expect(pic.acknowledge() == 0x23)
  }

  @Test func specialMaskModeLetsLowerPrioritiesThrough() {
    pic.setLine(1, level: true)
    _ = pic.acknowledge()
    pic.setLine(6, level: true)
    #expect(!sink.isHigh())
    pic.master.setByte(1, 0x02)
    #expect(!sink.isHigh())
    pic.master.setByte(0, 0x68)
    #expect(sink.isHigh())
    #expect(pic.acknowledge() == 0x26)
    // A non-specific EOI does not end what is masked.
    pic.master.setByte(0, 0x20)
    pic.master.setByte(0, 0x20)
    pic.master.setByte(0, 0x0B)
    #expect(pic.master.byte(0) == 0x02)
  }

  @Test func pollingAcknowledges() {
    pic.master.setByte(0, 0x0C)
    #expect(pic.master.byte(0) == 0x00)
    pic.setLine(6, level: true)
    pic.master.setByte(0, 0x0C)
    #expect(pic.master.byte(0) == 0x86)
    #expect(!sink.isHigh())
    pic.master.setByte(0, 0x0B)
    #expect(pic.master.byte(0) == 0x40)
  }

  @Test func theFirstCommandWordResetsTheEdges() {
    pic.setLine(1, level: true)
    initialize(icw4: 0x01)
    #expect(!sink.isHigh())
    pic.setLine(1, level: false)
    pic.setLine(1, level: true)
    #expect(pic.acknowledge() == 0x21)
  }
}
