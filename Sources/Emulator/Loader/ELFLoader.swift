extension Loader {
  /// Loads an ELF kernel.
  func load(
    _ kernel: ELFKernel, commandLine: String, modules: [BootModule]
  ) throws(ImageError) -> KernelEntry {
    try ELFLoader(loader: self, kernel: kernel).load(commandLine: commandLine, modules: modules)
  }
}

/// Puts an ELF kernel's segments, its modules and its start record into memory.
private struct ELFLoader {
  let loader: Loader
  let kernel: ELFKernel

  func load(commandLine: String, modules: [BootModule]) throws(ImageError) -> KernelEntry {
    try checkPlaces()
    for (_, segment) in kernel.loadable { copy(segment) }
    var content = StartRecord.Content(rsdp: loader.rsdp, memoryMap: loader.memoryMap)
    try place(modules, in: &content)
    try writeStrings(commandLine: commandLine, modules: modules, in: &content)
    loader.write(StartRecord.recordAndMemoryMap(content), at: BootLayout.startRecord)
    loader.write(StartRecord.moduleList(content), at: BootLayout.moduleList)
    loader.write(descriptors: BootDescriptor.table)
    switch kernel.bootProtocol {
    case .pvh(let entry): return pvhEntry(entry)
    case .long(let entry): return try longEntry(entry)
    }
  }

  // MARK: Entries

  /// The state the PVH boot ABI asks for: flat 32-bit protected mode without paging.
  private func pvhEntry(_ address: UInt64) -> KernelEntry {
    KernelEntry(
      mode: .protected, address: address, code: BootDescriptor.code32, data: BootDescriptor.data,
      descriptorCount: BootDescriptor.table.count,
      registers: [.init(.rbx, BootLayout.startRecord)])
  }

  /// 64-bit mode with everything mapped and SSE on, called like a C function with the start record
  /// as its argument.
  private func longEntry(_ address: UInt64) throws(ImageError) -> KernelEntry {
    KernelEntry(
      mode: .long(pageTableRoot: try makePageTables()), address: address,
      code: BootDescriptor.code64, data: BootDescriptor.data,
      descriptorCount: BootDescriptor.table.count,
      registers: [
        .init(.rdi, BootLayout.startRecord), .init(.rsp, BootLayout.stackTop - 8),
      ])
  }

  // MARK: Segments

  private func checkPlaces() throws(ImageError) {
    for (number, segment) in kernel.loadable {
      let range = segment.physicalAddress..<segment.physicalAddress + segment.memorySize
      guard loader.isUsable(range) else {
        throw ImageError(
          kernel.elf.name,
          "segment \(number) is for physical addresses \(range.lowerBound.hex) to "
            + "\((range.upperBound - 1).hex), where this machine of \(loader.memory.size >> 20) MiB has "
            + "no free RAM (see --memory, and the linker's AT() for kernels at high addresses)")
      }
      guard range.lowerBound >= bootAreaEnd else {
        throw ImageError(
          kernel.elf.name,
          "segment \(number) at physical address \(range.lowerBound.hex) overlaps the boot "
            + "structures below \(bootAreaEnd.hex)")
      }
    }
  }

  private var bootAreaEnd: UInt64 {
    if case .pvh = kernel.bootProtocol { return BootLayout.stringsEnd }
    return BootLayout.pageTablesEnd
  }

  private func copy(_ segment: ELFImage.Segment) {
    let start = Int(segment.offset)
    // The rest of the segment is zero because memory starts that way.
    loader.write(
      kernel.elf.bytes[start..<start + Int(segment.fileSize)], at: segment.physicalAddress)
  }

  // MARK: Modules and strings

  private func place(
    _ modules: [BootModule], in content: inout StartRecord.Content
  ) throws(ImageError) {
    guard modules.count <= BootLayout.moduleLimit else {
      throw ImageError(
        kernel.elf.name,
        "\(modules.count) modules are more than the \(BootLayout.moduleLimit) that can be passed")
    }
    let kernelEnd = kernel.loadable.map { $0.segment.physicalAddress + $0.segment.memorySize }.max()
    var next = loader.pageAligned(max(kernelEnd ?? 0, MemoryMap.highMemory))
    for module in modules {
      let size = UInt64(module.bytes.count)
      guard size <= loader.memory.lowSize, next <= loader.memory.lowSize - size else {
        throw ImageError(
          module.name,
          "this module of \(size) bytes does not fit below \(loader.memory.lowSize.hex) behind the kernel;"
            + " give the machine more memory with --memory")
      }
      loader.write(module.bytes, at: next)
      content.modules.append((address: next, size: size, name: 0))
      next = loader.pageAligned(next + size)
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
          kernel.elf.name,
          "the command line and the modules' names are longer than the "
            + "\(BootLayout.stringsEnd - BootLayout.strings) bytes that can be passed")
      }
      loader.write(bytes, at: next)
      defer { next += UInt64(bytes.count) }
      return next
    }
    content.commandLine = try place(commandLine)
    for index in modules.indices {
      content.modules[index].name = try place(modules[index].name)
    }
  }

  // MARK: Paging

  private func makePageTables() throws(ImageError) -> UInt64 {
    loader.write(BootCode.returnStub, at: BootLayout.returnStub)
    var returnAddress = ByteWriter()
    returnAddress.append(BootLayout.returnStub)
    loader.write(returnAddress.bytes, at: BootLayout.stackTop - 8)
    do {
      // Every segment is mapped with every right: the kernel sets up its own protection.
      var tables = try BootPageTables(identity: loader.memory)
      for (number, segment) in kernel.loadable
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
        kernel.elf.name, "its segments need more page tables than fit into low memory")
    }
  }

  private func checkMapping(_ segment: ELFImage.Segment, _ number: Int) throws(ImageError) {
    let last = segment.virtualAddress + (segment.memorySize - 1)
    guard LinearAddress(segment.virtualAddress).isCanonical, LinearAddress(last).isCanonical,
      segment.virtualAddress >> 63 == last >> 63
    else {
      throw ImageError(
        kernel.elf.name,
        "segment \(number) has the virtual address \(segment.virtualAddress.hex), "
          + "which is not canonical")
    }
    guard segment.virtualAddress & 0xFFF == segment.physicalAddress & 0xFFF else {
      throw ImageError(
        kernel.elf.name,
        "segment \(number) cannot be mapped: its virtual address \(segment.virtualAddress.hex) and "
          + "its physical address \(segment.physicalAddress.hex) differ in the offset in a page")
    }
  }
}
