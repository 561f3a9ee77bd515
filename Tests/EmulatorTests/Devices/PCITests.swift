import Emulator
import Testing

/// A device that remembers its last write.
private final class Echo: BusDevice {
  var last: (offset: UInt64, value: UInt64) = (0, 0)
  func read(offset: UInt64, size: AccessSize) -> UInt64 { (0xA0 | offset) & size.mask }
  func write(offset: UInt64, size: AccessSize, value: UInt64) { last = (offset, value) }
}

/// A bus with one function of every kind of region, and what it sent.
private final class Fixture {
  let sink = RecordingSink()
  let messages = Recorder<[UInt64]>()
  let bus: PCIBus
  let ports: PCIConfigurationPorts
  let express: PCIExpressConfiguration
  let echo = Echo()
  let table = PCIMessageTable(count: 3)
  let function: PCIFunction
  let slot = 3

  init() {
    let (sink, messages) = (sink, messages)
    bus = PCIBus(
      wires: (0..<4).map { InterruptLine(to: sink, pin: $0) },
      send: { address, data in messages.add([address, UInt64(data)]) })
    ports = PCIConfigurationPorts(bus: bus)
    express = PCIExpressConfiguration(bus: bus)
    var identity = PCIFunction.Identity(vendor: 0x1234, device: 0x5678, classCode: 0xFF_0000)
    identity.interruptPin = 1
    function = PCIFunction(
      identity,
      regions: [
        PCIRegion(0, .memory32, size: 0x1000, device: echo),
        PCIRegion(1, .ports, size: 0x20, device: echo),
        PCIRegion(2, .memory64, size: 0x10_0000, device: echo),
        PCIRegion(4, .memory32, size: 0x1000, device: table),
        PCIRegion(0, .rom, size: 0x1_0000, device: echo),
      ], messages: PCIMessageTable.Placement(table, region: 4))
    bus.attach(function, slot: slot)
  }

  private func select(_ register: UInt64) {
    let address = 0x8000_0000 | UInt64(slot) << 11 | register & 0xFC
    ports.write(offset: 0, size: .doubleword, value: address)
  }

  func read(_ register: UInt64, _ size: AccessSize = .doubleword) -> UInt64 {
    select(register)
    return ports.read(offset: 4 + register & 3, size: size)
  }

  func write(_ register: UInt64, _ value: UInt64, _ size: AccessSize = .doubleword) {
    select(register)
    ports.write(offset: 4 + (register & 3), size: size, value: value)
  }
}

@Suite struct PCITests {
  @Test func mechanismOneReadsBytesWordsAndDoublewords() {
    let pci = Fixture()
    #expect(pci.read(0) == 0x5678_1234)
    pci.ports.write(offset: 0, size: .doubleword, value: 0x8000_0000 | 3 << 11)
    #expect(pci.ports.read(offset: 0, size: .doubleword) == 0x8000_1800)
    #expect(pci.ports.read(offset: 4, size: .word) == 0x1234)
    #expect(pci.ports.read(offset: 6, size: .word) == 0x5678)
    #expect(pci.ports.read(offset: 7, size: .byte) == 0x56)
    // Only doublewords reach the address; without the enable bit nobody answers.
    pci.ports.write(offset: 0, size: .word, value: 0)
    #expect(pci.ports.read(offset: 0, size: .doubleword) == 0x8000_1800)
    pci.ports.write(offset: 0, size: .doubleword, value: 3 << 11)
    #expect(pci.ports.read(offset: 4, size: .doubleword) == 0xFFFF_FFFF)
    // An empty slot, another bus.
    pci.ports.write(offset: 0, size: .doubleword, value: 0x8000_0000 | 4 << 11)
    #expect(pci.ports.read(offset: 4, size: .doubleword) == 0xFFFF_FFFF)
    pci.ports.write(offset: 0, size: .doubleword, value: 0x8001_0000 | 3 << 11)
    #expect(pci.ports.read(offset: 4, size: .word) == 0xFFFF)
  }

  @Test func expressSpaceShowsTheSameRegisters() {
    let pci = Fixture()
    let base: UInt64 = 3 << 15
    #expect(pci.express.read(offset: base, size: .doubleword) == 0x5678_1234)
    #expect(pci.express.read(offset: base + 2, size: .word) == 0x5678)
    #expect(pci.express.read(offset: base, size: .quadword) & 0xFFFF_FFFF == 0x5678_1234)
    #expect(pci.express.read(offset: base + 0x100, size: .doubleword) == 0)
    #expect(pci.express.read(offset: 4 << 15, size: .doubleword) == 0xFFFF_FFFF)
    #expect(pci.express.read(offset: 1 << 20, size: .doubleword) == 0xFFFF_FFFF)
    pci.express.write(offset: base + 0x3C, size: .byte, value: 11)
    #expect(pci.read(0x3C, .byte) == 11)
  }

  @Test func baseAddressRegistersTellTheirSize() {
    let pci = Fixture()
    let sizes: [(register: UInt64, all: UInt64)] = [
      (0x10, 0xFFFF_F000), (0x14, 0xFFFF_FFE1), (0x18, 0xFFF0_000C), (0x1C, 0xFFFF_FFFF),
      (0x20, 0xFFFF_F000), (0x24, 0), (0x30, 0xFFFF_0001),
    ]
    for (register, all) in sizes {
      pci.write(register, 0xFFFF_FFFF)
      #expect(pci.read(register) == all, "\(register)")
    }
    // Read-only registers stay.
    pci.write(0, 0)
    pci.write(8, 0)
    #expect(pci.read(0) == 0x5678_1234 && pci.read(8) == 0xFF00_0000)
  }

