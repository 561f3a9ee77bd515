import CDw
import Emulator

/// The debugging sections of an ELF file, read by libdw.
///
/// Everything is read when somebody asks for it first, compilation unit by compilation unit.
public final class DebugFile {
  /// A compilation unit and where its code lies.
  struct Unit {
    var entry: Dwarf_Die
    /// Its line table, nil until somebody asked for it.
    var rows: LineTable?
  }

  /// The file's name, for messages.
  public let name: String
  /// Whether addresses have 64 bits.
  public let is64Bit: Bool
  /// Where the image is now, if it has moved.
  var slide: ImageSlide?

  private let content: UnsafeMutableRawBufferPointer
  private let elf: OpaquePointer
  private let dwarf: OpaquePointer
  /// `.debug_frame`, which belongs to `dwarf`, then `.eh_frame`.
  let frameTables: [OpaquePointer]
  private let ownedTable: OpaquePointer?
  var units: [Unit] = []
  /// The units' code in ascending order.
  private var ranges: [(range: Range<UInt64>, unit: Int)] = []

  /// Reads the sections of `image`; nil if there are none.
  public init?(_ image: ELFImage) {
    _ = elf_version(UInt32(EV_CURRENT))
    let content = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(image.bytes.count, 1), alignment: 16)
    content.copyBytes(from: image.bytes)
    guard
      let elf = elf_memory(
        content.baseAddress?.assumingMemoryBound(to: CChar.self), image.bytes.count)
    else {
      content.deallocate()
      return nil
    }
    guard let dwarf = dwarf_begin_elf(elf, DWARF_C_READ, nil) else {
      elf_end(elf)
      content.deallocate()
      return nil
    }
    name = image.name
    is64Bit = image.width == .bits64
    self.content = content
    self.elf = elf
    self.dwarf = dwarf
    ownedTable = dwarf_getcfi_elf(elf)
    frameTables = [dwarf_getcfi(dwarf), ownedTable].compactMap { $0 }
    readUnits()
    if units.isEmpty, frameTables.isEmpty { return nil }
  }

  deinit {
    if let ownedTable { dwarf_cfi_end(ownedTable) }
    dwarf_end(dwarf)
    elf_end(elf)
    content.deallocate()
  }

  /// Whether source lines can be found.
  public var hasLines: Bool { !units.isEmpty }

  private func readUnits() {
    var unit: OpaquePointer?
    while true {
      var entry = Dwarf_Die()
      var next: OpaquePointer?
      guard dwarf_get_units(dwarf, unit, &next, nil, nil, &entry, nil) == 0 else { break }
      unit = next
      guard Int(dwarf_tag(&entry)) == DW_TAG_compile_unit else { continue }
      for range in Self.ranges(of: &entry) { ranges.append((range, units.count)) }
      units.append(Unit(entry: entry))
    }
    ranges.sort { $0.range.lowerBound < $1.range.lowerBound }
  }

  private static func ranges(of entry: inout Dwarf_Die) -> [Range<UInt64>] {
    var result: [Range<UInt64>] = []
    var base: Dwarf_Addr = 0
    var start: Dwarf_Addr = 0
    var end: Dwarf_Addr = 0
    var offset = 0
    while true {
      offset = dwarf_ranges(&entry, offset, &base, &start, &end)
      guard offset > 0 else { return result }
      // A linker leaves code that it dropped at zero.
      if start != 0, start < end { result.append(start..<end) }
    }
  }

  /// The index of the unit that an address belongs to.
  func unit(at address: UInt64) -> Int? {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].range.lowerBound <= address { low = middle + 1 } else { high = middle }
    }
    // Ranges of units may overlap; few do.
    for index in stride(from: low - 1, through: max(0, low - 8), by: -1) where index >= 0 {
      if ranges[index].range.contains(address) { return ranges[index].unit }
    }
    return nil
  }
}
