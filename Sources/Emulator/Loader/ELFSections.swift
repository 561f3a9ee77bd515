import CElf

/// The section headers of an ELF file, which a Multiboot kernel is handed.
struct ELFSections {
  private let entries: [GElf_Shdr]
  private let bytes: [UInt8]
  private let width: ELFImage.Width
  /// The section that holds the names.
  let names: UInt32

  /// How many there are.
  var count: Int { entries.count }
  /// Bytes of one header.
  var entrySize: Int { width == .bits64 ? 64 : 40 }

  /// Reads the headers; nil if the file has none, or none that can be read.
  init?(_ elf: ELFImage) {
    let found: ([GElf_Shdr], UInt32)? = try? ELFImage.withELF(elf.bytes) {
      handle throws(MalformedELF) in
      var names = 0
      var count = 0
      guard elf_getshdrnum(handle, &count) == 0, elf_getshdrstrndx(handle, &names) == 0 else {
        throw MalformedELF("the section headers cannot be read")
      }
      var entries: [GElf_Shdr] = []
      for index in 0..<count {
        var header = GElf_Shdr()
        guard let section = elf_getscn(handle, index), gelf_getshdr(section, &header) != nil
        else { throw MalformedELF("section header \(index) cannot be read") }
        entries.append(header)
      }
      return (entries, UInt32(truncatingIfNeeded: names))
    }
    guard let found, !found.0.isEmpty else { return nil }
    entries = found.0
    names = found.1
    width = elf.width
    bytes = elf.bytes
  }

  /// The virtual addresses of a section's bytes; nil if there is no such section.
  func section(named name: String) -> Range<UInt64>? {
    guard Int(names) < entries.count else { return nil }
    let strings = entries[Int(names)]
    let wanted = Array(name.utf8) + [0]
    for entry in entries {
      let at = strings.sh_offset.addingReportingOverflow(UInt64(entry.sh_name))
      guard !at.overflow, at.partialValue < UInt64(bytes.count),
        FileSignature.matches(bytes, wanted, at: Int(at.partialValue)),
        !entry.sh_addr.addingReportingOverflow(entry.sh_size).overflow
      else { continue }
      return entry.sh_addr..<entry.sh_addr + entry.sh_size
    }
    return nil
  }

  /// The sections that are no part of a segment, such as symbols, with their bytes in the file.
  func unloaded(fileSize: Int) -> [(index: Int, file: Range<Int>)] {
    entries.enumerated().compactMap { index, entry in
      guard entry.sh_flags & UInt64(SHF_ALLOC) == 0, entry.sh_type != UInt32(SHT_NULL),
        entry.sh_type != UInt32(SHT_NOBITS), entry.sh_size > 0
      else { return nil }
      let (end, overflow) = entry.sh_offset.addingReportingOverflow(entry.sh_size)
      guard !overflow, end <= UInt64(fileSize) else { return nil }
      return (index, Int(entry.sh_offset)..<Int(end))
    }
  }

  /// The headers in the file's own form, with `addresses` for the sections that were loaded on
  /// their own, and the others moved by `displacement`.
  func table(addresses: [Int: UInt64], displacement: UInt64) -> [UInt8] {
    var bytes = ByteWriter()
    for (index, entry) in entries.enumerated() {
      let moved = entry.sh_flags & UInt64(SHF_ALLOC) != 0 ? displacement : 0
      let address = addresses[index] ?? entry.sh_addr &+ moved
      bytes.append(entry.sh_name)
      bytes.append(entry.sh_type)
      for number in [entry.sh_flags, address, entry.sh_offset, entry.sh_size] {
        append(number, to: &bytes)
      }
      bytes.append(entry.sh_link)
      bytes.append(entry.sh_info)
      append(entry.sh_addralign, to: &bytes)
      append(entry.sh_entsize, to: &bytes)
    }
    return bytes.bytes
  }

  private func append(_ number: UInt64, to bytes: inout ByteWriter) {
    if width == .bits64 {
      bytes.append(number)
    } else {
      bytes.append(UInt32(truncatingIfNeeded: number))
    }
  }
}
