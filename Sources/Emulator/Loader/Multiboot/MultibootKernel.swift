/// A kernel with a Multiboot header: what to load, and where to enter it.
public struct MultibootKernel: Sendable {
  /// A part of the file that is loaded to one place.
  struct Piece: Equatable, Sendable {
    let file: Range<Int>
    let address: UInt64
    /// Bytes in memory; what the file does not fill is zero.
    let size: UInt64

    /// Behind the last address.
    var end: UInt64 { address + size }
  }

  /// The header's own part.
  enum Header: Sendable {
    case one(Multiboot1Header)
    case two(Multiboot2Header)
  }

  /// The file's name, for messages.
  let name: String
  /// The file.
  let bytes: [UInt8]
  /// The file as ELF, nil if it is loaded by the header's addresses alone.
  public let elf: ELFImage?
  /// The header that was found.
  let header: Header
  /// What is loaded, in ascending order of address.
  let pieces: [Piece]
  /// The physical address at which the kernel is entered, before it is moved.
  let entry: UInt64

  /// The version of the protocol: 1 or 2.
  public var version: Int {
    if case .one = header { 1 } else { 2 }
  }

  /// Where the image may be moved.
  var relocation: Multiboot2Header.Relocation? {
    if case .two(let header) = header { header.relocation } else { nil }
  }

  /// Recognises a Multiboot 1 kernel; nil if the file has no such header.
  init?(multiboot1 bytes: [UInt8], name: String) throws(ImageError) {
    guard let header = Multiboot1Header(bytes) else { return nil }
    try header.checkRequirements(name: name)
    try self.init(
      bytes, name: name, header: .one(header), offset: header.offset,
      addresses: header.addresses, entry: header.entry)
  }

  /// Recognises a Multiboot 2 kernel; nil if the file has no such header.
  init?(multiboot2 bytes: [UInt8], name: String) throws(ImageError) {
    guard let header = try Multiboot2Header(bytes, name: name) else { return nil }
    if header.addresses != nil, header.entry == nil {
      throw ImageError(
        name, "its Multiboot 2 header has an address tag, but no entry address tag beside it")
    }
    try self.init(
      bytes, name: name, header: .two(header), offset: header.offset,
      addresses: header.addresses, entry: header.entry)
  }

  private init(
    _ bytes: [UInt8], name: String, header: Header, offset: Int, addresses: MultibootAddresses?,
    entry: UInt32?
  ) throws(ImageError) {
    self.name = name
    self.bytes = bytes
    self.header = header
    let isELF = FileSignature.matches(bytes, FileSignature.elf, at: 0)
    if let addresses {
      elf = isELF ? try? ELFImage(bytes, name: name) : nil
      pieces = [try addresses.piece(headerOffset: offset, fileSize: bytes.count, name: name)]
      self.entry = UInt64(entry ?? 0)
    } else {
      guard isELF else {
        throw ImageError(
          name,
          "its Multiboot header gives no addresses to load it at, and it is no ELF file but "
            + FileSignature.name(of: bytes))
      }
      let elf = try ELFImage(bytes, name: name)
      self.elf = elf
      pieces = try Self.pieces(of: elf)
      self.entry = entry.map { UInt64($0) } ?? Self.physicalEntry(of: elf)
    }
    try checkEntry()
  }

  private static func pieces(of elf: ELFImage) throws(ImageError) -> [Piece] {
    try elf.checkIsKernel()
    try elf.checkSegments()
    return elf.loadable.map { _, segment in
      let start = Int(segment.offset)
      return Piece(
        file: start..<start + Int(segment.fileSize), address: segment.physicalAddress,
        size: segment.memorySize)
    }.sorted { $0.address < $1.address }
  }

  /// e_entry, which is a virtual address where a segment has it as one.
  private static func physicalEntry(of elf: ELFImage) -> UInt64 {
    for segment in elf.segments where segment.isLoadable {
      let distance = elf.entry &- segment.virtualAddress
      if elf.entry >= segment.virtualAddress, distance < segment.memorySize {
        return segment.physicalAddress &+ distance
      }
    }
    return elf.entry
  }

  private func checkEntry() throws(ImageError) {
    guard pieces.contains(where: { entry >= $0.address && entry - $0.address < $0.size }) else {
      throw ImageError(name, "its entry point \(entry.hex) lies in none of its segments")
    }
  }
}
