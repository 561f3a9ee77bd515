/// The header by which a kernel asks for Multiboot 2, with its tags.
///
/// Multiboot2 Specification 2.0, "OS image format".
struct Multiboot2Header {
  /// Where a relocatable kernel may be put.
  struct Relocation: Equatable {
    /// What the kernel would like best.
    enum Preference: Equatable {
      case none, lowest, highest
    }

    let lowest: UInt32
    let highest: UInt32
    let alignment: UInt32
    let preference: Preference
  }

  private enum TagType: UInt16 {
    case end, informationRequest, address, entryAddress, consoleFlags, framebuffer
    case moduleAlignment, efiBootServices, efi32Entry, efi64Entry, relocatable
  }

  /// The magic field.
  static let magic: UInt32 = 0xE852_50D6
  private static let searchLimit = 32768
  private static let architectureI386: UInt32 = 0
  /// The last of the information tags that the specification defines.
  private static let lastInformationType: UInt32 = 21

  /// Where it stands in the file.
  let offset: Int
  /// Where a file that is not ELF is to be loaded.
  private(set) var addresses: MultibootAddresses?
  /// The entry, where it is not that of the ELF file.
  private(set) var entry: UInt32?
  /// Where the image may be moved.
  private(set) var relocation: Relocation?
  /// Whether a console of one of the kernel's kinds must be there.
  private(set) var requiresConsole = false
  /// Whether the kernel can write pixels.
  private(set) var supportsPixels = false

  /// Finds the header of a file; nil if there is none.
  init?(_ bytes: [UInt8], name: String) throws(ImageError) {
    let reader = ByteReader(bytes: Array(bytes.prefix(Self.searchLimit)))
    var offset = 0
    while let magic = reader.word(offset) {
      if magic == Self.magic, let architecture = reader.word(offset + 4),
        let length = reader.word(offset + 8), let checksum = reader.word(offset + 12),
        magic &+ architecture &+ length &+ checksum == 0
      {
        self.offset = offset
        guard architecture == Self.architectureI386 else {
          throw ImageError(
            name, "its Multiboot 2 header is for architecture \(architecture), not for i386 (0)")
        }
        guard length >= 16, Int(length) <= reader.bytes.count - offset else {
          throw ImageError(
            name, "its Multiboot 2 header of \(length) bytes goes beyond the first 32 KiB")
        }
        try readTags(reader, offset + 16..<offset + Int(length), name: name)
        return
      }
      offset += 8
    }
    return nil
  }

  private mutating func readTags(
    _ reader: ByteReader, _ range: Range<Int>, name: String
  ) throws(ImageError) {
    var at = range.lowerBound
    while at + 8 <= range.upperBound {
      guard let type = reader.number(at, as: UInt16.self),
        let flags = reader.number(at + 2, as: UInt16.self), let size = reader.word(at + 4)
      else { return }
      guard size >= 8, Int(size) <= range.upperBound - at else {
        throw ImageError(
          name, "a tag of type \(type) in its Multiboot 2 header has a size of \(size)")
      }
      if type == TagType.end.rawValue { return }
      try readTag(
        reader, type: type, isOptional: flags & 1 != 0, at..<at + Int(size), name: name)
      at += (Int(size) + 7) & ~7
    }
  }

  private mutating func readTag(
    _ reader: ByteReader, type: UInt16, isOptional: Bool, _ range: Range<Int>, name: String
  ) throws(ImageError) {
    let at = range.lowerBound
    func field(_ index: Int) -> UInt32 {
      index + 4 <= range.count ? reader.word(at + index) ?? 0 : 0
    }
    switch TagType(rawValue: type) {
    case .informationRequest:
      if !isOptional { try checkRequests(reader, range, name: name) }
    case .address:
      addresses = MultibootAddresses(
        header: field(8), load: field(12), loadEnd: field(16), bssEnd: field(20))
    case .entryAddress:
      entry = field(8)
    case .consoleFlags:
      requiresConsole = field(8) & 1 != 0
    case .framebuffer:
      supportsPixels = true
    case .relocatable:
      relocation = Relocation(
        lowest: field(8), highest: field(12), alignment: field(16),
        preference: field(20) == 1 ? .lowest : field(20) == 2 ? .highest : .none)
    // Modules are page-aligned always; the EFI tags count only where there is EFI.
    case .moduleAlignment, .efiBootServices, .efi32Entry, .efi64Entry, .end: break
    case nil:
      guard isOptional else {
        throw ImageError(
          name, "its Multiboot 2 header has a required tag of type \(type), which is unknown")
      }
    }
  }

  private func checkRequests(
    _ reader: ByteReader, _ range: Range<Int>, name: String
  ) throws(ImageError) {
    for at in stride(from: range.lowerBound + 8, to: range.upperBound - 3, by: 4) {
      guard let type = reader.word(at), type > Self.lastInformationType else { continue }
      throw ImageError(
        name, "its Multiboot 2 header requires an information tag of type \(type), unknown here")
    }
  }

  /// Refuses a kernel that requires a console: there is no screen at its entry.
  func checkConsole(name: String) throws(ImageError) {
    guard requiresConsole else { return }
    throw ImageError(
      name,
      supportsPixels
        ? "its Multiboot 2 header requires a framebuffer, and there is none at its entry"
        : "its Multiboot 2 header requires a console, and there is no screen")
  }
}
