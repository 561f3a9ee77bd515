/// Puts a kernel, its modules and its start record into memory.
struct Loader {
  let image: KernelImage
  let memory: PhysicalMemory
  let memoryMap: [MemoryRange]
  /// Where the RSDP stands, 0 if there is none.
  let rsdp: UInt64

  /// What the processor needs to know to start the kernel.
  struct Placement: Equatable {
    /// How the kernel is entered.
    let bootProtocol: KernelImage.BootProtocol
    /// CR3 for a bare ELF64 kernel.
    let pageTableRoot: UInt64
    /// Where the modules were put, in order.
    let modules: [UInt64]
  }

  /// Loads everything, or says in one sentence why it does not fit.
  func load(commandLine: String, modules: [BootModule]) throws(ImageError) -> Placement {
    try checkPlaces()
    for (_, segment) in image.loadable { try copy(segment) }
    var content = StartRecord.Content(rsdp: rsdp, memoryMap: memoryMap)
    try place(modules, in: &content)
    try writeStrings(commandLine: commandLine, modules: modules, in: &content)
    write(StartRecord.recordAndMemoryMap(content), at: BootLayout.startRecord)
    write(StartRecord.moduleList(content), at: BootLayout.moduleList)
    var descriptors = ByteWriter()
    for descriptor in BootDescriptor.table { descriptors.append(descriptor) }
    write(descriptors.bytes, at: BootLayout.descriptors)
    return Placement(
      bootProtocol: image.bootProtocol, pageTableRoot: try makePageTables(),
      modules: content.modules.map(\.address))
  }

  // MARK: Segments

  private func checkPlaces() throws(ImageError) {
    for (number, segment) in image.loadable {
      let range = segment.physicalAddress..<segment.physicalAddress + segment.memorySize
      let isUsable = memoryMap.contains {
        $0.kind == .usable && $0.start <= range.lowerBound && range.upperBound <= $0.end
      }
      guard isUsable else {
        throw ImageError(
          image.elf.name,
          "segment \(number) is for physical addresses \(range.lowerBound.hex) to "
            + "\((range.upperBound - 1).hex), where this machine of \(memory.size >> 20) MiB has "
            + "no free RAM (see --memory, and the linker's AT() for kernels at high addresses)")
      }
      guard range.lowerBound >= bootAreaEnd else {
        throw ImageError(
          image.elf.name,
          "segment \(number) at physical address \(range.lowerBound.hex) overlaps the boot "
            + "structures below \(bootAreaEnd.hex)")
      }
    }
  }

  private var bootAreaEnd: UInt64 {
    if case .pvh = image.bootProtocol { return BootLayout.stringsEnd }
    return BootLayout.pageTablesEnd
  }

  private func copy(_ segment: ELFImage.Segment) throws(ImageError) {
    let start = Int(segment.offset)
    image.elf.bytes.withUnsafeBytes { bytes in
      let content = UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(segment.fileSize)])
      // The rest of the segment is zero because memory starts that way.
      memory.write(PhysicalAddress(segment.physicalAddress), content)
    }
  }

  // MARK: Modules and strings

  private func place(
    _ modules: [BootModule], in content: inout StartRecord.Content
  ) throws(ImageError) {
    guard modules.count <= BootLayout.moduleLimit else {
      throw ImageError(
        image.elf.name,
        "\(modules.count) modules are more than the \(BootLayout.moduleLimit) that can be passed")
    }
    let kernelEnd = image.loadable.map { $0.segment.physicalAddress + $0.segment.memorySize }.max()
    var next = pageAligned(max(kernelEnd ?? 0, MemoryMap.highMemory))
    for module in modules {
      let size = UInt64(module.bytes.count)
      guard size <= memory.lowSize, next <= memory.lowSize - size else {
        throw ImageError(
          module.name,
          "this module of \(size) bytes does not fit below \(memory.lowSize.hex) behind the kernel;"
            + " give the machine more memory with --memory")
      }
      write(module.bytes, at: next)
      content.modules.append((address: next, size: size, name: 0))
      next = pageAligned(next + size)
    }
  }

  private func writeStrings(
    commandLine: String, modules: [BootModule], in content: inout StartRecord.Content
  ) throws(ImageError) {
    var next = BootLayout.strings
    func place(_ text: String) throws(ImageError) -> UInt64 {
      let bytes = Array(text.utf8) + [0]
      guard UInt64(bytes.count) <= BootLayout.stringsEnd - next else {
        throw ImageError(
          image.elf.name,
          "the command line and the modules' names are longer than the "
            + "\(BootLayout.stringsEnd - BootLayout.strings) bytes that can be passed")
      }
      write(bytes, at: next)
      defer { next += UInt64(bytes.count) }
      return next
    }
    content.commandLine = try place(commandLine)
    for index in modules.indices {
      content.modules[index].name = try place(modules[index].name)
    }
  }

  private func pageAligned(_ address: UInt64) -> UInt64 {
    (address + PhysicalMemory.pageSize - 1) & ~(PhysicalMemory.pageSize - 1)
  }

  // MARK: Paging

  private func makePageTables() throws(ImageError) -> UInt64 {
    guard case .long = image.bootProtocol else { return 0 }
    write(BootCode.returnStub, at: BootLayout.returnStub)
    var returnAddress = ByteWriter()
    returnAddress.append(BootLayout.returnStub)
    write(returnAddress.bytes, at: BootLayout.stackTop - 8)
    do {
      var tables = try BootPageTables(memory: memory)
      for (number, segment) in image.loadable
      where segment.virtualAddress != segment.physicalAddress {
        try checkMapping(segment, number)
        try tables.map(
          virtual: segment.virtualAddress, physical: segment.physicalAddress,
          size: segment.memorySize)
      }
      return tables.root
    } catch let error as ImageError {
      throw error
    } catch {
      throw ImageError(
        image.elf.name, "its segments need more page tables than fit into low memory")
    }
  }

  private func checkMapping(_ segment: ELFImage.Segment, _ number: Int) throws(ImageError) {
    let last = segment.virtualAddress + (segment.memorySize - 1)
    guard LinearAddress(segment.virtualAddress).isCanonical, LinearAddress(last).isCanonical,
      segment.virtualAddress >> 63 == last >> 63
    else {
      throw ImageError(
        image.elf.name,
        "segment \(number) has the virtual address \(segment.virtualAddress.hex), "
          + "which is not canonical")
    }
    guard segment.virtualAddress & 0xFFF == segment.physicalAddress & 0xFFF else {
      throw ImageError(
        image.elf.name,
        "segment \(number) cannot be mapped: its virtual address \(segment.virtualAddress.hex) and "
          + "its physical address \(segment.physicalAddress.hex) differ in the offset in a page")
    }
  }

  private func write(_ bytes: [UInt8], at address: UInt64) {
    _ = bytes.withUnsafeBytes { memory.write(PhysicalAddress(address), $0) }
  }
}
