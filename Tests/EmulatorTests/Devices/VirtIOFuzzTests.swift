import Emulator
import Testing

/// Drivers gone wild: random registers, random rings in random memory.
@Suite struct VirtIOFuzzTests {
  /// Every virtio device on both transports, a bus, and memory.
  private final class World {
    let guest: GuestMemory
    let bus: PCIBus
    let ports: PCIConfigurationPorts
    let express: PCIExpressConfiguration
    let bridge: HostBridge
    let isa: LPCBridge
    let disks = (0..<2).map { _ in DiskOverlay(over: MemoryDisk(sectors: 256)) }
    let consoles = (0..<2).map { _ in VirtIOConsole { _ in } }
    let networks = (0..<2).map { _ in VirtIONetwork(address: [2, 0, 0, 0, 0, 1]) { _ in } }
    let entropies = (0..<2).map { VirtIOEntropy(seed: UInt64($0)) }
    private(set) var devices: [VirtIODevice] = []
    private(set) var transports: [(device: any BusDevice, size: UInt64, isPCI: Bool)] = []
    private(set) var functions: [VirtIOPCI] = []
    private(set) var registers: [VirtIOMMIO] = []
    let apics = APICBus()
    let apic: LocalAPIC

    init() throws {
      guest = try #require(GuestMemory(size: 1 << 18))
      apic = LocalAPIC(id: 0, isBootstrap: true, clock: guest.clock, bus: apics)
      let ioAPIC = IOAPIC(id: 1, bus: apics)
      let apics = apics
      bus = PCIBus(
        wires: (0..<4).map { InterruptLine(to: ioAPIC, pin: 16 + $0) },
        send: { _ = apics.send(address: $0, data: $1) })
      ports = PCIConfigurationPorts(bus: bus)
      express = PCIExpressConfiguration(bus: bus)
      bridge = HostBridge(express: express)
      isa = LPCBridge(
        powerManagementPort: 0x600,
        interrupts: (0..<16).map { InterruptLine(to: ioAPIC, pin: $0) })
      bus.attach(bridge.function, slot: 0)
      bus.attach(isa.function, slot: 31)
      for index in 0..<2 {
        let isPCI = index == 0
        add(VirtIOBlock(disks[index], isReadOnly: false, name: "fuzz"), isPCI, ioAPIC)
        add(consoles[index], isPCI, ioAPIC)
        add(networks[index], isPCI, ioAPIC)
        add(entropies[index], isPCI, ioAPIC)
      }
    }

    private func add(_ model: some VirtIOModel, _ isPCI: Bool, _ ioAPIC: IOAPIC) {
      let device = VirtIODevice(model, dma: DMA(guest.memory), clock: guest.clock)
      devices.append(device)
      if isPCI {
        let function = VirtIOPCI(device)
        bus.attach(function.function)
        functions.append(function)
        transports.append((function, 0x4000, true))
      } else {
        let transport = VirtIOMMIO(device, line: InterruptLine(to: ioAPIC, pin: 20))
        registers.append(transport)
        transports.append((transport, 0x200, false))
      }
    }

    func digest() throws -> [UInt64] {
      let encoder = StateEncoder()
      var digests = try devices.map { try encoder.digest($0.state) }
      digests += try functions.map { try encoder.digest($0.function.state) }
      digests += try disks.map { try encoder.digest($0.state) }
      digests += try consoles.map { try encoder.digest($0.state) }
      digests += try networks.map { try encoder.digest($0.state) }
      digests += try entropies.map { try encoder.digest($0.state) }
      digests += [
        try encoder.digest(bridge.function.state), try encoder.digest(isa.function.state),
        try encoder.digest(isa.state), try encoder.digest(bus.state),
        try encoder.digest(ports.state), try encoder.digest(apic.state),
      ]
      return digests
    }

    func restore(_ other: World) {
      guest.clock.now = other.guest.clock.now
      guest.write(0, other.guest.read(0, 1 << 18))
      for (own, theirs) in zip(functions, other.functions) {
        own.function.state = theirs.function.state
      }
      for (own, theirs) in zip(devices, other.devices) { own.state = theirs.state }
      for (own, theirs) in zip(disks, other.disks) { own.state = theirs.state }
      for (own, theirs) in zip(consoles, other.consoles) { own.state = theirs.state }
      for (own, theirs) in zip(networks, other.networks) { own.state = theirs.state }
      for (own, theirs) in zip(entropies, other.entropies) { own.state = theirs.state }
      for (own, theirs) in zip(registers, other.registers) { own.state = theirs.state }
      bridge.function.state = other.bridge.function.state
      isa.function.state = other.isa.function.state
      isa.state = other.isa.state
      bus.state = other.bus.state
      ports.state = other.ports.state
      apic.state = other.apic.state
    }

    // MARK: What a driver may do

