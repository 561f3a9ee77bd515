/// `boot_params`, the page that Linux finds its setup header, the memory map and the rest in.
///
/// Linux kernel documentation, "Zero Page".
struct ZeroPage {
  private(set) var bytes = [UInt8](repeating: 0, count: 4096)

  private static let rsdp = 0x070
  private static let memoryMapCount = 0x1E8
  private static let header = 0x1F1
  /// What follows the header's place in the page.
  private static let headerLimit = 0x290
  private static let memoryMap = 0x2D0
  private static let memoryMapLimit = 128
  /// "Undefined": no number was assigned to this loader.
  static let loaderType: UInt64 = 0xFF

  /// A page with the setup header of `kernel`.
  init(_ kernel: LinuxKernel) {
    let end = 0x202 + Int(kernel.field(LinuxKernel.Field.headerEnd, 1))
    let range = Self.header..<min(end, Self.headerLimit, kernel.bytes.count)
    bytes.replaceSubrange(range, with: kernel.bytes[range])
    self[LinuxKernel.Field.loaderType, 1] = Self.loaderType
  }

  /// A little-endian number.
  subscript(offset: Int, size: Int) -> UInt64 {
    get { bytes[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    set {
      for index in 0..<size {
        bytes[offset + index] = UInt8(truncatingIfNeeded: newValue >> UInt64(index * 8))
      }
    }
  }

  /// Where the ACPI tables begin.
  mutating func setRSDP(_ address: UInt64) { self[Self.rsdp, 8] = address }

  /// The memory map, in the form of the BIOS's E820 function.
  mutating func setMemoryMap(_ ranges: [MemoryRange]) {
    let ranges = ranges.prefix(Self.memoryMapLimit)
    self[Self.memoryMapCount, 1] = UInt64(ranges.count)
    for (index, range) in ranges.enumerated() {
      let at = Self.memoryMap + index * 20
      self[at, 8] = range.start
      self[at + 8, 8] = range.size
      self[at + 16, 4] = UInt64(range.kind.rawValue)
    }
  }
}
