/// `hvm_start_info`, version 1, and the lists it points to: what a kernel learns at its entry.
///
/// Xen public headers, `arch-x86/hvm/start_info.h`.
enum StartRecord {
  /// XEN_HVM_START_MAGIC_VALUE.
  static let magic: UInt32 = 0x336E_C578
  /// Bytes of the record itself.
  static let size: UInt64 = 56
  /// Bytes of one entry of the list of modules.
  static let moduleSize: UInt64 = 32
  /// Bytes of one entry of the memory map.
  static let memoryMapEntrySize: UInt64 = 24

  /// What the record points to, by physical address.
  struct Content {
    var modules: [(address: UInt64, size: UInt64, name: UInt64)] = []
    var commandLine: UInt64 = 0
    var rsdp: UInt64 = 0
    var memoryMap: [MemoryRange] = []
  }

  /// The bytes from `BootLayout.startRecord` on: the record, then the memory map.
  static func recordAndMemoryMap(_ content: Content) -> [UInt8] {
    var bytes = ByteWriter()
    bytes.append(magic)
    bytes.append(1 as UInt32)
    bytes.append(0 as UInt32)
    bytes.append(UInt32(content.modules.count))
    bytes.append(content.modules.isEmpty ? 0 : BootLayout.moduleList)
    bytes.append(content.commandLine)
    bytes.append(content.rsdp)
    bytes.append(BootLayout.startRecord + size)
    bytes.append(UInt32(content.memoryMap.count))
    bytes.append(0 as UInt32)
    for range in content.memoryMap {
      bytes.append(range.start)
      bytes.append(range.size)
      bytes.append(range.kind.rawValue)
      bytes.append(0 as UInt32)
    }
    return bytes.bytes
  }

  /// The bytes from `BootLayout.moduleList` on.
  static func moduleList(_ content: Content) -> [UInt8] {
    var bytes = ByteWriter()
    for module in content.modules {
      bytes.append(module.address)
      bytes.append(module.size)
      bytes.append(module.name)
      bytes.append(0 as UInt64)
    }
    return bytes.bytes
  }
}

/// A range of physical addresses and what a kernel may do with it.
public struct MemoryRange: Equatable, Sendable {
  /// The types of the memory map, as E820 numbers them.
  public enum Kind: UInt32, Sendable {
    /// RAM that the kernel may use.
    case usable = 1
    /// Not RAM, or not the kernel's.
    case reserved = 2
    /// ACPI tables; usable once they were read.
    case acpi = 3
  }

  /// The first address.
  public let start: UInt64
  /// The number of bytes.
  public let size: UInt64
  /// What it is.
  public let kind: Kind

  /// Behind the last address.
  public var end: UInt64 { start + size }

  /// A range of `size` bytes.
  public init(start: UInt64, size: UInt64, kind: Kind) {
    self.start = start
    self.size = size
    self.kind = kind
  }
}

/// Bytes of a little-endian structure, in the order they are appended.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func append<Number: FixedWidthInteger>(_ number: Number) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func append(_ text: String, width: Int) {
    let utf8 = Array(text.utf8.prefix(width))
    bytes += utf8 + [UInt8](repeating: 0, count: width - utf8.count)
  }

  mutating func append(contentsOf other: [UInt8]) { bytes += other }
}
