/// Every device of the machine but its processors, and who is connected to whom.
///
/// The order in which devices are made is the order in which simultaneous timers fire, so it is
/// part of what makes runs repeat.
final class Chipset {
  /// What devices ask of the machine.
  struct Requests {
    var powerOff: () -> Void
    var reset: () -> Void
    var debugExit: (UInt32) -> Void
    var transmit: (_ port: Int, _ byte: UInt8) -> Void
    var debugTransmit: (UInt8) -> Void
  }

  let apicBus = APICBus()
  let localAPIC: LocalAPIC
  let ioAPIC: IOAPIC
  let pics: PIC8259Pair
  let pit: PIT8254
  let systemControlB: SystemControlPortB
  let uarts: [UART16550]
  let bus: SystemBus
  private let junctions: [InterruptJunction]
  private let debugConsole: DebugConsole
  private let debugExit: DebugExit

  init(configuration: MachineConfiguration, clock: VirtualClock, requests: Requests) {
    localAPIC = LocalAPIC(
      id: 0, isBootstrap: true, physicalAddressBits: PhysicalAddress.width, clock: clock,
      bus: apicBus)
    ioAPIC = IOAPIC(id: 0, bus: apicBus)
    pics = PIC8259Pair(output: InterruptLine(to: localAPIC, pin: 0))
    localAPIC.externalController = pics
    let irqs = (0..<16).map { [pics, ioAPIC] irq in
      let line = InterruptLine(to: pics, pin: irq)
      line.connect(to: ioAPIC, pin: Self.ioAPICPin(ofIRQ: irq))
      return line
    }
    pit = PIT8254(clock: clock, line: irqs[0])
    systemControlB = SystemControlPortB(pit: pit)
    let shared = [4, 3].map { InterruptJunction(output: irqs[$0]) }
    junctions = shared
    uarts = PortMap.serial.indices.map { port in
      // COM1 and COM3 share IRQ 4, COM2 and COM4 share IRQ 3.
      let line = InterruptLine(to: shared[port % 2], pin: port / 2)
      return UART16550(clock: clock, line: line) { requests.transmit(port, $0) }
    }
    debugConsole = DebugConsole(transmit: requests.debugTransmit)
    debugExit = DebugExit(exit: requests.debugExit)
    bus = SystemBus(localAPIC: localAPIC)
    attachAll()
    localAPIC.enterVirtualWireMode()
  }

  /// The pin of the I/O APIC that an interrupt request of the ISA bus reaches: IRQ 0 arrives at
  /// pin 2, as the MADT says.
  static func ioAPICPin(ofIRQ irq: Int) -> Int { irq == 0 ? 2 : irq }

  private func attachAll() {
    bus.attach(pics.master, port: PortMap.masterPIC, count: 2)
    bus.attach(pics.slave, port: PortMap.slavePIC, count: 2)
    bus.attach(pics.levelControl, port: PortMap.edgeLevel, count: 2)
    bus.attach(pit, port: PortMap.pit, count: 4)
    bus.attach(systemControlB, port: PortMap.systemControlB, count: 1)
    for (uart, port) in zip(uarts, PortMap.serial) { bus.attach(uart, port: port, count: 8) }
    bus.attach(debugConsole, port: PortMap.debugConsole, count: 1)
    bus.attach(debugExit, port: PortMap.debugExit, count: 4)
    bus.attach(ioAPIC, address: MemoryMap.ioAPIC, size: MemoryMap.devicePageSize)
  }

  /// Everything back to the state that firmware leaves.
  func reset() {
    localAPIC.reset()
    ioAPIC.reset()
    pics.reset()
    pit.reset()
    systemControlB.reset()
    for uart in uarts { uart.reset() }
    localAPIC.enterVirtualWireMode()
  }

  /// The devices that remember anything, in a fixed order.
  var stateful: [any StatefulDevice] {
    [localAPIC, ioAPIC, pics, pit, systemControlB] + uarts + junctions
  }
}
