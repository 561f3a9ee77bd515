import CElf

/// A Limine kernel that lies in memory.
struct LimineImage {
  /// Pages in a row with the same rights.
  struct Run: Equatable {
    var virtual: UInt64
    var physical: UInt64
    var size: UInt64
    var rights: BootPageTables.Rights
  }

  /// Offsets in a request.
  private enum Field {
    static let revision: UInt64 = 32
    static let response: UInt64 = 40
    static let first: UInt64 = 48
  }

  let kernel: LimineKernel
  let memory: PhysicalMemory
  /// Where the kernel's first byte lies.
  let physicalBase: UInt64

  /// Where the byte at an address of the running kernel lies; nil outside of it.
  func physical(_ address: UInt64, count: UInt64 = 8) -> PhysicalAddress? {
    let offset = address &- kernel.base
    guard address >= kernel.base, offset < kernel.size, count <= kernel.size - offset else {
      return nil
    }
    return PhysicalAddress(physicalBase + offset)
  }

  /// Reads 8 bytes.
  func load(_ address: UInt64) -> UInt64? {
    guard let at = physical(address) else { return nil }
    return memory.read(at, count: 8)?.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Writes 8 bytes; false outside of the kernel.
  @discardableResult
  func store(_ address: UInt64, _ value: UInt64) -> Bool {
    guard let at = physical(address) else { return false }
    return withUnsafeBytes(of: value.littleEndian) { memory.write(at, $0) }
  }

  /// A zero-terminated string, cut off where the kernel ends.
  func string(_ address: UInt64) -> String {
    var bytes: [UInt8] = []
    var at = address
    while bytes.count < 4096, let here = physical(at, count: 1),
      let byte = memory.read(here, count: 1)?.first, byte != 0
    {
      bytes.append(byte)
      at &+= 1
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  // MARK: Loading

  /// Copies the segments; the rest is zero because memory starts that way.
  func copySegments() {
    for (_, segment) in kernel.elf.loadable {
      let start = Int(segment.offset)
      guard
        let at = physical(segment.virtualAddress &+ kernel.slide, count: segment.memorySize)
      else { continue }
      kernel.elf.bytes[start..<start + Int(segment.fileSize)].withUnsafeBytes {
        _ = memory.write(at, $0)
      }
    }
  }

  /// Moves a position-independent kernel to where it runs.
  func relocate() throws(ImageError) {
    guard kernel.elf.type == UInt16(ET_DYN),
      let dynamic = kernel.elf.segments.first(where: { $0.type == UInt32(PT_DYNAMIC) })
    else { return }
    let slide = kernel.slide
    let relocations = ELFRelocations(
      load: { load($0 &+ slide) }, store: { store($0 &+ slide, $1) }, slide: slide,
      name: kernel.elf.name)
    try relocations.apply(dynamic: dynamic)
  }

  /// The rights of every page, those of all segments that share it together.
  func runs() -> [Run] {
    let count = Int(kernel.size >> 12)
    var rights = [BootPageTables.Rights?](repeating: nil, count: count)
    for (_, segment) in kernel.elf.loadable {
      let start = segment.virtualAddress &+ kernel.slide &- kernel.base
      let pages = Int(start >> 12)...Int((start + segment.memorySize - 1) >> 12)
      var own: BootPageTables.Rights = []
      if segment.flags & UInt32(PF_W) != 0 { own.insert(.write) }
      if segment.flags & UInt32(PF_X) != 0 { own.insert(.execute) }
      for page in pages.clamped(to: 0...max(count - 1, 0)) {
        rights[page] = (rights[page] ?? []).union(own)
      }
    }
    var runs: [Run] = []
    for (page, right) in rights.enumerated() {
      guard let right else { continue }
      let offset = UInt64(page) << 12
      if let last = runs.last, last.rights == right,
        last.virtual + last.size == kernel.base + offset
      {
        runs[runs.count - 1].size += 0x1000
      } else {
        runs.append(
          Run(
            virtual: kernel.base + offset, physical: physicalBase + offset, size: 0x1000,
            rights: right))
      }
    }
    return runs
  }

  // MARK: Requests

  /// Finds the requests, as they stand after relocation.
  func requests() throws(ImageError) -> LimineRequests {
    let segments = kernel.elf.loadable.map(\.segment).sorted {
      $0.virtualAddress < $1.virtualAddress
    }
    let parts = segments.compactMap { segment -> LimineRequests.Part? in
      let address = segment.virtualAddress &+ kernel.slide
      guard let at = physical(address, count: segment.fileSize),
        let bytes = memory.read(at, count: Int(segment.fileSize))
      else { return nil }
      return LimineRequests.Part(address: address, bytes: bytes)
    }
    return try LimineRequests(parts, list: requestList(), name: kernel.elf.name)
  }

  /// The pointers in the section that a kernel of base revision 0 may have for them.
  private func requestList() -> [UInt64]? {
    guard
      let section = ELFSections(kernel.elf)?.section(named: LimineRequests.listSection)
    else { return nil }
    var list: [UInt64] = []
    var at = section.lowerBound
    while at < section.upperBound, let pointer = load(at &+ kernel.slide), pointer != 0 {
      list.append(pointer)
      at &+= 8
    }
    return list
  }

  /// A number that a request has behind its response pointer; nil if there is no such request.
  func field(_ feature: LimineFeature, _ index: UInt64, of requests: LimineRequests) -> UInt64? {
    requests.requests.first { $0.feature == feature }
      .flatMap { load($0.address &+ Field.first &+ index * 8) }
  }

  /// The revision of a request; nil if there is no such request.
  func revision(_ feature: LimineFeature, of requests: LimineRequests) -> UInt64? {
    requests.requests.first { $0.feature == feature }
      .flatMap { load($0.address &+ Field.revision) }
  }

  /// Gives a request its answer.
  func respond(to request: UInt64, with pointer: UInt64) {
    store(request &+ Field.response, pointer)
  }
}
