/// The structure that tells a Multiboot 1 kernel about its machine.
///
/// Multiboot Specification 0.6.96, "Boot information format".
enum Multiboot1Information {
  /// EAX at the kernel's entry.
  static let magic: UInt64 = 0x2BAD_B002

  private enum Flags {
    static let memory: UInt32 = 1 << 0
    static let commandLine: UInt32 = 1 << 2
    static let modules: UInt32 = 1 << 3
    static let sections: UInt32 = 1 << 5
    static let memoryMap: UInt32 = 1 << 6
    static let loaderName: UInt32 = 1 << 9
  }

  /// The structure's bytes, with what it points to put into memory by `place`.
  static func make(
    _ content: MultibootContent, place: ([UInt8]) throws(ImageError) -> UInt64
  ) throws(ImageError) -> [UInt8] {
    let commandLine = try place(string(content.commandLine))
    let loaderName = try place(string(MultibootContent.loaderName))
    let modules = try place(moduleList(content, place: place))
    let map = memoryMap(content)
    let mapAddress = try place(map)
    var flags =
      Flags.memory | Flags.commandLine | Flags.modules | Flags.memoryMap | Flags.loaderName
    if content.sections != nil { flags |= Flags.sections }

    var bytes = ByteWriter()
    // flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr
    for field in [flags, content.lowerMemory, content.upperMemory, 0] { bytes.append(field) }
    bytes.append(UInt32(truncatingIfNeeded: commandLine))
    bytes.append(UInt32(content.modules.count))
    bytes.append(UInt32(truncatingIfNeeded: modules))
    // syms: num, size, addr, shndx
    if let sections = content.sections {
      bytes.append(UInt32(sections.count))
      bytes.append(UInt32(sections.entrySize))
      bytes.append(UInt32(truncatingIfNeeded: try place(sections.table)))
      bytes.append(sections.names)
    } else {
      bytes.append(contentsOf: [UInt8](repeating: 0, count: 16))
    }
    bytes.append(UInt32(map.count))
    bytes.append(UInt32(truncatingIfNeeded: mapAddress))
    // drives_length, drives_addr, config_table
    bytes.append(contentsOf: [UInt8](repeating: 0, count: 12))
    bytes.append(UInt32(truncatingIfNeeded: loaderName))
    // apm_table, the VESA fields and the framebuffer's
    bytes.append(contentsOf: [UInt8](repeating: 0, count: 48))
    return bytes.bytes
  }

  private static func string(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }

  private static func moduleList(
    _ content: MultibootContent, place: ([UInt8]) throws(ImageError) -> UInt64
  ) throws(ImageError) -> [UInt8] {
    var bytes = ByteWriter()
    for module in content.modules {
      bytes.append(UInt32(truncatingIfNeeded: module.range.lowerBound))
      bytes.append(UInt32(truncatingIfNeeded: module.range.upperBound))
      bytes.append(UInt32(truncatingIfNeeded: try place(string(module.name))))
      bytes.append(0 as UInt32)
    }
    return bytes.bytes
  }

  private static func memoryMap(_ content: MultibootContent) -> [UInt8] {
    var bytes = ByteWriter()
    for range in content.memoryMap {
      // The size of an entry does not count itself.
      bytes.append(20 as UInt32)
      bytes.append(range.start)
      bytes.append(range.size)
      bytes.append(range.kind.rawValue)
    }
    return bytes.bytes
  }
}
