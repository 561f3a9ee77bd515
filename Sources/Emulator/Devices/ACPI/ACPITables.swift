/// Builds the ACPI tables of a machine: what an operating system is told about its hardware.
///
/// ACPI specification 6.5, "ACPI Software Programming Model". The FADT has the shape of ACPI 5.0
/// (revision 5), which everything since understands.
public struct ACPITables: Sendable {
  /// Where everything is; the machine's memory map in the tables' terms.
  public struct Configuration: Sendable {
    /// The APIC IDs of the processors, the bootstrap processor first.
    public var processorIDs: [UInt32]
    /// The page of the local APICs.
    public var localAPICAddress: UInt32 = 0xFEE0_0000
    /// The I/O APIC's ID.
    public var ioAPICID: UInt8 = 0
    /// The I/O APIC's registers.
    public var ioAPICAddress: UInt32 = 0xFEC0_0000
    /// The HPET's registers.
    public var hpetAddress: UInt32 = 0xFED0_0000
    /// The first port of the PowerManagement block.
    public var powerManagementPort: UInt16 = 0x600
    /// The SMI command port.
    public var smiCommandPort: UInt16 = 0xB2
    /// The reset control register.
    public var resetPort: UInt16 = 0xCF9
    /// The IRQ of the SCI, active high and level-triggered.
    public var sciInterrupt: UInt8 = 9
    /// SLP_TYP of S5.
    public var softOffType: UInt8 = 5
    /// Whether a VGA answers at its usual place.
    public var hasVGA = false
    /// The serial ports: first port and IRQ.
    public var serialPorts: [SerialPort] = []
    /// PCI, if there is any.
    public var pci: PCI?
    /// Virtio devices outside of PCI.
    public var virtioDevices: [VirtIODevice] = []

    /// A machine with these processors and everything at its usual place.
    public init(processorIDs: [UInt32]) {
      self.processorIDs = processorIDs
    }
  }

  /// One 16550A as the DSDT shows it.
  public struct SerialPort: Sendable {
    /// The first of eight ports.
    public var port: UInt16
    /// The ISA interrupt.
    public var irq: UInt8

    /// A serial port at `port`.
    public init(port: UInt16, irq: UInt8) {
      self.port = port
      self.irq = irq
    }
  }

  /// The tables, to be copied to the address they were built for.
  public let bytes: [UInt8]
  /// Where they belong.
  public let address: UInt64
  /// The address of the RSDP, the first of the bytes.
  public var rsdpAddress: UInt64 { address }
  /// The address of each table by its signature.
  public let tableAddresses: [String: UInt64]

  /// Builds all tables for `address`, a multiple of 64 below 4 GiB.
  public init(_ configuration: Configuration, at address: UInt64) {
    var image = ACPIImage(address: address & 0xFFFF_FFC0)
    // Room for the RSDP, which must know where the others are.
    image.append([UInt8](repeating: 0, count: 36), signature: "RSD PTR ")
    let facs = image.append(Self.facs(), signature: "FACS")
    let dsdt = image.append(configuration.dsdt(), signature: "DSDT")
    var tables = [
      image.append(configuration.fadt(facs: facs, dsdt: dsdt), signature: "FACP"),
      image.append(configuration.madt(), signature: "APIC"),
      image.append(configuration.hpet(), signature: "HPET"),
    ]
    if let pci = configuration.pci { tables.append(image.append(pci.mcfg(), signature: "MCFG")) }
    let rsdt = image.append(
      Self.table("RSDT", revision: 1, tables.flatMap { $0.littleEndianBytes(4) }),
      signature: "RSDT")
    let xsdt = image.append(
      Self.table("XSDT", revision: 1, tables.flatMap { $0.littleEndianBytes(8) }),
      signature: "XSDT")
    image.bytes.replaceSubrange(0..<36, with: Self.rsdp(rsdt: rsdt, xsdt: xsdt))
    bytes = image.bytes
    self.address = image.address
    tableAddresses = image.addresses
  }

  // MARK: Tables with a shape of their own

  private static let oem: [UInt8] = Array("SWIFT ".utf8)

  private static func rsdp(rsdt: UInt64, xsdt: UInt64) -> [UInt8] {
    var bytes = Array("RSD PTR ".utf8) + [0] + oem + [2] + rsdt.littleEndianBytes(4)
    bytes[8] = checksum(bytes)
    bytes += UInt64(36).littleEndianBytes(4) + xsdt.littleEndianBytes(8) + [0, 0, 0, 0]
    bytes[32] = checksum(bytes)
    return bytes
  }

  private static func facs() -> [UInt8] {
    var bytes = Array("FACS".utf8) + UInt64(64).littleEndianBytes(4)
    bytes += [UInt8](repeating: 0, count: 56)
    bytes[32] = 2
    return bytes
  }

  /// A system description table: the common header with its checksum, then `body`.
  static func table(_ signature: String, revision: UInt8, _ body: [UInt8]) -> [UInt8] {
    var bytes = Array(signature.utf8) + UInt64(36 + body.count).littleEndianBytes(4)
    bytes += [revision, 0] + oem + Array("EMULATOR".utf8) + UInt64(1).littleEndianBytes(4)
    bytes += Array("EMU ".utf8) + UInt64(1).littleEndianBytes(4) + body
    bytes[9] = checksum(bytes)
    return bytes
  }

  /// The byte that makes the sum of `bytes` zero.
  private static func checksum(_ bytes: [UInt8]) -> UInt8 {
    0 &- bytes.reduce(0, &+)
  }
}

/// Tables laid out one after another.
private struct ACPIImage {
  let address: UInt64
  var bytes: [UInt8] = []
  var addresses: [String: UInt64] = [:]

  /// Appends a table at a multiple of 64, which is what the FACS needs, and gives its address.
  @discardableResult
  mutating func append(_ table: [UInt8], signature: String) -> UInt64 {
    bytes += [UInt8](repeating: 0, count: (64 - bytes.count % 64) % 64)
    let place = address + UInt64(bytes.count)
    bytes += table
    addresses[signature] = place
    return place
  }
}
