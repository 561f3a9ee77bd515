/// Puts a kernel, its modules and what its boot protocol hands over into memory.
struct Loader {
  let image: KernelImage
  let memory: PhysicalMemory
  let memoryMap: [MemoryRange]
  /// Where the RSDP stands, 0 if there is none.
  let rsdp: UInt64
  /// What the real-time clock shows, in seconds since 1970.
  var bootTime: UInt64 = 0
  /// How many processors there are.
  var processors = 1
  /// Whether the processor can walk five levels of page tables.
  var hasFiveLevelPaging = false

  /// The ACPI root pointer as it stands in memory; empty if there is none.
  var rootPointer: [UInt8] {
    rsdp == 0 ? [] : memory.read(PhysicalAddress(rsdp), count: 36) ?? []
  }

  /// Loads everything, or says in one sentence why it does not fit.
  func load(_ configuration: MachineConfiguration) throws(ImageError) -> KernelEntry {
    let commandLine = configuration.commandLine
    let modules = configuration.modules
    switch image.kind {
    case .elf(let kernel):
      return try load(kernel, commandLine: commandLine, modules: modules)
    case .linux(let kernel):
      return try load(
        kernel, entry: configuration.linuxEntry, commandLine: commandLine, modules: modules,
        seed: configuration.seed)
    case .multiboot(let kernel):
      return try load(kernel, commandLine: commandLine, modules: modules)
    case .limine(let kernel):
      return try load(kernel, commandLine: commandLine, modules: modules)
    }
  }

  // MARK: Writing

  /// Writes a segment-descriptor table.
  func write(descriptors: [UInt64]) {
    var bytes = ByteWriter()
    for descriptor in descriptors { bytes.append(descriptor) }
    write(bytes.bytes, at: BootLayout.descriptors)
  }

  /// Copies bytes to where RAM was found before.
  func write(_ bytes: some Collection<UInt8>, at address: UInt64) {
    let written: Void? = bytes.withContiguousStorageIfAvailable {
      memory.write(PhysicalAddress(address), UnsafeRawBufferPointer($0))
    }
    if written == nil {
      Array(bytes).withUnsafeBytes { _ = memory.write(PhysicalAddress(address), $0) }
    }
  }

  /// The next page boundary.
  func pageAligned(_ address: UInt64) -> UInt64 {
    (address + PhysicalMemory.pageSize - 1) & ~(PhysicalMemory.pageSize - 1)
  }

  /// Whether a kernel may use all of `range` by the memory map.
  func isUsable(_ range: Range<UInt64>) -> Bool {
    memoryMap.contains {
      $0.kind == .usable && $0.start <= range.lowerBound && range.upperBound <= $0.end
    }
  }
}
