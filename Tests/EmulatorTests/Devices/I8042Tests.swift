import Emulator
import Testing

@Suite struct I8042Tests {
  let sink = RecordingSink()
  let a20 = Recorder<Bool>()
  let resets = Recorder<Int>()
  let controller: I8042

  init() {
    controller = I8042(
      keyboardLine: InterruptLine(to: sink, pin: 1), mouseLine: InterruptLine(to: sink, pin: 12),
      setA20: { [a20] in a20.add($0) }, resetRequested: { [resets] in resets.add(1) })
  }

  private func command(_ value: UInt8, _ data: UInt8? = nil) {
    controller.setByte(1, value)
    if let data { controller.setByte(0, data) }
  }

  private func readAll() -> [UInt8] {
    var bytes: [UInt8] = []
    while controller.byte(1) & 1 != 0 { bytes.append(controller.byte(0)) }
    return bytes
  }

  private func keyboard(_ bytes: UInt8...) -> [UInt8] {
    for byte in bytes { controller.setByte(0, byte) }
    return readAll()
  }

  private func mouse(_ bytes: UInt8...) -> [UInt8] {
    for byte in bytes { command(0xD4, byte) }
    return readAll()
  }

  @Test func selfTests() {
    command(0xAA)
    #expect(readAll() == [0x55])
    #expect(controller.byte(1) & 0x04 != 0)
    command(0xAB)
    #expect(readAll() == [0x00])
    command(0xA9)
    #expect(readAll() == [0x00])
  }

  @Test func theCommandByteIsReadAndWritten() {
    command(0x20)
    #expect(readAll() == [0x65])
    command(0x60, 0x47)
    command(0x20)
    #expect(readAll() == [0x47])
    command(0x65, 0xAB)
    command(0x25)
    #expect(readAll() == [0xAB])
  }

  @Test func theStatusTellsCommandFromData() {
    command(0x60)
    #expect(controller.byte(1) & 0x08 != 0)
    controller.setByte(0, 0x65)
    #expect(controller.byte(1) & 0x08 == 0)
    #expect(controller.byte(1) & 0x10 != 0)
  }

  @Test func keysAreTranslatedToSet1() {
    controller.press(Key(0x1E))
    #expect(sink.isHigh(1))
    controller.release(Key(0x1E))
    controller.press(Key(0x48, isExtended: true))
    controller.release(Key(0x48, isExtended: true))
    controller.press(Key(0x41))
    #expect(readAll() == [0x1E, 0x9E, 0xE0, 0x48, 0xE0, 0xC8, 0x41])
    #expect(!sink.isHigh(1))
    #expect(sink.riseCount(1) == 7)
  }

  @Test func everyMakeCodeSurvivesTheTranslation() {
    for code: UInt8 in 1...0x58 where code != 0x54 {
      controller.press(Key(code))
      controller.release(Key(code))
      #expect(readAll() == [code, code | 0x80])
    }
  }

  @Test func withoutTranslationKeysSpeakSet2() {
    command(0x60, 0x25)
    controller.press(Key(0x1E))
    controller.release(Key(0x1E))
    controller.press(.pause)
    #expect(readAll() == [0x1C, 0xF0, 0x1C, 0xE1, 0x14, 0x77, 0xE1, 0xF0, 0x14, 0xF0, 0x77])
    #expect(keyboard(0xF0, 0x00) == [0xFA, 0xFA, 0x02])
    #expect(keyboard(0xF0, 0x01) == [0xFA, 0xFA])
    controller.press(.printScreen)
    #expect(readAll() == [0xE0, 0x2A, 0xE0, 0x37])
  }

  @Test func theKeyboardAnswersItsCommands() {
    #expect(keyboard(0xFF) == [0xFA, 0xAA])
    #expect(keyboard(0xEE) == [0xEE])
    #expect(keyboard(0xED, 0x07) == [0xFA, 0xFA])
    #expect(keyboard(0xF3, 0x20) == [0xFA, 0xFA])
    #expect(controller.state.keyboard.indicators == 7)
    #expect(keyboard(0x05) == [0xFE])
    #expect(keyboard(0xFE) == [0xFA])
    command(0x60, 0x25)
    #expect(keyboard(0xF2) == [0xFA, 0xAB, 0x83])
    #expect(keyboard(0xF5) == [0xFA])
    controller.press(Key(0x1E))
    #expect(readAll().isEmpty)
    #expect(keyboard(0xF4) == [0xFA])
    controller.press(Key(0x1E))
    #expect(readAll() == [0x1C])
  }

  @Test func aDisabledInterfaceHoldsKeysBack() {
    command(0xAD)
    controller.press(Key(0x1E))
    #expect(controller.byte(1) & 1 == 0)
    command(0xAE)
    #expect(readAll() == [0x1E])
  }

  @Test func interruptsCanBeDisabled() {
    command(0x60, 0x44)
    controller.press(Key(0x1E))
    #expect(!sink.isHigh(1))
    #expect(controller.byte(1) & 1 == 1)
  }

  @Test func theMouseIsAnAuxiliaryDevice() {
    command(0x60, 0x47)
    command(0xD4, 0xFF)
    #expect(controller.byte(1) & 0x21 == 0x21)
    #expect(sink.isHigh(12))
    #expect(readAll() == [0xFA, 0xAA, 0x00])
    #expect(mouse(0xF2) == [0xFA, 0x00])
    controller.moveMouse(x: 1, y: 1, buttons: 0)
    #expect(readAll().isEmpty)
    #expect(mouse(0xF3, 200) == [0xFA, 0xFA])
    #expect(mouse(0xE8, 3) == [0xFA, 0xFA])
    #expect(mouse(0xF4) == [0xFA])
    #expect(mouse(0xE9) == [0xFA, 0x20, 3, 200])
    controller.moveMouse(x: -6, y: 10, buttons: 1)
    // The movement before reporting was enabled was kept.
    #expect(readAll() == [0x19, UInt8(bitPattern: -5), 11])
  }

  @Test func theOutputPortSwitchesA20AndResets() {
    command(0xD0)
    #expect(readAll() == [0xCF])
    command(0xD1, 0xCD)
    command(0xDF)
    command(0xDD)
    #expect(a20.values == [false, true, false])
    #expect(resets.values.isEmpty)
    command(0xFF)
    #expect(resets.values.isEmpty)
    command(0xFE)
    #expect(resets.values.count == 1)
    command(0xD1, 0x00)
    #expect(resets.values.count == 2)
  }

  @Test func theOutputBufferCanBeWritten() {
    command(0xD2, 0x5A)
    #expect(readAll() == [0x5A])
    command(0xD3, 0xA5)
    #expect(controller.byte(1) & 0x21 == 0x21)
    #expect(readAll() == [0xA5])
  }

  @Test func port92IsTheFastWay() {
    let port = SystemControlPortA(
      setA20: { [a20] in a20.add($0) }, resetRequested: { [resets] in resets.add(1) })
    #expect(port.byte(0) == 0x02)
    port.setByte(0, 0x00)
    port.setByte(0, 0x02)
    #expect(a20.values == [false, true])
    port.setByte(0, 0x03)
    #expect(resets.values.count == 1)
    #expect(port.byte(0) == 0x02)
  }
}