    private func random(_ range: Range<UInt64>, _ generator: inout SeededGenerator) -> UInt64 {
      UInt64.random(in: range, using: &generator)
    }

    /// A number of the sort that breaks things.
    private func value(_ generator: inout SeededGenerator) -> UInt64 {
      let number = random(0..<UInt64.max, &generator)
      switch random(0..<5, &generator) {
      case 0: return number & 0xF
      case 1: return number & 0x3_FFF0
      case 2: return 1 << (number & 63)
      case 3: return .max
      default: return number
      }
    }

    private func size(_ generator: inout SeededGenerator) -> AccessSize {
      [.byte, .word, .doubleword, .quadword][Int(random(0..<4, &generator))]
    }

    private func access(
      _ device: any BusDevice, _ offset: UInt64, _ generator: inout SeededGenerator
    ) -> UInt64 {
      let size = size(&generator)
      guard random(0..<2, &generator) == 0 else { return device.read(offset: offset, size: size) }
      device.write(offset: offset, size: size, value: value(&generator) & size.mask)
      return 0
    }

    /// A driver that keeps the order of initialisation, with rings wherever they fall.
    private func bringUp(_ index: Int, _ generator: inout SeededGenerator) {
      let target = transports[index]
      let driver = VirtIODriver(target.device, isPCI: target.isPCI, guest: guest)
      driver.start(
        features: 1 << 32 | random(0..<4, &generator) << 28,
        queues: random(1..<4, &generator))
      if target.isPCI {
        functions[index].function.write(4, size: .word, value: random(0..<8, &generator))
      }
    }

    /// Fills a ring with descriptors, some of them sensible.
    private func scribble(_ generator: inout SeededGenerator) {
      let base = 0x1000 + random(0..<3, &generator) * 0x1000
      for index in 0..<8 as Range<UInt64> {
        let isSane = random(0..<4, &generator) > 0
        guest.write(
          base + index * 16, isSane ? random(0..<0x3_0000, &generator) : value(&generator), 8)
        guest.write(
          base + index * 16 + 8, isSane ? random(0..<2048, &generator) : value(&generator), 4)
        guest.write(base + index * 16 + 12, random(0..<8, &generator), 2)
        guest.write(base + index * 16 + 14, random(0..<9, &generator), 2)
        guest.write(base + 0x404 + index * 2, random(0..<9, &generator), 2)
      }
      let ahead = random(0..<4, &generator) == 0 ? value(&generator) : random(0..<6, &generator)
      guest.write(base + 0x402, guest.number(base + 0x402, 2) &+ ahead & 0xFFFF, 2)
    }

    func step(_ generator: inout SeededGenerator) -> UInt64 {
      let index = Int(random(0..<UInt64(transports.count), &generator))
      switch random(0..<10, &generator) {
      case 0: bringUp(index, &generator)
      case 1, 2: scribble(&generator)
      case 3:
        let driver = VirtIODriver(
          transports[index].device, isPCI: transports[index].isPCI, guest: guest)
        driver.notify(random(0..<4, &generator))
      case 4:
        consoles[index & 1].receive([1, 2, 3])
        networks[index & 1].receive([UInt8](repeating: 7, count: 60))
      case 5: return access(ports, random(0..<8, &generator), &generator)
      case 6:
        let slot = random(0..<33, &generator)
        return access(express, slot << 15 | random(0..<0x140, &generator), &generator)
      case 7:
        guard let table = functions[index % functions.count].function.messages else { return 0 }
        return access(table, random(0..<0x1000, &generator) & ~3, &generator)
      case 8:
        guest.clock.now &+= random(0..<5000, &generator)
        guest.clock.runDueEvents()
      default:
        let target = transports[index]
        let offset = random(0..<target.size, &generator)
        let isNear = random(0..<4, &generator) > 0
        return access(target.device, isNear ? offset & 0x307F : offset, &generator)
      }
      return 0
    }
  }

  @Test(arguments: 1...24 as ClosedRange<UInt64>)
  func noDriverTrapsOrHangsADevice(seed: UInt64) throws {
    let world = try World()
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<20_000 { _ = world.step(&generator) }
    #expect(world.guest.clock.now > 0)
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func aRestoredWorldBehavesTheSame(seed: UInt64) throws {
    let first = try World()
    var generator = SeededGenerator(seed: seed &+ 1000)
    for _ in 0..<3000 { _ = first.step(&generator) }
    first.guest.clock.runDueEvents()
    let second = try World()
    second.restore(first)
    #expect(try second.digest() == first.digest())
    let fork = generator
    var seen: [[UInt64]] = []
    for world in [first, second] {
      generator = fork
      seen.append((0..<3000).map { _ in world.step(&generator) })
    }
    #expect(seen[0] == seen[1])
    #expect(try second.digest() == first.digest())
    #expect(second.guest.read(0, 1 << 18) == first.guest.read(0, 1 << 18))
  }
}
