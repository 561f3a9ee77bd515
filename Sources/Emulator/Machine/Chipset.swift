/// Every device of the machine but its processors, and who is connected to whom.
///
/// The order in which devices are made is the order in which simultaneous timers fire, so it is
/// part of what makes runs repeat.
package final class Chipset {
  /// What devices ask of the machine.
  struct Requests {
    var powerOff: () -> Void
    var reset: () -> Void
    var debugExit: (UInt32) -> Void
    var transmit: (_ port: Int, _ byte: UInt8) -> Void
    var debugTransmit: (UInt8) -> Void
    var logFirmware: (UInt8) -> Void
    var virtio: VirtIODevices.Requests
    /// A message for the processor with this number.
    var signal: (_ processor: Int, ProcessorSignal) -> Void
  }

  let apicBus = APICBus()
  /// One for each processor, the bootstrap processor's first.
  package let localAPICs: [LocalAPIC]
  package let ioAPIC: IOAPIC
  package let pics: PIC8259Pair
  package let pit: PIT8254
  let systemControlB: SystemControlPortB
  package let rtc: RTC
  package let hpet: HPET
  package let uarts: [UART16550]
  let addressGate: AddressGate
  let keyboard: I8042
  let systemControlA: SystemControlPortA
  let powerManagement: PowerManagement
  let smiCommand: SMICommandPort
  let resetControl: ResetControl
  let debugConsole: DebugConsole
  let debugExit: DebugExit
  package let bus: SystemBus
  package let pci: PCIRootComplex
  let virtio: VirtIODevices
  let personal: PersonalComputerDevices
  /// What each disk of the configuration is read from and written to, in its order.
  let disks: [any BlockBackend]
  private let overlays: [DiskOverlay]
  private let junctions: [InterruptJunction]
  private let picInputs: [InterruptJunction]
  private let legacySelectors: [InterruptSelector]

  /// Pins of the I/O APIC that no ISA device uses, for the HPET.
  private static let hpetPins = 22...23
  private static let softOff: UInt8 = 5

  init(
    configuration: MachineConfiguration, memory: PhysicalMemory, clock: VirtualClock,
    kernel: LinuxParts?, requests: Requests
  ) {
    let localAPICs = Self.makeLocalAPICs(
      configuration.processors, clock: clock, bus: apicBus, signal: requests.signal)
    self.localAPICs = localAPICs
    ioAPIC = IOAPIC(id: 0, bus: apicBus)
    let externalInterrupt = InterruptLine(to: localAPICs[0], pin: 0)
    for other in localAPICs.dropFirst() { externalInterrupt.connect(to: other, pin: 0) }
    pics = PIC8259Pair(output: externalInterrupt)
    for localAPIC in localAPICs { localAPIC.externalController = pics }
    let inputs = Self.makePICInputs(pics)
    picInputs = inputs
    let irqs = Self.makeIRQs(picInputs: inputs, ioAPIC: ioAPIC)
    let messageBus = apicBus
    pci = PCIRootComplex(
      memory: memory, ioAPIC: ioAPIC, isaInterrupts: inputs.map { InterruptLine(to: $0, pin: 1) }
    ) { address, data in _ = messageBus.send(address: address, data: data) }

    // The HPET can take IRQ 0 from the PIT and IRQ 8 from the RTC.
    let selectors = [irqs[0], irqs[8]].map { InterruptSelector(output: $0) }
    legacySelectors = selectors
    pit = PIT8254(clock: clock, line: InterruptLine(to: selectors[0], pin: 0))
    systemControlB = SystemControlPortB(pit: pit)
    rtc = RTC(
      configuration.batteryBackedMemory, clock: clock,
      line: InterruptLine(to: selectors[1], pin: 0))
    var routes: [Int: InterruptLine] = [:]
    for pin in Self.hpetPins { routes[pin] = InterruptLine(to: ioAPIC, pin: pin) }
    hpet = HPET(
      clock: clock,
      lines: HPET.Lines(
        routes: routes, legacyTimer: InterruptLine(to: selectors[0], pin: 1),
        legacyClock: InterruptLine(to: selectors[1], pin: 1)))
    hpet.legacyReplacementChanged = { isOn in
      for selector in selectors { selector.select(second: isOn) }
    }

    // COM1 and COM3 share IRQ 4, COM2 and COM4 share IRQ 3.
    let shared = PortMap.serialIRQ.prefix(2).map { InterruptJunction(output: irqs[$0]) }
    junctions = shared
    uarts = PortMap.serial.indices.map { port in
      let line = InterruptLine(to: shared[port % 2], pin: port / 2)
      return UART16550(clock: clock, line: line) { requests.transmit(port, $0) }
    }
    let gate = AddressGate()
    let keyboard = I8042(
      keyboardLine: irqs[1], mouseLine: irqs[12], setA20: { _ in gate.update() },
      resetRequested: requests.reset)
    let portA = SystemControlPortA(
      setA20: { _ in gate.update() }, resetRequested: requests.reset)
    gate.sources = [
      { [unowned keyboard] in keyboard.opensA20 }, { [unowned portA] in portA.opensA20 },
    ]
    addressGate = gate
    self.keyboard = keyboard
    systemControlA = portA
    powerManagement = PowerManagement(clock: clock, line: irqs[PortMap.systemControlIRQ]) { type in
      if type == Self.softOff { requests.powerOff() }
    }
    smiCommand = SMICommandPort(powerManagement: powerManagement)
    resetControl = ResetControl(resetRequested: requests.reset)
    debugConsole = DebugConsole(transmit: requests.debugTransmit)
    debugExit = DebugExit(exit: requests.debugExit)
    bus = SystemBus(localAPIC: localAPICs[0])
    var overlays: [DiskOverlay] = []
    disks = configuration.disks.map { drive in
      guard drive.access == .snapshot else { return drive.backend }
      overlays.append(DiskOverlay(over: drive.backend))
      return overlays[overlays.count - 1]
    }
    self.overlays = overlays
    personal = PersonalComputerDevices(
      configuration: configuration, disks: disks, memory: memory, clock: clock, pci: pci,
      interrupts: irqs, kernel: kernel, log: requests.logFirmware)
    virtio = VirtIODevices(
      configuration: configuration, disks: disks, memory: memory, clock: clock, pci: pci,
      ioAPIC: ioAPIC, requests: requests.virtio)
    attachAll()
    if let firmware = personal.firmware {
      let tables = acpiTables(processors: configuration.processors, at: 0)
      firmware.add(
        FirmwareItems.files(configuration, tables: tables, hasKernel: kernel != nil))
    }
    localAPICs[0].enterVirtualWireMode()
  }

  /// The local APICs; only the first belongs to a bootstrap processor.
  private static func makeLocalAPICs(
    _ count: Int, clock: VirtualClock, bus: APICBus,
    signal: @escaping (_ processor: Int, ProcessorSignal) -> Void
  ) -> [LocalAPIC] {
    (0..<count).map { index in
      let localAPIC = LocalAPIC(
        id: UInt32(index), isBootstrap: index == 0, physicalAddressBits: PhysicalAddress.width,
        clock: clock, bus: bus)
      localAPIC.initializeRequested = { signal(index, .initialize) }
      localAPIC.startUpRequested = { signal(index, .startUp(page: $0)) }
      return localAPIC
    }
  }

  private static func makePICInputs(_ pics: PIC8259Pair) -> [InterruptJunction] {
    (0..<16).map { InterruptJunction(output: InterruptLine(to: pics, pin: $0)) }
  }

  /// The ISA interrupt requests: each reaches the 8259s and the I/O APIC.
  ///
  /// At the 8259s they meet the wires of PCI.
  private static func makeIRQs(
    picInputs: [InterruptJunction], ioAPIC: IOAPIC
  ) -> [InterruptLine] {
    (0..<16).map { irq in
      let line = InterruptLine(to: picInputs[irq], pin: 0)
      // IRQ 0 arrives at pin 2, as the MADT says.
      line.connect(to: ioAPIC, pin: irq == 0 ? 2 : irq)
      return line
    }
  }

  private func attachAll() {
    bus.attach(pics.master, port: PortMap.masterPIC, count: 2)
    bus.attach(pit, port: PortMap.pit, count: 4)
    bus.attach(keyboard, port: PortMap.keyboardData, count: 1)
    bus.attach(systemControlB, port: PortMap.systemControlB, count: 1)
    bus.attach(keyboard, port: PortMap.keyboardCommand, count: 1, from: 1)
    bus.attach(rtc, port: PortMap.rtc, count: 2)
    bus.attach(systemControlA, port: PortMap.systemControlA, count: 1)
    bus.attach(pics.slave, port: PortMap.slavePIC, count: 2)
    bus.attach(smiCommand, port: PortMap.smiCommand, count: 2)
    bus.attach(debugConsole, port: PortMap.debugConsole, count: 1)
    bus.attach(debugExit, port: PortMap.debugExit, count: 4)
    for (uart, port) in zip(uarts, PortMap.serial) { bus.attach(uart, port: port, count: 8) }
    bus.attach(pics.levelControl, port: PortMap.edgeLevel, count: 2)
    bus.attach(powerManagement, port: PortMap.powerManagement, count: 16)
    pci.attach(to: bus)
    virtio.attach(to: bus)
    personal.attach(to: bus)
    // Inside the ports of PCI configuration, whose doublewords do not reach it.
    bus.attach(resetControl, port: PortMap.resetControl, count: 1)
    bus.attach(ioAPIC, address: MemoryMap.ioAPIC, size: MemoryMap.devicePageSize)
    bus.attach(hpet, address: MemoryMap.hpet, size: MemoryMap.hpetSize)
  }

  /// The tables that describe all this to a kernel.
  func acpiTables(processors: Int, at address: UInt64) -> ACPITables {
    var configuration = ACPITables.Configuration(processorIDs: (0..<processors).map { UInt32($0) })
    configuration.localAPICAddress = UInt32(MemoryMap.localAPIC)
    configuration.ioAPICAddress = UInt32(MemoryMap.ioAPIC)
    configuration.hpetAddress = UInt32(MemoryMap.hpet)
    configuration.powerManagementPort = PortMap.powerManagement
    configuration.smiCommandPort = PortMap.smiCommand
    configuration.resetPort = PortMap.resetControl
    configuration.sciInterrupt = UInt8(PortMap.systemControlIRQ)
    configuration.softOffType = Self.softOff
    configuration.hasVGA = personal.display != nil
    configuration.pci = pciDescription
    configuration.virtioDevices = virtio.acpiDevices
    configuration.serialPorts = zip(PortMap.serial, PortMap.serialIRQ).map {
      ACPITables.SerialPort(port: $0, irq: UInt8($1))
    }
    return ACPITables(configuration, at: address)
  }

  private var pciDescription: ACPITables.PCI {
    ACPITables.PCI(
      configurationSpace: MemoryMap.pciExpress, window: MemoryMap.pciWindow,
      highWindow: MemoryMap.pciHighWindow, pins: PortMap.pciPins.map { UInt8($0) },
      isaInterrupts: PCIRootComplex.isaInterrupts, slots: pci.bus.interruptingSlots)
  }

  /// Everything back to the state that firmware leaves.
  func reset() {
    for localAPIC in localAPICs { localAPIC.reset() }
    ioAPIC.reset()
    pics.reset()
    pit.reset()
    systemControlB.reset()
    rtc.reset()
    hpet.reset()
    for uart in uarts { uart.reset() }
    keyboard.reset()
    systemControlA.state = SystemControlPortA.State()
    powerManagement.reset()
    smiCommand.state = SMICommandPort.State()
    resetControl.state = ResetControl.State()
    virtio.reset()
    personal.reset()
    pci.reset()
    localAPICs[0].enterVirtualWireMode()
  }

  /// The devices that remember anything, in a fixed order.
  package var stateful: [any StatefulDevice] {
    localAPICs as [any StatefulDevice]
      + [
        ioAPIC, pics, pit, systemControlB, rtc, hpet, keyboard, systemControlA,
        powerManagement, smiCommand, resetControl,
      ] + uarts + junctions + picInputs + legacySelectors + pci.stateful
      + virtio.stateful + personal.stateful + overlays
  }
}
