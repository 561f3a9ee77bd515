/// The virtio devices of a machine, on PCI or at addresses of their own.
final class VirtIODevices {
  /// What devices ask of the machine.
  struct Requests {
    var transmit: (UInt8) -> Void
    var transmitFrame: ([UInt8]) -> Void
  }

  private let configuration: MachineConfiguration
  private let clock: VirtualClock
  private let memory: PhysicalMemory
  private let pci: PCIRootComplex
  private let junctions: [InterruptJunction]

  private var devices: [VirtIODevice] = []
  private var models: [any VirtIOModel] = []
  private var functions: [VirtIOPCI] = []
  private var registers: [VirtIOMMIO] = []
  private var console: (model: VirtIOConsole, device: VirtIODevice)?
  private var network: (model: VirtIONetwork, device: VirtIODevice)?

  init(
    configuration: MachineConfiguration, disks: [any BlockBackend], memory: PhysicalMemory,
    clock: VirtualClock, pci: PCIRootComplex, ioAPIC: IOAPIC, requests: Requests
  ) {
    self.configuration = configuration
    self.clock = clock
    self.memory = memory
    self.pci = pci
    junctions = PortMap.virtioPins.map {
      InterruptJunction(output: InterruptLine(to: ioAPIC, pin: $0))
    }
    addDisks(disks)
    if let bus = configuration.entropy {
      add(VirtIOEntropy(seed: configuration.seed), bus)
    }
    if let bus = configuration.virtioConsole {
      let model = VirtIOConsole(transmit: requests.transmit)
      console = (model, add(model, bus))
    }
    if let interface = configuration.network {
      let model = VirtIONetwork(address: interface.address, transmit: requests.transmitFrame)
      network = (model, add(model, interface.bus))
    }
  }

  private func addDisks(_ disks: [any BlockBackend]) {
    for (index, (drive, disk)) in zip(configuration.disks, disks).enumerated() {
      guard let bus = drive.bus.virtio else { continue }
      let isReadOnly = drive.access == .readOnly
      add(VirtIOBlock(disk, isReadOnly: isReadOnly, name: "disk\(index)"), bus)
    }
  }

  @discardableResult
  private func add(_ model: some VirtIOModel, _ bus: VirtIOBus) -> VirtIODevice {
    let device = VirtIODevice(model, dma: DMA(memory), clock: clock)
    switch bus {
    case .pci:
      let function = VirtIOPCI(device)
      pci.bus.attach(function.function)
      functions.append(function)
    case .mmio:
      let index = registers.count
      let junction = junctions[index % junctions.count]
      registers.append(
        VirtIOMMIO(device, line: InterruptLine(to: junction, pin: index / junctions.count)))
    }
    devices.append(device)
    models.append(model)
    return device
  }

  /// Puts the devices outside of PCI on the machine's bus.
  func attach(to bus: SystemBus) {
    for (device, registers) in zip(acpiDevices, registers) {
      bus.attach(
        registers, address: UInt64(device.address), size: MemoryMap.devicePageSize)
    }
  }

  /// What the DSDT says of the devices outside of PCI.
  var acpiDevices: [ACPITables.VirtIODevice] {
    let pins = Array(PortMap.virtioPins)
    return registers.indices.map { index in
      let address = MemoryMap.virtioMMIO + UInt64(index) * MemoryMap.devicePageSize
      return ACPITables.VirtIODevice(
        address: UInt32(address), pin: UInt8(pins[index % pins.count]))
    }
  }

  // MARK: Input

  /// Gives the console bytes.
  func receive(_ bytes: [UInt8]) {
    guard let console else { return }
    console.model.receive(bytes)
    console.device.notify(0)
  }

  /// Gives the network device a frame.
  func receive(frame: [UInt8]) {
    guard let network else { return }
    network.model.receive(frame)
    network.device.notify(0)
  }

  // MARK: State

  func reset() {
    for device in devices { device.reset() }
    for registers in registers { registers.reset() }
  }

  /// The devices that remember anything; devices before the lines that follow from them.
  var stateful: [any StatefulDevice] {
    devices.map { $0 as any StatefulDevice } + models.map { $0 as any StatefulDevice }
      + registers.map { $0 as any StatefulDevice } + junctions.map { $0 as any StatefulDevice }
  }
}

extension DiskDrive.Bus {
  /// The kind of virtio bus, nil for another kind of disk.
  fileprivate var virtio: VirtIOBus? {
    switch self {
    case .virtioPCI: .pci
    case .virtioMMIO: .mmio
    case .ide: nil
    }
  }
}
