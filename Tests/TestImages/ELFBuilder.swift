/// Writes small ELF files, right ones and wrong ones, for tests.
public struct ELFBuilder {
  /// A program header and its bytes.
  public struct Segment {
    /// p_type.
    public var type: UInt32 = 1
    /// p_flags.
    public var flags: UInt32 = 7
    /// p_vaddr.
    public var virtualAddress: UInt64
    /// p_paddr.
    public var physicalAddress: UInt64
    /// The content.
    public var bytes: [UInt8]
    /// p_memsz, unless it is the size of the content.
    public var memorySize: UInt64?
    /// p_filesz, where it is to be wrong.
    public var claimedFileSize: UInt64?
    /// What the header says where the content lies, where that is to be wrong.
    public var claimedOffset: UInt64?

    /// A loadable segment.
    public init(at address: UInt64, physical: UInt64? = nil, _ bytes: [UInt8]) {
      virtualAddress = address
      physicalAddress = physical ?? address
      self.bytes = bytes
    }
  }

  /// Whether it is an ELF64.
  public var is64Bit = true
  /// e_type.
  public var type: UInt16 = 2
  /// e_machine.
  public var machine: UInt16 = 62
  /// e_entry.
  public var entry: UInt64
  /// The program headers and what they are for.
  public var segments: [Segment]
  /// The entry of a PVH note, nil for none.
  public var pvhEntry: UInt64?
  /// The bytes of the PVH note's address.
  public var pvhSize = 8
  /// Function symbols: name, address, size.
  public var symbols: [(name: String, address: UInt64, size: UInt64)] = []

  /// A file with one segment of code that is its entry.
  public init(code: [UInt8], at address: UInt64 = 0x10_0000, pvh: Bool = false) {
    entry = address
    segments = [Segment(at: address, code)]
    pvhEntry = pvh ? address : nil
  }

  private var addressSize: Int { is64Bit ? 8 : 4 }

  /// The file.
  public func build() -> [UInt8] {
    var segments = segments
    if let pvhEntry {
      var note = Self.number(4, 4) + Self.number(UInt64(pvhSize), 4) + Self.number(18, 4)
      note += Array("Xen\0".utf8) + Self.number(pvhEntry, pvhSize)
      note += [UInt8](repeating: 0, count: (4 - note.count % 4) % 4)
      var segment = Segment(at: 0, note)
      segment.type = 4
      segments.append(segment)
    }
    let headerSize = is64Bit ? 64 : 52
    let programSize = is64Bit ? 56 : 32
    var offset = headerSize + programSize * segments.count
    var programs: [UInt8] = []
    var content: [UInt8] = []
    for segment in segments {
      programs += programHeader(segment, offset: UInt64(offset))
      content += segment.bytes
      offset += segment.bytes.count
    }
    let (sections, sectionOffset) = sectionPart(from: offset)
    return header(programs: segments.count, sections: sectionOffset) + programs + content + sections
  }

  private func header(programs: Int, sections: UInt64) -> [UInt8] {
    var bytes: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, is64Bit ? 2 : 1, 1, 1, 0]
    bytes += [UInt8](repeating: 0, count: 8)
    bytes += Self.number(UInt64(type), 2) + Self.number(UInt64(machine), 2) + Self.number(1, 4)
    bytes += Self.number(entry, addressSize)
    bytes += Self.number(UInt64(is64Bit ? 64 : 52), addressSize)
    bytes += Self.number(sections, addressSize)
    bytes += Self.number(0, 4)
    let count = sections == 0 ? 0 : 4
    let sizes = [
      is64Bit ? 64 : 52, is64Bit ? 56 : 32, programs, is64Bit ? 64 : 40, count, max(0, count - 1),
    ]
    return bytes + sizes.flatMap { Self.number(UInt64($0), 2) }
  }

  private func programHeader(_ segment: Segment, offset: UInt64) -> [UInt8] {
    let size = addressSize
    let fileSize = segment.claimedFileSize ?? UInt64(segment.bytes.count)
    let flags = Self.number(UInt64(segment.flags), 4)
    var bytes = Self.number(UInt64(segment.type), 4) + (is64Bit ? flags : [])
    bytes += Self.number(segment.claimedOffset ?? offset, size)
    bytes += Self.number(segment.virtualAddress, size)
    bytes += Self.number(segment.physicalAddress, size)
    bytes += Self.number(fileSize, size)
    bytes += Self.number(segment.memorySize ?? fileSize, size)
    bytes += (is64Bit ? [] : flags) + Self.number(4, size)
    return bytes
  }

  /// Symbol table, names, section names and section headers; 64-bit only.
  private func sectionPart(from start: Int) -> ([UInt8], UInt64) {
    guard !symbols.isEmpty, is64Bit else { return ([], 0) }
    var names: [UInt8] = [0]
    var table = [UInt8](repeating: 0, count: 24)
    for symbol in symbols {
      table += Self.number(UInt64(names.count), 4) + [0x12, 0] + Self.number(1, 2)
      table += Self.number(symbol.address, 8) + Self.number(symbol.size, 8)
      names += Array(symbol.name.utf8) + [0]
    }
    let sectionNames = Array("\0.symtab\0.strtab\0.shstrtab\0".utf8)
    let namesAt = start + table.count
    let sectionNamesAt = namesAt + names.count
    func section(
      _ name: UInt64, _ type: UInt64, _ at: Int, _ size: Int, link: UInt64 = 0, entry: UInt64 = 0
    ) -> [UInt8] {
      Self.number(name, 4) + Self.number(type, 4) + Self.number(0, 16) + Self.number(UInt64(at), 8)
        + Self.number(UInt64(size), 8) + Self.number(link, 4) + Self.number(1, 4)
        + Self.number(1, 8) + Self.number(entry, 8)
    }
    let headers =
      [UInt8](repeating: 0, count: 64) + section(1, 2, start, table.count, link: 2, entry: 24)
      + section(9, 3, namesAt, names.count) + section(17, 3, sectionNamesAt, sectionNames.count)
    let before = table + names + sectionNames
    return (before + headers, UInt64(start + before.count))
  }

  static func number(_ value: UInt64, _ size: Int) -> [UInt8] {
    (0..<size).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) : 0 }
  }
}
