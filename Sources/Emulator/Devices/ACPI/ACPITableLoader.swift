/// Tables for firmware to place, and the commands by which it does.
///
/// QEMU's linker-loader format: commands of 128 bytes that name files, allocate them, add the
/// addresses of some to pointers in others, and put checksums right.
public struct ACPITableLoader: Sendable {
  /// The name of the file that holds the RSDP.
  public static let rsdpName = "etc/acpi/rsdp"
  /// The name of the file that holds the other tables.
  public static let tablesName = "etc/acpi/tables"
  /// The name of the file that holds the commands.
  public static let commandsName = "etc/table-loader"

  /// The RSDP, its pointers relative to the tables.
  public let rsdp: [UInt8]
  /// The tables, their pointers relative to their own start.
  public let tables: [UInt8]
  /// What to do with them.
  public private(set) var commands: [UInt8] = []

  private static let rsdpSize = 36
  private static let highZone: UInt8 = 1
  private static let firmwareZone: UInt8 = 2

  /// Takes tables that were built for address 0 apart.
  public init(_ built: ACPITables) {
    rsdp = Array(built.bytes.prefix(Self.rsdpSize))
    tables = built.bytes
    allocate(Self.rsdpName, alignment: 16, zone: Self.firmwareZone)
    allocate(Self.tablesName, alignment: 64, zone: Self.highZone)
    addPointer(in: Self.rsdpName, at: 16, size: 4)
    addPointer(in: Self.rsdpName, at: 24, size: 8)
    addChecksum(in: Self.rsdpName, at: 8, start: 0, length: 20)
    addChecksum(in: Self.rsdpName, at: 32, start: 0, length: 36)
    for (signature, address) in built.tableAddresses.sorted(by: { $0.key < $1.key }) {
      relocate(signature, at: Int(address))
    }
  }

  private mutating func relocate(_ signature: String, at start: Int) {
    guard start + 8 <= tables.count else { return }
    let length = tables[start + 4..<start + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
    switch signature {
    // FIRMWARE_CTRL, DSDT, X_DSDT.
    case "FACP": addPointers([(36, 4), (40, 4), (140, 8)], from: start)
    case "RSDT": addPointers(stride(from: 36, to: length, by: 4).map { ($0, 4) }, from: start)
    case "XSDT": addPointers(stride(from: 36, to: length, by: 8).map { ($0, 8) }, from: start)
    default: return
    }
    addChecksum(in: Self.tablesName, at: start + 9, start: start, length: length)
  }

  private mutating func addPointers(_ places: [(offset: Int, size: UInt8)], from start: Int) {
    for place in places {
      addPointer(in: Self.tablesName, at: start + place.offset, size: place.size)
    }
  }

  // MARK: Commands

  private mutating func allocate(_ name: String, alignment: Int, zone: UInt8) {
    add(1, Self.field(name) + Self.number(alignment) + [zone])
  }

  /// Adds the tables' address to a pointer.
  private mutating func addPointer(in name: String, at offset: Int, size: UInt8) {
    add(2, Self.field(name) + Self.field(Self.tablesName) + Self.number(offset) + [size])
  }

  private mutating func addChecksum(in name: String, at offset: Int, start: Int, length: Int) {
    add(3, Self.field(name) + Self.number(offset) + Self.number(start) + Self.number(length))
  }

  private mutating func add(_ command: Int, _ arguments: [UInt8]) {
    let bytes = Self.number(command) + arguments
    commands += bytes + [UInt8](repeating: 0, count: 128 - bytes.count)
  }

  private static func field(_ name: String) -> [UInt8] {
    let bytes = Array(name.utf8.prefix(55))
    return bytes + [UInt8](repeating: 0, count: 56 - bytes.count)
  }

  private static func number(_ value: Int) -> [UInt8] {
    UInt64(truncatingIfNeeded: value).littleEndianBytes(4)
  }
}
