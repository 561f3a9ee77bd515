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
    let descriptors = try makeDescriptors()
    let tables = try makePageTables(
      image, levels: levels, directMap: directMap, revision: requests.revision)
    let state = EntryState(tables: tables, levels: levels, descriptors: directMap + descriptors)
    // Stacks are taken before the memory map is made, which is among the answers.
    let processors = try makeProcessors(image, requests, directMap: directMap)
    let answers = LimineAnswers(
      loader: loader, image: image, memory: memory, revision: requests.revision,
      directMap: directMap, levels: levels, processors: processors.map(\.record))
    try answers.answer(requests, commandLine: commandLine, modules: modules)
    let address = try entryPoint(image, requests)
    var entry = state.entry(at: address, stack: processors[0].stack)
    entry.others = processors.dropFirst().map { processor in
      state.entry(at: processor.parking, stack: processor.stack, argument: processor.record)
    }
    return entry
  }

  /// What a processor is entered with; addresses are in the direct map.
  private struct Entrant {
    /// `limine_smp_info`, what the kernel knows the processor by.
    let record: UInt64
    let stack: UInt64
    /// The code in which it waits.
    let parking: UInt64
  }

  /// What all processors are entered with.
  private struct EntryState {
    let tables: UInt64
    let levels: UInt64
    let descriptors: UInt64

    func entry(at address: UInt64, stack: UInt64, argument: UInt64 = 0) -> KernelEntry {
      let zeroes = Register.allCases.filter { $0 != .rsp && $0 != .rdi }
        .map { KernelEntry.Setting($0, 0) }
      var entry = KernelEntry(
        mode: .long(pageTableRoot: tables), address: address, code: LimineDescriptor.code64,
        data: LimineDescriptor.data64, task: 0, descriptorCount: LimineDescriptor.table.count,
        registers: zeroes + [.init(.rsp, stack), .init(.rdi, argument)])
      entry.descriptorAddress = descriptors
      entry.pageAttributes = LimineLoader.pageAttributes
      entry.hasFiveLevels = levels == 5
      return entry
    }
  }

  // MARK: The entry

  private func entryPoint(
    _ image: LimineImage, _ requests: LimineRequests
  ) throws(ImageError) -> UInt64 {
    let wanted = image.field(.entryPoint, 0, of: requests) ?? kernel.entry
    guard wanted >= kernel.base, wanted - kernel.base < kernel.size else {
      throw ImageError(
        kernel.elf.name, "its entry point \(wanted.hex) lies in none of its segments")
    }
    return wanted
  }

  /// Takes the stacks: of the first processor, and of all if the kernel asks for them.
  private func makeProcessors(
    _ image: LimineImage, _ requests: LimineRequests, directMap: UInt64
  ) throws(ImageError) -> [Entrant] {
    let isRequested = requests.requests.contains { $0.feature == .processors }
    var parking: UInt64 = 0
    if isRequested {
      parking = directMap + (try memory.take(UInt64(Self.parkingCode.count)))
      loader.write(Self.parkingCode, at: parking - directMap)
    }
    var entrants: [Entrant] = []
    for number in 0..<(isRequested ? loader.processors : 1) {
      let stack = directMap + (try makeStack(image, requests))
      // processor_id and lapic_id share a word; reserved, goto_address, extra_argument follow.
      var record = ByteWriter()
      record.append(UInt32(number))
      record.append(UInt32(number))
      for _ in 0..<3 { record.append(0 as UInt64) }
      let address = try memory.take(UInt64(record.bytes.count))
      loader.write(record.bytes, at: address)
      entrants.append(Entrant(record: directMap + address, stack: stack, parking: parking))
    }
    return entrants
  }

  /// Waits for an address in `goto_address` of the record in RDI, and goes there.
  private static let parkingCode: [UInt8] = [
    0xF3, 0x90,  // again: PAUSE
    0x48, 0x8B, 0x47, 0x10,  // MOV RAX, [RDI+16]
    0x48, 0x85, 0xC0,  // TEST RAX, RAX
    0x74, 0xF5,  // JZ again
    0x31, 0xC0,  // XOR EAX, EAX
    0xFF, 0x67, 0x10,  // JMP [RDI+16]
  ]

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
