import CElf

/// What `emu inspect` says about an image.
public struct ImageDescription {
  /// The lines, without a final line feed.
  public let text: String

  /// Describes a kernel, or an ELF file that cannot be booted; anything else throws.
  ///
  /// Of several protocols that an image offers, `bootProtocol` is described, or else the first.
  public init(
    _ bytes: [UInt8], name: String, bootProtocol: BootProtocol? = nil
  ) throws(ImageError) {
    let bytes = try GZIP.inflated(bytes, name: name)
    let isELF = FileSignature.matches(bytes, FileSignature.elf, at: 0)
    var lines: [String] = []
    do {
      let kernel = try KernelImage(bytes, name: name, bootProtocol: bootProtocol)
      lines += Self.lines(kernel.kind)
    } catch {
      guard isELF else { throw error }
      lines.append("does not boot: \(error.description)")
    }
    if isELF {
      let elf = try ELFImage(bytes, name: name)
      lines.insert("\(name): \(Self.kind(of: elf)), \(bytes.count) bytes", at: 0)
      lines.append("entry \(elf.entry.hex)")
      lines += Self.segmentLines(elf) + Self.noteLines(elf) + Self.symbolLines(SymbolTable(elf))
    }
    text = lines.joined(separator: "\n")
  }

  /// How a kernel boots.
  private static func lines(_ kind: KernelImage.Kind) -> [String] {
    switch kind {
    case .elf(let kernel): ["boots by \(describe(kernel.bootProtocol))"]
    case .linux(let kernel): lines(kernel)
    case .multiboot(let kernel): lines(kernel)
    case .limine(let kernel):
      [
        "boots by the Limine protocol, entered at virtual address \(kernel.entry.hex) "
          + "in 64-bit mode"
      ]
    }
  }

  private static func lines(_ kernel: MultibootKernel) -> [String] {
    let boot =
      "boots by Multiboot \(kernel.version), entered at physical address \(kernel.entry.hex) "
      + "in 32-bit protected mode"
    guard kernel.elf == nil else { return [boot] }
    return ["\(kernel.name): flat image, \(kernel.bytes.count) bytes", boot]
      + kernel.pieces.map { "loaded at \($0.address.hex), \($0.size.hex) bytes" }
  }

  private static func lines(_ kernel: LinuxKernel) -> [String] {
    var lines = ["\(kernel.name): Linux bzImage, \(kernel.bytes.count) bytes"]
    if !kernel.release.isEmpty { lines.append("release \(kernel.release)") }
    let entries = kernel.has64BitEntry ? "64-bit, 32-bit and 16-bit" : "32-bit and 16-bit"
    lines.append("boots by the Linux boot protocol \(kernel.versionText), \(entries) entry")
    let place = kernel.isRelocatable ? "preferably at" : "at"
    lines.append(
      "loaded \(place) \(kernel.preferredAddress.hex), needs \(kernel.initialSize.hex) bytes there")
    lines.append("command line at most \(kernel.commandLineLimit) bytes")
    lines.append("initial RAM disk up to \(kernel.ramdiskLimit.hex)")
    return lines
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
