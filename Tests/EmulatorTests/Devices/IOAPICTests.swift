import Emulator
import Testing

@Suite struct IOAPICTests {
  let bus = APICBus()
  let apics: [LocalAPIC]
  let ioAPIC: IOAPIC

  init() {
    let clock = VirtualClock()
    apics = (0..<2).map { [bus] id in
      LocalAPIC(id: UInt32(id), isBootstrap: id == 0, clock: clock, bus: bus)
    }
    for apic in apics { apic.setDoubleword(0xF0, 0x1FF) }
    ioAPIC = IOAPIC(id: 2, bus: bus)
  }

  private func register(_ index: UInt32) -> UInt32 {
    ioAPIC.setDoubleword(0, index)
    return ioAPIC.doubleword(0x10)
  }

  private func setRegister(_ index: UInt32, _ value: UInt32) {
    ioAPIC.setDoubleword(0, index)
    ioAPIC.setDoubleword(0x10, value)
  }

  private func route(_ pin: UInt32, _ low: UInt32, to destination: UInt32 = 0) {
    setRegister(0x11 + 2 * pin, destination << 24)
    setRegister(0x10 + 2 * pin, low)
  }

  private func end(_ apic: LocalAPIC) { apic.setDoubleword(0xB0, 0) }

  @Test func identifiesItself() {
    #expect(register(0) == 2 << 24)
    #expect(register(1) == 0x0017_0020)
    setRegister(0, 0xFFFF_FFFF)
    #expect(register(0) == 0x0F00_0000)
    #expect(register(0x10) == 0x0001_0000)
    #expect(register(0x3F) == 0)
    #expect(register(0x40) == 0)
    setRegister(0x10, 0xFFFF_FFFF)
    #expect(register(0x10) == 0x0001_AFFF)
    setRegister(0x11, 0xFFFF_FFFF)
    #expect(register(0x11) == 0xFF00_0000)
  }

  @Test func anEdgeIsDeliveredOnceToItsDestination() {
    route(4, 0x34, to: 1)
    ioAPIC.setLine(4, level: true)
    #expect(apics[1].acknowledgeInterrupt() == 0x34)
    end(apics[1])
    #expect(!apics[1].hasPendingInterrupt && !apics[0].hasPendingInterrupt)
    ioAPIC.setLine(4, level: false)
    ioAPIC.setLine(4, level: true)
    #expect(apics[1].hasPendingInterrupt)
  }

  @Test func anEdgeAtAMaskedPinIsLost() {
    route(4, 0x1_0034)
    ioAPIC.setLine(4, level: true)
    setRegister(0x18, 0x34)
    #expect(!apics[0].hasPendingInterrupt)
  }

  @Test func aLevelWaitsForItsEOIAndComesAgain() {
    route(9, 0x8039)
    ioAPIC.setLine(9, level: true)
    #expect(register(0x22) == 0xC039)
    #expect(apics[0].acknowledgeInterrupt() == 0x39)
    #expect(apics[0].doubleword(0x190) == 1 << 25)
    ioAPIC.setLine(9, level: false)
    ioAPIC.setLine(9, level: true)
    #expect(!apics[0].hasPendingInterrupt)
    end(apics[0])
    #expect(apics[0].acknowledgeInterrupt() == 0x39)
    ioAPIC.setLine(9, level: false)
    end(apics[0])
    #expect(!apics[0].hasPendingInterrupt)
    #expect(register(0x22) == 0x8039)
  }

  @Test func unmaskingAnAssertedLevelDelivers() {
    route(9, 0x1_8039)
    ioAPIC.setLine(9, level: true)
    #expect(!apics[0].hasPendingInterrupt)
    setRegister(0x22, 0x8039)
    #expect(apics[0].hasPendingInterrupt)
  }

  @Test func theEOIRegisterAndTheTriggerModeClearTheRemoteIRR() {
    route(9, 0x8039)
    ioAPIC.setLine(9, level: true)
    ioAPIC.setLine(9, level: false)
    ioAPIC.setDoubleword(0x40, 0x38)
    #expect(register(0x22) == 0xC039)
    ioAPIC.setDoubleword(0x40, 0x39)
    #expect(register(0x22) == 0x8039)
    ioAPIC.setLine(9, level: true)
    #expect(register(0x22) == 0xC039)
    setRegister(0x22, 0x1_0039)
    setRegister(0x22, 0x1_8039)
    #expect(register(0x22) == 0x1_8039)
  }

  @Test func deliveryModes() {
    route(2, 0x0400, to: 1)
    ioAPIC.setLine(2, level: true)
    #expect(apics[1].hasPendingNMI)
    apics[0].taskPriorityClass = 4
    route(3, 0x0151, to: 0xFF)
    ioAPIC.setLine(3, level: true)
    #expect(!apics[0].hasPendingInterrupt)
    #expect(apics[1].acknowledgeInterrupt() == 0x51)
    let pic = PIC8259Pair(output: InterruptLine(to: ioAPIC, pin: 0))
    apics[0].externalController = pic
    route(0, 0x0700)
    pic.master.setByte(1, 0x00)
    pic.setLine(1, level: true)
    pic.setLine(3, level: true)
    #expect(apics[0].acknowledgeInterrupt() == 0x09)
    #expect(!apics[0].hasPendingInterrupt)
    pic.master.setByte(0, 0x20)
    #expect(apics[0].acknowledgeInterrupt() == 0x0B)
  }

  @Test func logicalDestinations() {
    apics[0].setDoubleword(0xD0, 1 << 24)
    apics[1].setDoubleword(0xD0, 2 << 24)
    route(5, 0x0845, to: 2)
    ioAPIC.setLine(5, level: true)
    #expect(apics[1].hasPendingInterrupt && !apics[0].hasPendingInterrupt)
  }
}
