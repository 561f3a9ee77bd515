extension Loader {
  /// Loads a Multiboot kernel.
  func load(
    _ kernel: MultibootKernel, commandLine: String, modules: [BootModule]
  ) throws(ImageError) -> KernelEntry {
    var loader = MultibootLoader(loader: self, kernel: kernel)
    return try loader.load(commandLine: commandLine, modules: modules)
  }
}

/// Puts a Multiboot kernel, its modules and what it is told into memory.
private struct MultibootLoader {
  let loader: Loader
  let kernel: MultibootKernel
  private var free: FreeMemory
  /// Behind the last address of the kernel.
  private var kernelEnd: UInt64 = 0
  /// The next free byte in low memory for what the kernel is told.
  private var nextLow = BootLayout.strings

  init(loader: Loader, kernel: MultibootKernel) {
    self.loader = loader
    self.kernel = kernel
    free = FreeMemory(loader.memoryMap)
  }

  mutating func load(
    commandLine: String, modules: [BootModule]
  ) throws(ImageError) -> KernelEntry {
    let displacement = try placeKernel()
    var content = MultibootContent()
    content.commandLine = commandLine
    content.memoryMap = loader.memoryMap
    content.rootPointer = loader.rootPointer
    for module in modules { content.modules.append(try place(module)) }
    content.sections = try placeSections(displacement: displacement)
    loader.write(descriptors: BootDescriptor.table)
    loader.write(BIOSDataArea.vectors, at: 0)
    loader.write(BIOSDataArea.bytes, at: BIOSDataArea.address)
    loader.write(BIOSDataArea.refusal, at: BIOSDataArea.refusalAddress)
    // The extended area begins with its size in KiB.
    loader.write([1], at: MemoryMap.extendedBIOSData)
    let magic: UInt64
    let information: UInt64
    switch kernel.header {
    case .one:
      magic = Multiboot1Information.magic
      information = BootLayout.startRecord
      let bytes = try Multiboot1Information.make(content) { bytes throws(ImageError) in
        try place(bytes)
      }
      loader.write(bytes, at: information)
    case .two(let header):
      try header.checkConsole(name: kernel.name)
      if kernel.relocation != nil {
        content.loadBase = (kernel.pieces.first?.address ?? 0) &+ displacement
      }
      magic = Multiboot2Information.magic
      information = try place(Multiboot2Information(content).bytes)
    }
    return KernelEntry(
      mode: .protected, address: kernel.entry &+ displacement, code: BootDescriptor.code32,
      data: BootDescriptor.data, descriptorCount: BootDescriptor.table.count,
      registers: [.init(.rax, magic), .init(.rbx, information)])
  }

  // MARK: The kernel

  /// Copies the kernel and says how far it was moved.
  private mutating func placeKernel() throws(ImageError) -> UInt64 {
    guard let start = kernel.pieces.map(\.address).min(),
      let end = kernel.pieces.map(\.end).max()
    else { throw ImageError(kernel.name, "it has no segment to load") }
    let displacement = try displacement(of: start..<end)
    for piece in kernel.pieces {
      let address = piece.address &+ displacement
      let range = address..<address + piece.size
      guard free.contains(range) else { throw refusal(of: range) }
      // The rest of a piece is zero because memory starts that way.
      loader.write(kernel.bytes[piece.file], at: address)
      if !range.isEmpty { free.remove(range) }
    }
    kernelEnd = end &+ displacement
    return displacement
  }

  private func refusal(of range: Range<UInt64>) -> ImageError {
    ImageError(
      kernel.name,
      "it is to be loaded at physical addresses \(range.lowerBound.hex) to "
        + "\((range.upperBound - 1).hex), where this machine of \(loader.memory.size >> 20) MiB "
        + "has no free RAM between \(BootLayout.stringsEnd.hex) and 4 GiB")
  }

  /// How far a relocatable kernel is moved; 0 for all others.
  private func displacement(of image: Range<UInt64>) throws(ImageError) -> UInt64 {
    guard let relocation = kernel.relocation else { return 0 }
    let alignment = max(UInt64(relocation.alignment), 1)
    guard alignment & (alignment - 1) == 0 else {
      throw ImageError(
        kernel.name, "its Multiboot 2 header asks for an alignment of \(alignment)")
    }
    let size = image.upperBound - image.lowerBound
    let lowest = UInt64(relocation.lowest)
    let limits = lowest..<max(lowest, UInt64(relocation.highest) + 1)
    let fitsUnmoved =
      free.contains(image) && limits.lowerBound <= image.lowerBound
      && image.upperBound <= limits.upperBound && image.lowerBound % alignment == 0
    if relocation.preference == .none, fitsUnmoved { return 0 }
    let base =
      relocation.preference == .highest
      ? free.highest(size: size, alignment: alignment, in: limits)
      : free.lowest(
        size: size, alignment: alignment,
        in: limits.clamped(to: MemoryMap.highMemory..<PhysicalMemory.highStart))
        // Low memory is for firmware and real mode, but better than nothing.
        ?? free.lowest(size: size, alignment: alignment, in: limits)
    guard let base else {
      throw ImageError(
        kernel.name,
        "its \(size) bytes do not fit between \(limits.lowerBound.hex) and "
          + "\(limits.upperBound.hex), where its Multiboot 2 header allows it to lie")
    }
    return base &- image.lowerBound
  }

  // MARK: Modules and information

  private mutating func place(_ module: BootModule) throws(ImageError) -> MultibootContent.Module {
    let size = UInt64(module.bytes.count)
    guard
      let address = free.take(
        size: size, alignment: PhysicalMemory.pageSize, behind: loader.pageAligned(kernelEnd))
    else {
      throw ImageError(
        module.name,
        "this module of \(size) bytes does not fit beside the kernel below 4 GiB;"
          + " give the machine more memory with --memory")
    }
    loader.write(module.bytes, at: address)
    return MultibootContent.Module(range: address..<address + size, name: module.name)
  }

  /// Loads the sections that no segment holds, and makes the table of all.
  private mutating func placeSections(
    displacement: UInt64
  ) throws(ImageError) -> MultibootContent.Sections? {
    guard let elf = kernel.elf, let sections = ELFSections(elf) else { return nil }
    var addresses: [Int: UInt64] = [:]
    for (index, file) in sections.unloaded(fileSize: elf.bytes.count) {
      guard
        let address = free.take(size: UInt64(file.count), alignment: 16, behind: kernelEnd)
      else { throw noRoom("sections") }
      loader.write(elf.bytes[file], at: address)
      addresses[index] = address
    }
    return MultibootContent.Sections(
      count: sections.count, entrySize: sections.entrySize, names: sections.names,
      table: sections.table(addresses: addresses, displacement: displacement))
  }

  /// Puts bytes into low memory, or behind the kernel if they do not fit there.
  private mutating func place(_ bytes: [UInt8]) throws(ImageError) -> UInt64 {
    let size = UInt64(bytes.count)
    if size <= BootLayout.stringsEnd - nextLow {
      defer { nextLow = min((nextLow + size + 7) & ~7, BootLayout.stringsEnd) }
      loader.write(bytes, at: nextLow)
      return nextLow
    }
    guard let address = free.take(size: size, alignment: 8, behind: kernelEnd) else {
      throw noRoom("command line and modules' names")
    }
    loader.write(bytes, at: address)
    return address
  }

  private func noRoom(_ what: String) -> ImageError {
    ImageError(
      kernel.name,
      "its \(what) do not fit beside it below 4 GiB; give the machine more memory with --memory")
  }
}
