/// What a file that is no kernel is, by its first bytes.
enum FileSignature {
  private struct Row {
    let offset: Int
    let bytes: [UInt8]
    let name: String

    init(_ offset: Int, _ bytes: [UInt8], _ name: String) {
      self.offset = offset
      self.bytes = bytes
      self.name = name
    }

    init(_ offset: Int, _ text: String, _ name: String) {
      self.init(offset, Array(text.utf8), name)
    }
  }

  /// More specific signatures first.
  private static let rows: [Row] = [
    Row(0, [0x1F, 0x8B], "gzip-compressed data"),
    Row(0, [0x28, 0xB5, 0x2F, 0xFD], "Zstandard-compressed data"),
    Row(0, [0xFD, 0x37, 0x7A, 0x58, 0x5A], "xz-compressed data"),
    Row(0, "BZh", "bzip2-compressed data"),
    Row(0, [0x04, 0x22, 0x4D, 0x18], "LZ4-compressed data"),
    Row(0, "PK\u{3}\u{4}", "a ZIP archive"),
    Row(0, "070701", "a cpio archive"),
    Row(257, "ustar", "a tar archive"),
    Row(0, "!<arch>\n", "an ar archive"),
    Row(0x8001, "CD001", "an ISO 9660 disc image"),
    Row(0, [0x51, 0x46, 0x49, 0xFB], "a qcow2 disk image"),
    Row(0, "MZ", "a PE or DOS executable"),
    Row(0, [0xCF, 0xFA, 0xED, 0xFE], "a Mach-O executable"),
    Row(0, [0xCE, 0xFA, 0xED, 0xFE], "a Mach-O executable"),
    Row(0, [0xCA, 0xFE, 0xBA, 0xBE], "a Mach-O universal binary or Java class"),
    Row(0, [0x42, 0x43, 0xC0, 0xDE], "LLVM bitcode"),
    Row(0, "\u{0}asm", "a WebAssembly module"),
    Row(0, "#!", "a script"),
    Row(0, "%PDF", "a PDF document"),
    Row(0, [0x89, 0x50, 0x4E, 0x47], "a PNG image"),
    Row(510, [0x55, 0xAA], "a boot sector or disk image"),
  ]

  /// The bytes that start every ELF file.
  static let elf: [UInt8] = [0x7F, 0x45, 0x4C, 0x46]

  /// A name for a file by its content.
  static func name(of bytes: [UInt8]) -> String {
    for row in rows where matches(bytes, row.bytes, at: row.offset) { return row.name }
    if bytes.allSatisfy({ $0 == 0 }) { return "nothing but zeroes" }
    let isText = bytes.prefix(512).allSatisfy { ($0 >= 32 && $0 != 127) || (9...13).contains($0) }
    return isText ? "text" : "data of no kind known here"
  }

  static func matches(_ bytes: [UInt8], _ pattern: [UInt8], at offset: Int) -> Bool {
    bytes.count >= offset + pattern.count
      && bytes[offset..<offset + pattern.count].elementsEqual(pattern)
  }
}
