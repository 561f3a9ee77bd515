/// PCI in this machine: the bus, its two bridges, the ways to configuration space, and the place of
/// everything.
package final class PCIRootComplex {
  package let bus: PCIBus
  let hostBridge: HostBridge
  let lpcBridge: LPCBridge
  private let ports: PCIConfigurationPorts
  private let memory: PhysicalMemory

  /// The slot of the devices that are part of the chipset.
  static let chipsetSlot = 31
  /// The ISA interrupts of PIRQA to PIRQD, as SeaBIOS and the DSDT have them.
  static let isaInterrupts: [UInt8] = [10, 10, 11, 11]

  /// Makes the bus.
  ///
  /// - Parameters:
  ///   - memory: What the host bridge switches below 1 MiB.
  ///   - ioAPIC: What the interrupt wires reach at their pins.
  ///   - isaInterrupts: Inputs of the 8259s.
  ///   - send: Makes the write that is a message-signalled interrupt.
  init(
    memory: PhysicalMemory, ioAPIC: IOAPIC, isaInterrupts: [InterruptLine],
    send: @escaping (_ address: UInt64, _ data: UInt32) -> Void
  ) {
    let wires = (0..<PCIBus.wireCount).map {
      InterruptLine(to: ioAPIC, pin: PortMap.pciPins.lowerBound + $0)
    }
    self.memory = memory
    bus = PCIBus(wires: wires, send: send)
    ports = PCIConfigurationPorts(bus: bus)
    hostBridge = HostBridge(express: PCIExpressConfiguration(bus: bus))
    lpcBridge = LPCBridge(
      powerManagementPort: PortMap.powerManagement, interrupts: isaInterrupts)
    for (pin, wire) in wires.enumerated() { wire.connect(to: lpcBridge, pin: pin) }
    bus.attach(hostBridge.function, slot: 0)
    bus.attach(lpcBridge.function, slot: Self.chipsetSlot)
  }

  /// Puts configuration space and everything that moves on the machine's bus.
  func attach(to systemBus: SystemBus) {
    systemBus.attach(ports, port: PortMap.pciConfiguration, count: 8)
    systemBus.attach(source: { [unowned self] in hostBridge.placements + bus.placements })
    bus.regionsChanged = { [unowned self, unowned systemBus] in
      systemBus.rebuild()
      mapSegments()
    }
    mapSegments()
  }

  /// Makes the memory below 1 MiB what the host bridge says.
  private func mapSegments() {
    memory.map(MemoryMap.legacyVideo..<MemoryMap.optionROMs, as: .bus)
    for segment in hostBridge.segments {
      let start = MemoryMap.optionROMs + segment.offset
      memory.map(
        start..<start + segment.size,
        as: LegacyMapping(
          reads: segment.readsRAM ? .ram : .rom, writes: segment.writesRAM ? .ram : .bus))
    }
  }

  /// Everything back to power-on: nothing decodes but configuration space.
  func reset() {
    ports.state = PCIConfigurationPorts.State()
    for (_, function) in bus.attached { function.reset() }
  }

  /// The devices that remember anything; functions first, which the others look into.
  var stateful: [any StatefulDevice] {
    bus.attached.map { $0.function as any StatefulDevice } + [ports, bus, lpcBridge]
  }
}

// MARK: What firmware does

extension PCIRootComplex {
  /// Gives every function addresses, ports and an interrupt, as firmware would have.
  func assignResources(edgeLevel: EdgeLevelControl) {
    hostBridge.placeExpress(at: MemoryMap.pciExpress)
    lpcBridge.route(Self.isaInterrupts)
    for irq in Set(Self.isaInterrupts).sorted() {
      let offset = UInt64(irq >> 3)
      edgeLevel.writeByte(edgeLevel.readByte(at: offset) | 1 << (irq & 7), at: offset)
    }
    var nextAddress = MemoryMap.pciWindow.lowerBound
    var nextPort = UInt64(PortMap.pciWindow.lowerBound)
    for (slot, function) in bus.attached {
      for region in function.regions {
        let isPorts = region.kind == .ports
        let next = isPorts ? nextPort : nextAddress
        let start = (next + region.size - 1) & ~(region.size - 1)
        function.place(region, at: start)
        if isPorts { nextPort = start + region.size } else { nextAddress = start + region.size }
      }
      function.finishAssignment(interrupts: Self.isaInterrupts, slot: slot)
    }
  }
}

extension PCIFunction {
  fileprivate func place(_ region: PCIRegion, at start: UInt64) {
    // A ROM is given room and stays off.
    write(region.register, size: .doubleword, value: start & 0xFFFF_FFFF)
    if region.kind == .memory64 {
      write(region.register + 4, size: .doubleword, value: start >> 32)
    }
  }

  /// Switches decoding on, and writes down the interrupt that the pin reaches.
  fileprivate func finishAssignment(interrupts: [UInt8], slot: Int) {
    if !regions.isEmpty { write(Register.command, size: .word, value: 3) }
    guard let pin = interruptPin else { return }
    let wire = PCIBus.wire(slot: slot, pin: pin)
    write(Register.interruptLine, size: .byte, value: UInt64(interrupts[wire]))
  }
}
