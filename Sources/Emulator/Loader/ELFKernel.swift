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

  /// Recognises the kernel in `bytes`, or says what the file is instead.
  public init(_ bytes: [UInt8], name: String) throws(ImageError) {
    let elf = try ELFImage(bytes, name: name)
    guard elf.machine == UInt16(EM_X86_64) || elf.machine == UInt16(EM_386) else {
      throw ImageError(
        name, "this is an ELF file for \(Self.machineName(elf.machine)), not for x86-64")
    }
    guard elf.type == UInt16(ET_EXEC) || elf.type == UInt16(ET_DYN) else {
      throw ImageError(
        name, "this is \(Self.typeName(elf.type)), not a linked kernel; \(ELFImage.wanted)")
    }
    self.elf = elf
    bootProtocol = try Self.bootProtocol(of: elf)
    try checkSegments()
    try checkEntry()
  }

  /// XEN_ELFNOTE_PHYS32_ENTRY.
  static let pvhNoteType: UInt32 = 18

  private static func bootProtocol(of elf: ELFImage) throws(ImageError) -> BootProtocol {
    if let note = elf.notes.first(where: { $0.owner == "Xen" && $0.type == pvhNoteType }) {
      guard note.content.count == 4 || note.content.count == 8 else {
        throw ImageError(
          elf.name, "its PVH note holds \(note.content.count) bytes where an address has 4 or 8")
      }
      let entry = note.content.reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
      return .pvh(entry: entry)
    }
    if let multiboot = multibootVersion(elf.bytes) {
      throw ImageError(
        elf.name, "this is a Multiboot \(multiboot) kernel without a PVH note; \(ELFImage.wanted)")
    }
    guard !elf.segments.contains(where: { $0.type == UInt32(PT_INTERP) }) else {
      throw ImageError(
        elf.name, "this is a dynamically linked program, not a kernel; \(ELFImage.wanted)")
    }
    guard elf.width == .bits64, elf.machine == UInt16(EM_X86_64) else {
      throw ImageError(
        elf.name, "this is a 32-bit ELF file without a PVH note; \(ELFImage.wanted)")
    }
    guard elf.type == UInt16(ET_EXEC) else {
      throw ImageError(
        elf.name,
        "this is a shared object or position-independent executable without a PVH note; "
          + "link it with -static -no-pie, since nobody would relocate it")
    }
    return .long(entry: elf.entry)
  }

  /// The version of a Multiboot header in the part of the file where one must stand.
  private static func multibootVersion(_ bytes: [UInt8]) -> Int? {
    func word(_ at: Int) -> UInt32 {
      guard at + 4 <= bytes.count else { return 0 }
      return (0..<4).reduce(0 as UInt32) { $0 | UInt32(bytes[at + $1]) << UInt32($1 * 8) }
    }
    let end = min(bytes.count, 32768) - 11
    for at in stride(from: 0, to: end, by: 4) {
      let magic = word(at)
      if magic == 0x1BAD_B002, at < 8192, magic &+ word(at + 4) &+ word(at + 8) == 0 { return 1 }
      if magic == 0xE852_50D6, at % 8 == 0,
        magic &+ word(at + 4) &+ word(at + 8) &+ word(at + 12) == 0
      {
        return 2
      }
    }
    return nil
  }

  static func machineName(_ machine: UInt16) -> String {
    switch Int32(machine) {
    case EM_X86_64: "x86-64"
    case EM_386: "i386"
    case EM_AARCH64: "AArch64"
    case EM_ARM: "32-bit Arm"
    case EM_RISCV: "RISC-V"
    case EM_PPC64, EM_PPC: "PowerPC"
    case EM_MIPS: "MIPS"
    case EM_S390: "S/390"
    case EM_SPARC, EM_SPARCV9: "SPARC"
    case EM_LOONGARCH: "LoongArch"
    case EM_BPF: "BPF"
    default: "machine number \(machine)"
    }
  }

  private static func typeName(_ type: UInt16) -> String {
    switch Int32(type) {
    case ET_REL: "a relocatable object file (.o)"
    case ET_CORE: "a core dump"
    default: "an ELF file of type \(type)"
    }
  }
}

extension ELFKernel {
  /// The segments to load, with their number in the file.
  var loadable: [(number: Int, segment: ELFImage.Segment)] {
    elf.segments.enumerated().filter { $0.element.isLoadable }.map { ($0.offset, $0.element) }
  }

  /// Checks everything about the segments that does not depend on the machine's memory.
  private func checkSegments() throws(ImageError) {
    let name = elf.name
    guard !loadable.isEmpty else { throw ImageError(name, "it has no segment to load") }
    for (number, segment) in loadable {
      guard segment.fileSize <= segment.memorySize else {
        throw ImageError(
          name,
          "segment \(number) has \(segment.fileSize) bytes in the file "
            + "for \(segment.memorySize) in memory")
      }
      let (end, overflow) = segment.offset.addingReportingOverflow(segment.fileSize)
      guard !overflow, end <= UInt64(elf.bytes.count) else {
        throw ImageError(
          name,
          "the file is cut off: segment \(number) needs \(segment.fileSize) bytes "
            + "at offset \(segment.offset.hex), the file has \(elf.bytes.count)")
      }
      guard !segment.physicalAddress.addingReportingOverflow(segment.memorySize).overflow,
        !segment.virtualAddress.addingReportingOverflow(segment.memorySize - 1).overflow
      else {
        throw ImageError(name, "segment \(number) goes beyond the end of the address space")
      }
    }
    try checkOverlaps()
  }

  private func checkOverlaps() throws(ImageError) {
    let sorted = loadable.sorted { $0.segment.physicalAddress < $1.segment.physicalAddress }
    for (lower, upper) in zip(sorted, sorted.dropFirst()) {
      let end = lower.segment.physicalAddress + lower.segment.memorySize
      guard end <= upper.segment.physicalAddress else {
        throw ImageError(
          elf.name,
          "segments \(lower.number) and \(upper.number) overlap at "
            + "physical address \(upper.segment.physicalAddress.hex)")
      }
    }
  }

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
