import CElf

/// A kernel in an ELF file.
public struct ELFKernel: Sendable {
  /// How the kernel is entered.
  public enum BootProtocol: Equatable, Sendable {
    /// PVH: 32-bit protected mode, EBX points to the start record.
    case pvh(entry: UInt64)
    /// A bare ELF64: 64-bit mode, identity-mapped, RDI points to the start record.
    case long(entry: UInt64)
  }

  /// The file.
  public let elf: ELFImage
  /// How the kernel is entered.
  public let bootProtocol: BootProtocol

  /// Recognises a kernel with a PVH note; nil if the file has none.
  init?(pvh bytes: [UInt8], name: String) throws(ImageError) {
    guard FileSignature.matches(bytes, FileSignature.elf, at: 0) else { return nil }
    let elf = try ELFImage(bytes, name: name)
    guard let entry = try Self.pvhEntry(of: elf) else { return nil }
    try self.init(elf, .pvh(entry: entry))
  }

  /// Recognises a kernel without a protocol, or says what the file is instead.
  init(bare bytes: [UInt8], name: String) throws(ImageError) {
    let elf = try ELFImage(bytes, name: name)
    try elf.checkIsKernel()
    try Self.checkIsBare(elf)
    try self.init(elf, .long(entry: elf.entry))
  }

  private init(_ elf: ELFImage, _ bootProtocol: BootProtocol) throws(ImageError) {
    try elf.checkIsKernel()
    self.elf = elf
    self.bootProtocol = bootProtocol
    try elf.checkSegments()
    try checkEntry()
  }

  /// XEN_ELFNOTE_PHYS32_ENTRY.
  static let pvhNoteType: UInt32 = 18

  private static func pvhEntry(of elf: ELFImage) throws(ImageError) -> UInt64? {
    guard let note = elf.notes.first(where: { $0.owner == "Xen" && $0.type == pvhNoteType }) else {
      return nil
    }
    guard note.content.count == 4 || note.content.count == 8 else {
      throw ImageError(
        elf.name, "its PVH note holds \(note.content.count) bytes where an address has 4 or 8")
    }
    return note.content.reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
  }

  private static func checkIsBare(_ elf: ELFImage) throws(ImageError) {
    guard !elf.segments.contains(where: { $0.type == UInt32(PT_INTERP) }) else {
      throw ImageError(
        elf.name, "this is a dynamically linked program, not a kernel; \(ELFImage.wanted)")
    }
    guard elf.width == .bits64, elf.machine == UInt16(EM_X86_64) else {
      throw ImageError(
        elf.name,
        "this is a 32-bit ELF file without a PVH note or a Multiboot header; \(ELFImage.wanted)")
    }
    guard elf.type == UInt16(ET_EXEC) else {
      throw ImageError(
        elf.name,
        "this is a shared object or position-independent executable without a PVH note; "
          + "link it with -static -no-pie, since nobody would relocate it")
    }
  }
}

extension ELFKernel {
  /// The segments to load, with their number in the file.
  var loadable: [(number: Int, segment: ELFImage.Segment)] { elf.loadable }

  private func checkEntry() throws(ImageError) {
    let isInside: Bool
    let entry: UInt64
    switch bootProtocol {
    case .pvh(let address):
      entry = address
      isInside = loadable.contains {
        address >= $0.segment.physicalAddress
          && address - $0.segment.physicalAddress < $0.segment.memorySize
      }
    case .long(let address):
      entry = address
      isInside = loadable.contains {
        address >= $0.segment.virtualAddress
          && address - $0.segment.virtualAddress < $0.segment.memorySize
      }
    }
    guard isInside else {
      throw ImageError(elf.name, "its entry point \(entry.hex) lies in none of its segments")
    }
  }
}
