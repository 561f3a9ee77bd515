/// The header by which a kernel asks for Multiboot 1.
///
/// Multiboot Specification 0.6.96, "OS image format".
struct Multiboot1Header: Equatable {
  private enum Flags {
    static let pageAlignedModules: UInt32 = 1 << 0
    static let memory: UInt32 = 1 << 1
    // A wish for a mode; a loader may give another, or none.
    static let video: UInt32 = 1 << 2
    static let addresses: UInt32 = 1 << 16
    static let required: UInt32 = 0xFFFF
    static let known = pageAlignedModules | memory | video
  }

  /// The magic field.
  static let magic: UInt32 = 0x1BAD_B002
  /// How far into a file it may reach.
  private static let searchLimit = 8192

  /// Where it stands in the file.
  let offset: Int
  /// The flags field.
  private let flags: UInt32
  /// The address fields, if the flags say they count.
  let addresses: MultibootAddresses?
  /// entry_addr, if the flags say it counts.
  let entry: UInt32?

  /// Finds the header of a file; nil if there is none.
  init?(_ bytes: [UInt8]) {
    let reader = ByteReader(bytes: Array(bytes.prefix(Self.searchLimit)))
    var offset = 0
    while let magic = reader.word(offset) {
      if magic == Self.magic, let flags = reader.word(offset + 4),
        let checksum = reader.word(offset + 8), magic &+ flags &+ checksum == 0
      {
        self.init(reader, at: offset, flags: flags)
        return
      }
      offset += 4
    }
    return nil
  }

  private init(_ reader: ByteReader, at offset: Int, flags: UInt32) {
    func field(_ index: Int) -> UInt32 { reader.word(offset + index) ?? 0 }
    self.offset = offset
    self.flags = flags
    let hasAddresses = flags & Flags.addresses != 0
    addresses =
      hasAddresses
      ? MultibootAddresses(
        header: field(12), load: field(16), loadEnd: field(20), bssEnd: field(24)) : nil
    entry = hasAddresses ? field(28) : nil
  }

  /// Refuses what the header requires and nobody can give.
  func checkRequirements(name: String) throws(ImageError) {
    let unknown = flags & Flags.required & ~Flags.known
    guard unknown == 0 else {
      throw ImageError(
        name,
        "its Multiboot header requires features that the specification does not know "
          + "(flags \(UInt64(unknown).hex))")
    }
  }
}
