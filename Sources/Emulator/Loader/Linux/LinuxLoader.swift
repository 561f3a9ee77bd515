extension Loader {
  /// Loads a Linux kernel; the modules are its initial RAM disk.
  func load(
    _ kernel: LinuxKernel, entry: LinuxKernel.Entry?, commandLine: String, modules: [BootModule],
    seed: UInt64
  ) throws(ImageError) -> KernelEntry {
    let loader = LinuxLoader(loader: self, kernel: kernel, seed: seed)
    return try loader.load(entry: entry, commandLine: commandLine, modules: modules)
  }
}

/// Puts a Linux kernel, its initial RAM disk and its zero page into memory.
///
/// Linux kernel documentation, "The Linux/x86 Boot Protocol".
private struct LinuxLoader {
  let loader: Loader
  let kernel: LinuxKernel
  let seed: UInt64

  private typealias Field = LinuxKernel.Field

  /// The GDT that the protocol asks for: code is __BOOT_CS and data is __BOOT_DS.
  private enum Descriptors {
    static let code: UInt16 = 0x10
    static let data: UInt16 = 0x18
    static let taskState: UInt16 = 0x20

    static func table(isLong: Bool) -> [UInt64] {
      let all = BootDescriptor.table
      let code = all[Int(isLong ? BootDescriptor.code64 : BootDescriptor.code32) / 8]
      return [0, 0, code, all[Int(BootDescriptor.data) / 8]]
        + all[(Int(BootDescriptor.taskState) / 8)...]
    }
  }

  func load(
    entry: LinuxKernel.Entry?, commandLine: String, modules: [BootModule]
  ) throws(ImageError) -> KernelEntry {
    let entry = entry ?? (kernel.has64BitEntry ? .long : .protected)
    let address = try placeKernel()
    var page = ZeroPage(kernel)
    page.setRSDP(loader.rsdp)
    page.setMemoryMap(loader.memoryMap)
    page[Field.code32Start, 4] = address
    try place(commandLine, in: &page)
    try place(modules, above: address + kernel.initialSize, in: &page)
    placeSetupData(in: &page)
    loader.write(page.bytes, at: BootLayout.startRecord)
    let table = Descriptors.table(isLong: entry == .long)
    loader.write(descriptors: table)
    return KernelEntry(
      mode: try mode(entry), address: entry == .long ? address + 0x200 : address,
      code: Descriptors.code, data: Descriptors.data, task: Descriptors.taskState,
      descriptorCount: table.count, registers: Self.registers)
  }

  /// RSI is the zero page; the 32-bit entry wants zero in three others.
  private static let registers: [KernelEntry.Setting] = [
    .init(.rsi, BootLayout.startRecord), .init(.rbp, 0), .init(.rdi, 0), .init(.rbx, 0),
  ]

  private func mode(_ entry: LinuxKernel.Entry) throws(ImageError) -> KernelEntry.Mode {
    switch entry {
    case .protected: return .protected
    case .long:
      guard kernel.has64BitEntry else {
        throw ImageError(kernel.name, "this Linux kernel has no 64-bit entry; use --entry 32")
      }
      do {
        return .long(pageTableRoot: try BootPageTables(identity: loader.memory).root)
      } catch {
        throw ImageError(kernel.name, "low memory has no room for its first page tables")
      }
    case .real:
      throw ImageError(
        kernel.name,
        "the real-mode entry asks a BIOS for the memory map, and this machine has none; add --bios "
          + "with a SeaBIOS file, or use --entry 32 or 64")
    }
  }

  // MARK: Places

  /// Copies the kernel to where it prefers to be, or else to where it fits, and says where.
  private func placeKernel() throws(ImageError) -> UInt64 {
    let size = kernel.initialSize
    var address = kernel.preferredAddress
    if kernel.isRelocatable, !fits(address, size) {
      let starts = loader.memoryMap.lazy.filter { $0.kind == .usable }
        .map { ($0.start + kernel.alignment - 1) & ~(kernel.alignment - 1) }
      // A kernel below the address it prefers would move itself there.
      address = starts.first { $0 > address && fits($0, size) } ?? address
    }
    guard fits(address, size) else {
      throw ImageError(
        kernel.name,
        "it needs \(size) bytes from \(address.hex) on, and this machine of "
          + "\(loader.memory.size >> 20) MiB has no free RAM there (see --memory)")
    }
    loader.write(kernel.system, at: address)
    return address
  }

  private func fits(_ address: UInt64, _ size: UInt64) -> Bool {
    let (end, overflow) = address.addingReportingOverflow(size)
    return !overflow && end <= 1 << 32 && address >= MemoryMap.highMemory
      && loader.isUsable(address..<end)
  }

  private func place(_ commandLine: String, in page: inout ZeroPage) throws(ImageError) {
    let limit = min(kernel.commandLineLimit, BootLayout.stringsEnd - BootLayout.strings - 1)
    loader.write(try kernel.checked(commandLine, limit: limit), at: BootLayout.strings)
    page[Field.commandLine, 4] = BootLayout.strings
  }

  /// Puts the initial RAM disk as high as the kernel can reach it.
  private func place(
    _ modules: [BootModule], above end: UInt64, in page: inout ZeroPage
  ) throws(ImageError) {
    guard let first = modules.first else { return }
    let disk = BootModule.concatenated(modules)
    let size = UInt64(disk.count)
    let limit = min(kernel.ramdiskLimit, 0xFFFF_FFFE) + 1
    let tops = loader.memoryMap.filter { $0.kind == .usable }.map { range in
      (bottom: max(range.start, end), top: min(range.end, limit))
    }
    guard let room = tops.last(where: { $0.top >= $0.bottom && $0.top - $0.bottom >= size }),
      (room.top - size) & ~(PhysicalMemory.pageSize - 1) >= room.bottom
    else {
      throw ImageError(
        first.name,
        kernel.sentence(
          ramdiskSize: size, above: end, below: min(limit, loader.memory.lowSize)))
    }
    let address = (room.top - size) & ~(PhysicalMemory.pageSize - 1)
    loader.write(disk, at: address)
    page[Field.ramdiskAddress, 4] = address
    page[Field.ramdiskSize, 4] = size
  }

  /// Gives the kernel a seed for its random numbers, the same for every run with the same seed.
  private func placeSetupData(in page: inout ZeroPage) {
    guard kernel.version >= 0x209 else { return }
    var numbers = SeededNumbers(seed: seed)
    var node = ByteWriter()
    // The next node, SETUP_RNG_SEED, and the length of what follows.
    node.append(0 as UInt64)
    node.append(9 as UInt32)
    node.append(32 as UInt32)
    for _ in 0..<4 { node.append(numbers.next()) }
    loader.write(node.bytes, at: BootLayout.setupData)
    page[Field.setupData, 8] = BootLayout.setupData
  }
}
