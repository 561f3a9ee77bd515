import Emulator
import Testing

/// What a machine was made of goes with it: no part holds what holds it.
@Suite struct LifetimeTests {
  private static let changes:
    [(name: String, change: @Sendable (inout MachineConfiguration) -> Void)] = [
      ("nothing", { _ in }), ("display", { $0.display = DisplayAdapter(rom: nil) }),
      ("processors", { $0.processors = 2 }),
      ("IDE", { $0.disks = [DiskDrive(MemoryDisk(sectors: 8), bus: .ide)] }),
      ("virtio on PCI", { $0.disks = [DiskDrive(MemoryDisk(sectors: 8), bus: .virtioPCI)] }),
      ("virtio elsewhere", { $0.disks = [DiskDrive(MemoryDisk(sectors: 8), bus: .virtioMMIO)] }),
      ("entropy", { $0.entropy = .pci }), ("console", { $0.virtioConsole = .mmio }),
      ("network", { $0.network = NetworkInterface(bus: .pci) }),
    ]

  @Test(arguments: changes.indices) func aMachineIsFreedWithAllItsParts(index: Int) throws {
    let (name, change) = Self.changes[index]
    weak var machine: Machine?
    weak var memory: PhysicalMemory?
    weak var processor: Processor?
    do {
      var configuration = MachineConfiguration(memory: 4 << 20)
      let rom = [UInt8](repeating: 0xF4, count: 0xFFFF) + [0]
      configuration.firmware = try FirmwareImage(rom, name: "rom")
      change(&configuration)
      let own = try Machine(image: nil, configuration: configuration)
      _ = own.run(limit: 10)
      (machine, memory, processor) = (own, own.memory, own.processor)
    }
    #expect(machine == nil && memory == nil && processor == nil, "\(name)")
  }
}
