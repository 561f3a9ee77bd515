/// The devices that firmware and its time expect of a PC: display adapter, IDE, firmware
/// configuration, the firmware's log.
final class PersonalComputerDevices {
  /// Identifiers of QEMU's standard VGA.
  private enum Identifier {
    static let vendor: UInt16 = 0x1234
    static let display: UInt16 = 0x1111
    static let displayClass: UInt32 = 0x03_0000
  }

  /// The display adapter.
  let display: VGA?
  /// What the machine tells its firmware.
  let firmware: FirmwareConfiguration?
  private let log: DebugConsole?
  private let ide: IDEController?
  private let legacyDMA: DMAController8237?

  init(
    configuration: MachineConfiguration, disks: [any BlockBackend], memory: PhysicalMemory,
    clock: VirtualClock, pci: PCIRootComplex, interrupts: [InterruptLine],
    kernel: LinuxParts?, log: @escaping (UInt8) -> Void
  ) {
    display = configuration.display.map { adapter in
      let vga = VGA(clock: clock)
      pci.bus.attach(Self.function(of: vga, rom: adapter.rom))
      return vga
    }
    if configuration.firmware != nil {
      firmware = FirmwareConfiguration(
        items: FirmwareItems.numbered(configuration, kernel: kernel), dma: DMA(memory),
        clock: clock)
      self.log = DebugConsole(transmit: log)
      legacyDMA = DMAController8237()
    } else {
      legacyDMA = nil
      firmware = nil
      self.log = nil
    }
    let drives = zip(configuration.disks, disks).filter { $0.0.bus == .ide }.map {
      IDEController.Drive(
        $0.1, isOptical: $0.0.isOptical, isReadOnly: $0.0.access == .readOnly)
    }
    ide =
      drives.isEmpty
      ? nil
      : IDEController(
        drives: drives, lines: PortMap.ideIRQ.map { interrupts[$0] }, dma: DMA(memory),
        clock: clock)
    if let ide { pci.bus.attach(ide.function) }
  }

  private static func function(of vga: VGA, rom: OptionROM?) -> PCIFunction {
    let identity = PCIFunction.Identity(
      vendor: Identifier.vendor, device: Identifier.display, classCode: Identifier.displayClass)
    var regions = [
      PCIRegion(
        0, .memory32, size: UInt64(VGA.defaultMemorySize), device: vga.linearMemory),
      PCIRegion(2, .memory32, size: 0x1000, device: vga.mappedRegisters),
    ]
    if let rom {
      regions.append(
        PCIRegion(
          0, .rom, size: UInt64(rom.bytes.count), device: OptionROMWindow(rom.bytes)))
    }
    return PCIFunction(identity, regions: regions)
  }

  /// Puts everything with a fixed place on the machine's bus.
  func attach(to bus: SystemBus) {
    if let display {
      bus.attach(display.ports, port: PortMap.vga, count: 0x30)
      bus.attach(display.frameBufferPorts, port: PortMap.frameBuffer, count: 4)
      bus.attach(
        display.window, address: MemoryMap.legacyVideo,
        size: MemoryMap.optionROMs - MemoryMap.legacyVideo)
    }
    if let firmware { bus.attach(firmware, port: PortMap.firmwareConfiguration, count: 12) }
    if let ide {
      for (channel, port) in PortMap.ide.enumerated() {
        bus.attach(ide.commandBlock(channel), port: port.command, count: 8)
        bus.attach(ide.controlBlock(channel), port: port.control, count: 1)
      }
    }
    if let legacyDMA {
      bus.attach(legacyDMA.ports(of: 0, spacing: 1), port: PortMap.legacyDMA, count: 16)
      bus.attach(legacyDMA.ports(of: 1, spacing: 2), port: PortMap.wideLegacyDMA, count: 32)
      bus.attach(legacyDMA.pagePorts, port: PortMap.legacyDMAPages, count: 16)
    }
    if let log { bus.attach(log, port: PortMap.firmwareLog, count: 1) }
  }

  /// The power-on state.
  func reset() {
    display?.reset()
    firmware?.reset()
    ide?.reset()
    legacyDMA?.reset()
  }

  /// The devices that remember anything, in a fixed order.
  var stateful: [any StatefulDevice] {
    let devices: [(any StatefulDevice)?] = [display, firmware, legacyDMA]
    return devices.compactMap { $0 } + (ide?.stateful ?? [])
  }
}
