import Emulator

extension ProgramSymbols {
  /// The symbols of a kernel, with its debugging sections from wherever they are.
  ///
  /// - Parameters:
  ///   - image: The kernel, nil for a machine that starts with firmware.
  ///   - path: An ELF file that somebody named as having the symbols.
  ///   - others: Files that may be the image with its debugging sections, such as a build's; those
  ///     that load other bytes are not.
  /// - Throws: `HostError` or `ImageError` if the named file is unusable.
  public convenience init(
    of image: KernelImage?, symbolFile path: String? = nil, others: [String] = []
  ) throws {
    if let path {
      self.init(image?.elf, symbolFile: try ELFImage(HostFile.read(path), name: path))
      return
    }
    guard let elf = image?.elf else {
      self.init(nil)
      return
    }
    let own = DebugFile(elf)
    guard own?.hasLines != true else {
      self.init(elf)
      return
    }
    for path in [elf.name + ".debug"] + others {
      guard let bytes = try? HostFile.read(path), let file = try? ELFImage(bytes, name: path),
        Self.loadSame(elf, file), DebugFile(file)?.hasLines == true
      else { continue }
      self.init(elf, symbolFile: file)
      return
    }
    self.init(elf)
  }

  /// Whether two files put the same bytes at the same addresses.
  private static func loadSame(_ one: ELFImage, _ other: ELFImage) -> Bool {
    content(one) == content(other)
  }

  private static func content(_ image: ELFImage) -> [UInt64: ArraySlice<UInt8>] {
    var pieces: [UInt64: ArraySlice<UInt8>] = [:]
    for segment in image.segments where segment.isLoadable && segment.fileSize > 0 {
      let start = Int(clamping: min(segment.offset, UInt64(image.bytes.count)))
      let end = Int(clamping: min(segment.offset &+ segment.fileSize, UInt64(image.bytes.count)))
      pieces[segment.virtualAddress] = image.bytes[start..<max(start, end)]
    }
    return pieces
  }
}
