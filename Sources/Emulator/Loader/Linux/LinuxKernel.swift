/// A Linux kernel in a bzImage: the setup header in its first sectors, and what it says.
///
/// Linux kernel documentation, "The Linux/x86 Boot Protocol".
public struct LinuxKernel: Sendable {
  /// Where a bzImage is entered.
  public enum Entry: UInt8, Equatable, Sendable, CaseIterable {
    /// The setup code, in real mode, which asks a BIOS.
    case real = 16
    /// The 32-bit entry: protected mode without paging.
    case protected = 32
    /// The 64-bit entry: identity-mapped.
    case long = 64
  }

  /// The file's name, for messages.
  public let name: String
  /// The file.
  public let bytes: [UInt8]
  /// The protocol's version, major in the high byte.
  public let version: UInt16
  /// How many bytes of setup code the file begins with; the rest goes to high memory.
  let setupSize: Int

  /// Whether the header of a bzImage stands in `bytes`.
  static func isPresent(in bytes: [UInt8]) -> Bool {
    FileSignature.matches(bytes, Array("HdrS".utf8), at: Field.magic)
  }

  /// Reads and checks the setup header.
  public init(_ bytes: [UInt8], name: String) throws(ImageError) {
    self.name = name
    self.bytes = bytes
    version = UInt16(truncatingIfNeeded: Self.number(bytes, Field.version, 2))
    // Zero means four, for the sake of very old kernels.
    let sectors = Self.number(bytes, Field.setupSectors, 1)
    setupSize = Int((sectors == 0 ? 4 : sectors) + 1) * 512
    guard Self.isPresent(in: bytes) else {
      throw ImageError(name, "there is no Linux setup header at offset 0x202")
    }
    guard Self.number(bytes, Field.bootFlag, 2) == 0xAA55 else {
      throw ImageError(name, "this Linux kernel lacks the signature 0xaa55 at offset 0x1fe")
    }
    guard version >= 0x200 else {
      throw ImageError(
        name,
        "this Linux kernel speaks version \(versionText) of the boot protocol, "
          + "and 2.00 is the oldest that is understood")
    }
    guard field(Field.loadFlags, 1) & 1 != 0 else {
      throw ImageError(name, "this is a zImage, which is loaded low; make a bzImage instead")
    }
    try checkSizes()
  }

  private func checkSizes() throws(ImageError) {
    guard setupSize < bytes.count else {
      throw ImageError(
        name,
        "the file is cut off: its setup code alone has \(setupSize) bytes, "
          + "the file has \(bytes.count)")
    }
    let size = field(Field.systemSize, 4) * 16
    // The file's last paragraph need not be complete.
    guard version < 0x204 || UInt64(bytes.count - setupSize) + 15 >= size else {
      throw ImageError(
        name,
        "the file is cut off: \(size) bytes should follow \(setupSize) bytes of setup code, "
          + "the file has \(bytes.count)")
    }
    guard alignment > 0, alignment & (alignment - 1) == 0, alignment <= 1 << 30 else {
      throw ImageError(
        name,
        "its setup header asks for the alignment \(alignment.hex), which is no power of two "
          + "up to 1 GiB")
    }
  }

  // MARK: The header

  /// Offsets in the file and, but for the first two, in the zero page.
  enum Field {
    static let setupSectors = 0x1F1
    static let bootFlag = 0x1FE
    static let headerEnd = 0x201
    static let systemSize = 0x1F4
    static let magic = 0x202
    static let version = 0x206
    static let kernelVersion = 0x20E
    static let loaderType = 0x210
    static let loadFlags = 0x211
    static let code32Start = 0x214
    static let ramdiskAddress = 0x218
    static let ramdiskSize = 0x21C
    static let commandLine = 0x228
    static let ramdiskLimit = 0x22C
    static let alignment = 0x230
    static let isRelocatable = 0x234
    static let extendedLoadFlags = 0x236
    static let commandLineSize = 0x238
    static let setupData = 0x250
    static let preferredAddress = 0x258
    static let initialSize = 0x260
  }

  /// A little-endian number of the header.
  func field(_ offset: Int, _ size: Int) -> UInt64 { Self.number(bytes, offset, size) }

  private static func number(_ bytes: [UInt8], _ offset: Int, _ size: Int) -> UInt64 {
    guard offset + size <= bytes.count else { return 0 }
    return bytes[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The version as people write it.
  var versionText: String {
    let minor = String(version & 0xFF)
    return "\(version >> 8).\(minor.count < 2 ? "0" : "")\(minor)"
  }

  /// The kernel's release and who built it; empty where the file does not say.
  var release: String {
    let pointer = Int(field(Field.kernelVersion, 2))
    guard pointer > 0, pointer + 0x200 < bytes.count else { return "" }
    let text = bytes[(pointer + 0x200)...].prefix(255).prefix { (32..<127).contains($0) }
    return String(decoding: text, as: UTF8.self)
  }

  /// What goes to high memory.
  var system: ArraySlice<UInt8> { bytes[setupSize...] }

  /// What the kernel's load address must be a multiple of.
  var alignment: UInt64 { version >= 0x205 && isRelocatable ? field(Field.alignment, 4) : 1 }

  /// Whether the kernel may be loaded elsewhere than where it prefers.
  var isRelocatable: Bool { version >= 0x205 && field(Field.isRelocatable, 1) != 0 }

  /// Where the kernel wants to be.
  var preferredAddress: UInt64 {
    if version >= 0x20A { return field(Field.preferredAddress, 8) }
    let address = field(Field.code32Start, 4)
    return address == 0 ? 0x10_0000 : address
  }

  /// How much memory the kernel needs from its load address on before it reads the memory map.
  var initialSize: UInt64 {
    max(version >= 0x20A ? field(Field.initialSize, 4) : 0, UInt64(system.count))
  }

  /// The longest command line, without its terminating zero.
  var commandLineLimit: UInt64 { version >= 0x206 ? field(Field.commandLineSize, 4) : 255 }

  /// The highest address that a byte of the initial RAM disk may have.
  var ramdiskLimit: UInt64 { version >= 0x203 ? field(Field.ramdiskLimit, 4) : 0x37FF_FFFF }

  /// Whether there is a 64-bit entry.
  var has64BitEntry: Bool { version >= 0x20C && field(Field.extendedLoadFlags, 2) & 1 != 0 }

  // MARK: What it is given

  /// A command line with its terminating zero, or the sentence that it is too long.
  func checked(_ commandLine: String, limit: UInt64) throws(ImageError) -> [UInt8] {
    let bytes = Array(commandLine.utf8) + [0]
    guard UInt64(bytes.count) - 1 <= limit else {
      throw ImageError(
        name,
        "the command line has \(bytes.count - 1) bytes, and this kernel takes at most \(limit)")
    }
    return bytes
  }

  /// Says that an initial RAM disk finds no room.
  func sentence(ramdiskSize: UInt64, above end: UInt64, below top: UInt64) -> String {
    "this initial RAM disk of \(ramdiskSize) bytes does not fit between the kernel's end at "
      + "\(end.hex) and \(top.hex); give the machine more memory with --memory"
  }
}
