import CElf

/// What `emu inspect` says about an image.
public struct ImageDescription {
  /// The lines, without a final line feed.
  public let text: String

  /// Describes an ELF file, also one that cannot be booted; anything else throws.
  public init(_ bytes: [UInt8], name: String) throws(ImageError) {
    let elf = try ELFImage(bytes, name: name)
    var lines = ["\(name): \(Self.kind(of: elf)), \(bytes.count) bytes"]
    do {
      let kernel = try KernelImage(bytes, name: name)
      lines.append("boots by \(Self.describe(kernel.kind))")
    } catch {
      lines.append("does not boot: \(error.description)")
    }
    lines.append("entry \(elf.entry.hex)")
    lines += Self.segmentLines(elf)
    lines += Self.noteLines(elf)
    lines += Self.symbolLines(SymbolTable(elf))
    text = lines.joined(separator: "\n")
  }

  private static func kind(of elf: ELFImage) -> String {
    let width = elf.width == .bits64 ? "ELF64" : "ELF32"
    let type =
      switch Int32(elf.type) {
      case ET_EXEC: "executable"
      case ET_DYN: "shared object or position-independent executable"
      case ET_REL: "relocatable object"
      case ET_CORE: "core dump"
      default: "file of type \(elf.type)"
      }
    return "\(width) \(type) for \(ELFImage.machineName(elf.machine))"
  }

  private static func describe(_ kind: KernelImage.Kind) -> String {
    switch kind {
    case .elf(let kernel): describe(kernel.bootProtocol)
    case .multiboot(let kernel):
      "Multiboot \(kernel.version), entered at physical address \(kernel.entry.hex) "
        + "in 32-bit protected mode"
    case .limine(let kernel):
      "the Limine protocol, entered at virtual address \(kernel.entry.hex) in 64-bit mode"
    }
  }

  private static func describe(_ bootProtocol: ELFKernel.BootProtocol) -> String {
    switch bootProtocol {
    case .pvh(let entry): "PVH, entered at physical address \(entry.hex) in 32-bit protected mode"
    case .long(let entry):
      "no protocol: a bare ELF64, entered at virtual address \(entry.hex) in 64-bit mode"
    }
  }

  private static func segmentLines(_ elf: ELFImage) -> [String] {
    var lines = ["segments: \(elf.segments.count)"]
    for (number, segment) in elf.segments.enumerated() where segment.isLoadable {
      lines.append(
        "  \(number) \(segment.rights) virtual \(segment.virtualAddress.hex)"
          + " physical \(segment.physicalAddress.hex)"
          + " memory \(segment.memorySize.hex) file \(segment.fileSize.hex)")
    }
    return lines
  }

  private static func noteLines(_ elf: ELFImage) -> [String] {
    var lines = ["notes: \(elf.notes.count)"]
    for note in elf.notes {
      let meaning =
        note.owner == "Xen" && note.type == ELFKernel.pvhNoteType ? " (PVH entry)" : ""
      lines.append(
        "  owner \(note.owner) type \(note.type), \(note.content.count) bytes\(meaning)")
    }
    return lines
  }

  private static func symbolLines(_ symbols: SymbolTable) -> [String] {
    var lines = ["symbols: \(symbols.count)"]
    for symbol in symbols.largest(8) {
      lines.append("  \(symbol.address.hex) \(symbol.size) \(symbol.displayName)")
    }
    return lines
  }
}