  @Test func regionsMoveAndObeyTheCommandRegister() {
    let pci = Fixture()
    var changes = 0
    pci.bus.regionsChanged = { changes += 1 }
    pci.write(0x10, 0xC000_0000)
    pci.write(0x14, 0xC100)
    pci.write(0x18, 0x10_0000)
    pci.write(0x1C, 0x80)
    #expect(pci.bus.placements.isEmpty && changes == 0)
    pci.write(4, 1, .word)
    #expect(
      pci.bus.placements == [BusRegion(.ports, start: 0xC100, size: 0x20, device: pci.echo)])
    pci.write(4, 2, .word)
    #expect(
      pci.bus.placements == [
        BusRegion(.memory, start: 0xC000_0000, size: 0x1000, device: pci.echo),
        BusRegion(.memory, start: 0x80_0010_0000, size: 0x10_0000, device: pci.echo),
      ])
    #expect(changes == 2)
    pci.write(0x10, 0xC123_4567)
    #expect(pci.bus.placements.first?.start == 0xC123_4000)
    // The ROM needs a bit of its own.
    pci.write(0x30, 0xD000_0000)
    #expect(pci.bus.placements.count == 2)
    pci.write(0x30, 0xD000_0001)
    #expect(pci.bus.placements.last?.start == 0xD000_0000)
    pci.function.reset()
    #expect(pci.bus.placements.isEmpty && pci.read(0x10) == 0)
  }

  @Test func interruptPinsTakeTurnsOnTheWires() {
    let pci = Fixture()
    // INTA of slot 3 is PIRQD.
    pci.function.setInterrupt(true)
    #expect(pci.sink.isHigh(3) && pci.read(6, .word) & 8 != 0)
    pci.write(4, 1 << 10, .word)
    #expect(!pci.sink.isHigh(3) && pci.read(6, .word) & 8 != 0)
    pci.write(4, 0, .word)
    #expect(pci.sink.isHigh(3))
    pci.function.setInterrupt(false)
    #expect(!pci.sink.isHigh(3))
    #expect((0..<8).map { PCIBus.wire(slot: $0, pin: 0) } == [0, 1, 2, 3, 0, 1, 2, 3])
    #expect(PCIBus.wire(slot: 31, pin: 2) == 2)
  }

  @Test func messagesAreMaskedPendingAndSent() {
    let pci = Fixture()
    let capability = pci.read(0x34, .byte)
    #expect(pci.read(capability, .byte) == 0x11)
    #expect(pci.read(capability + 2, .word) == 2)
    #expect(pci.read(capability + 4) == 4 && pci.read(capability + 8) == 0x804)
    pci.table.setDoubleword(0x10, 0xFEE0_1000)
    pci.table.setDoubleword(0x18, 0x4041)
    #expect(pci.table.doubleword(0x1C) == 1)
    // Neither enabled nor a bus master.
    pci.table.signal(1)
    #expect(pci.messages.values.isEmpty && pci.table.doubleword(0x800) == 0)
    pci.write(4, 6, .word)
    pci.write(capability + 2, 0x8000, .word)
    pci.table.signal(1)
    #expect(pci.messages.values.isEmpty && pci.table.doubleword(0x800) == 2)
    // Unmasked, the pending message leaves, once.
    pci.table.setDoubleword(0x1C, 0)
    #expect(pci.messages.values == [[0xFEE0_1000, 0x4041]])
    #expect(pci.table.doubleword(0x800) == 0)
    // The function's mask holds all of them.
    pci.write(capability + 2, 0xC000, .word)
    pci.table.signal(1)
    pci.table.signal(1)
    #expect(pci.messages.values.count == 1)
    pci.write(capability + 2, 0x8000, .word)
    #expect(pci.messages.values.count == 2)
    pci.table.signal(7)
    #expect(pci.messages.values.count == 2)
  }

  @Test func aMessageIsAnInterrupt() {
    let bus = APICBus()
    let apic = LocalAPIC(id: 0, isBootstrap: true, clock: VirtualClock(), bus: bus)
    apic.write(offset: 0xF0, size: .doubleword, value: 0x1FF)
    #expect(bus.send(address: 0xFEE0_0000, data: 0x4051))
    #expect(apic.hasPendingInterrupt && apic.acknowledgeInterrupt() == 0x51)
    #expect(!bus.send(address: 0x1000, data: 0x51))
    #expect(!bus.send(address: 0x1_FEE0_0000, data: 0x51))
  }

  @Test func theBridgesDoWhatFirmwareAsks() {
    let pci = Fixture()
    let bridge = HostBridge(express: pci.express)
    #expect(bridge.placements.isEmpty)
    bridge.placeExpress(at: 0xB000_0000)
    #expect(
      bridge.placements == [
        BusRegion(.memory, start: 0xB000_0000, size: 256 << 20, device: pci.express)
      ])
    bridge.function.write(0x60, size: .doubleword, value: 0xE400_0005)
    #expect(bridge.placements.first?.start == 0xE400_0000)
    #expect(bridge.placements.first?.size == 64 << 20)
    let isa = RecordingSink()
    let bridge2 = LPCBridge(
      powerManagementPort: 0x600, interrupts: (0..<16).map { InterruptLine(to: isa, pin: $0) })
    bridge2.setLine(2, level: true)
    #expect(!isa.isHigh(11))
    bridge2.route([10, 10, 11, 11])
    #expect(isa.isHigh(11) && !isa.isHigh(10))
    bridge2.setLine(0, level: true)
    #expect(isa.isHigh(10))
    bridge2.function.write(0x62, size: .byte, value: 0x8B)
    #expect(!isa.isHigh(11))
    // IRQ 13 is not to be had.
    bridge2.function.write(0x62, size: .byte, value: 13)
    #expect(!isa.isHigh(13))
  }
}
