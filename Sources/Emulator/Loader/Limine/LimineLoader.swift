import CElf

extension Loader {
  /// Loads a kernel of the Limine protocol.
  func load(
    _ kernel: LimineKernel, commandLine: String, modules: [BootModule]
  ) throws(ImageError) -> KernelEntry {
    try LimineLoader(loader: self, kernel: kernel).load(commandLine: commandLine, modules: modules)
  }
}

/// Puts a Limine kernel into memory, maps it, and answers its requests.
private struct LimineLoader {
  /// The first address of the direct map of all memory, by levels of paging.
  private static let directMap: [UInt64: UInt64] = [
    4: 0xFFFF_8000_0000_0000, 5: 0xFF00_0000_0000_0000,
  ]
  /// The least stack.
  private static let stackSize: UInt64 = 0x1_0000
  /// PA0 to PA5 as the protocol has them: WB, WT, UC-, UC, WP, WC; the others as after reset.
  private static let pageAttributes: UInt64 = 0x0007_0105_0007_0406
  private static let firstGigabytes: UInt64 = 4 << 30

  let loader: Loader
  let kernel: LimineKernel
  private let memory: LimineMemory

  init(loader: Loader, kernel: LimineKernel) {
    self.loader = loader
    self.kernel = kernel
    memory = LimineMemory(loader.memoryMap, name: kernel.elf.name)
  }

  func load(commandLine: String, modules: [BootModule]) throws(ImageError) -> KernelEntry {
    let base = try memory.takePages(
      kernel.size, alignment: 0x20_0000, kind: .kernelAndModules, for: "image")
    let image = LimineImage(kernel: kernel, memory: loader.memory, physicalBase: base)
    image.copySegments()
    try image.relocate()
    let requests = try image.requests()
    let levels = try LiminePaging(image: image, requests: requests).levels(
      hasFiveLevels: loader.hasFiveLevelPaging)
    let directMap = Self.directMap[levels] ?? 0
    let stack = try makeStack(image, requests)
    let descriptors = try makeDescriptors()
    let tables = try makePageTables(
      image, levels: levels, directMap: directMap, revision: requests.revision)
    var answers = LimineAnswers(
      loader: loader, image: image, memory: memory, revision: requests.revision,
      directMap: directMap, levels: levels)
    try answers.answer(requests, commandLine: commandLine, modules: modules)
    return try entry(
      image, requests, tables: tables, levels: levels, stack: directMap + stack,
      descriptors: directMap + descriptors)
  }

  // MARK: The entry

  private func entry(
    _ image: LimineImage, _ requests: LimineRequests, tables: UInt64, levels: UInt64,
    stack: UInt64, descriptors: UInt64
  ) throws(ImageError) -> KernelEntry {
    let wanted = image.field(.entryPoint, 0, of: requests) ?? kernel.entry
    guard wanted >= kernel.base, wanted - kernel.base < kernel.size else {
      throw ImageError(
        kernel.elf.name, "its entry point \(wanted.hex) lies in none of its segments")
    }
    let zeroes = Register.allCases.filter { $0 != .rsp }.map { KernelEntry.Setting($0, 0) }
    var entry = KernelEntry(
      mode: .long(pageTableRoot: tables), address: wanted, code: LimineDescriptor.code64,
      data: LimineDescriptor.data64, task: 0, descriptorCount: LimineDescriptor.table.count,
      registers: zeroes + [.init(.rsp, stack)])
    entry.descriptorAddress = descriptors
    entry.pageAttributes = Self.pageAttributes
    entry.hasFiveLevels = levels == 5
    return entry
  }

  /// Makes the stack and returns where it ends, with a return address of 0 on it.
  private func makeStack(
    _ image: LimineImage, _ requests: LimineRequests
  ) throws(ImageError) -> UInt64 {
    let size = max(image.field(.stackSize, 0, of: requests) ?? 0, Self.stackSize)
    guard size <= loader.memory.size else {
      throw ImageError(
        kernel.elf.name, "it asks for a stack of \(size) bytes, more than there is memory")
    }
    let start = try memory.takePages(size, kind: .bootloaderReclaimable, for: "stack")
    return start + ((size + 0xFFF) & ~0xFFF) - 8
  }

  private func makeDescriptors() throws(ImageError) -> UInt64 {
    var bytes = ByteWriter()
    for descriptor in LimineDescriptor.table { bytes.append(descriptor) }
    let address = try memory.take(UInt64(bytes.bytes.count))
    loader.write(bytes.bytes, at: address)
    return address
  }

  // MARK: Paging

  private func makePageTables(
    _ image: LimineImage, levels: UInt64, directMap: UInt64, revision: UInt64
  ) throws(ImageError) -> UInt64 {
    do {
      var tables = try BootPageTables(memory: loader.memory, levels: levels) { [memory] in
        try? memory.takePages(
          PhysicalMemory.pageSize, kind: .bootloaderReclaimable, for: "page tables")
      }
      if revision == 0 {
        // The first page stays out, so that a stray null pointer finds nothing.
        try tables.map(virtual: 0x1000, physical: 0x1000, size: Self.firstGigabytes - 0x1000)
      }
      if revision <= 2 {
        try tables.map(virtual: directMap, physical: 0, size: Self.firstGigabytes)
      }
      for range in LimineMemory.usable(loader.memoryMap) {
        let start = revision <= 2 ? max(range.lowerBound, Self.firstGigabytes) : range.lowerBound
        guard start < range.upperBound else { continue }
        let size = range.upperBound - start
        try tables.map(virtual: directMap + start, physical: start, size: size)
        if revision == 0 { try tables.map(virtual: start, physical: start, size: size) }
      }
      for run in image.runs() {
        try tables.map(
          virtual: run.virtual, physical: run.physical, size: run.size, rights: run.rights)
      }
      return tables.root
    } catch {
      throw ImageError(
        kernel.elf.name, "there is no room for its page tables; give the machine more memory")
    }
  }
}

/// The GDT that the protocol wants.
private enum LimineDescriptor {
  static let code64: UInt16 = 0x28
  static let data64: UInt16 = 0x30

  /// Null; 16-bit code and data; 32-bit code and data; 64-bit code and data.
  static let table: [UInt64] = [
    0, 0x0000_9B00_0000_FFFF, 0x0000_9300_0000_FFFF, 0x00CF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF,
    0x0020_9B00_0000_0000, 0x0000_9300_0000_0000,
  ]
}
