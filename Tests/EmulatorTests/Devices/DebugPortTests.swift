import Emulator
import Testing

@Suite struct DebugPortTests {
  @Test func theConsoleTakesBytesAndTellsItIsThere() {
    let sent = Recorder<UInt8>()
    let console = DebugConsole { sent.add($0) }
    #expect(console.byte(0) == 0xE9)
    for byte in "Hi".utf8 { console.setByte(0, byte) }
    #expect(sent.values == Array("Hi".utf8))
  }

  @Test func theExitPortTakesEveryWidth() {
    let exits = Recorder<UInt32>()
    let port = DebugExit { exits.add($0) }
    port.write(offset: 0, size: .byte, value: 0x1_FF10)
    port.write(offset: 0, size: .word, value: 0x1234)
    port.write(offset: 0, size: .doubleword, value: 0x1234_5678)
    #expect(exits.values == [0x10, 0x1234, 0x1234_5678])
    #expect(port.byte(0) == 0)
  }
}

@Suite struct InterruptLineTests {
  @Test func aLineReachesAllItsPinsAndTellsChangesOnly() {
    let sink = RecordingSink()
    let line = InterruptLine(to: sink, pin: 0)
    line.connect(to: sink, pin: 2)
    line.raise()
    line.raise()
    #expect(sink.riseCount(0) == 1 && sink.riseCount(2) == 1)
    line.pulse()
    #expect(sink.riseCount(0) == 2 && sink.isHigh(0))
    line.lower()
    #expect(!sink.isHigh(2))
  }

  @Test func aJunctionIsHighWhileAnyInputIs() {
    let sink = RecordingSink()
    let junction = InterruptJunction(output: InterruptLine(to: sink, pin: 4))
    junction.setLine(0, level: true)
    junction.setLine(1, level: true)
    #expect(sink.riseCount(4) == 2)
    junction.setLine(0, level: false)
    #expect(sink.isHigh(4))
    junction.setLine(1, level: false)
    #expect(!sink.isHigh(4))
  }

  @Test func aSelectorPassesOneInput() {
    let sink = RecordingSink()
    let selector = InterruptSelector(output: InterruptLine(to: sink, pin: 0))
    selector.setLine(1, level: true)
    #expect(!sink.isHigh())
    selector.select(second: true)
    #expect(sink.isHigh())
    selector.setLine(0, level: true)
    selector.setLine(1, level: false)
    #expect(!sink.isHigh())
    selector.select(second: false)
    #expect(sink.isHigh())
  }
}
