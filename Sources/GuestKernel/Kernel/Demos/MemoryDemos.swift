/// What the demonstrations of memory have in common: they map into the address space of the program that
/// asked, and touch pages as it would, with real page faults.
import KernelArch

enum DemoMemory {
  static var space: AddressSpace { Process.current.space }

  /// Maps pages that can be read and written, or nil.
  static func map(
    _ pages: UInt64, _ kind: AreaKind = [], object: MemoryObject? = nil
  ) -> UInt64? {
    let result = space.map(
      at: nil, size: pages * pageSize, [.read, .write], kind, object: object)
    if case .success(let start) = result { return start }
    return nil
  }

  static func unmap(_ start: UInt64, _ pages: UInt64) {
    space.unmap(start..<start + pages * pageSize)
  }

  static func write(_ value: UInt64, at address: UInt64) -> Bool {
    UserMemory.write(record: value, to: address)
  }

  static func read(_ address: UInt64) -> UInt64? {
    guard let bytes = UserMemory.read(address, count: 8) else { return nil }
    return bytes.withUnsafeBytes { $0.word64(0) }
  }

  /// The frame behind an address, if there is one.
  static func frame(_ address: UInt64, in space: AddressSpace = space) -> PhysicalAddress? {
    space.tables.translate(LinearAddress(address))?.alignedDown()
  }

  /// Page faults of the calling program so far.
  static var faults: UInt64 { space.minorFaults + space.majorFaults }

  static let demos: [KernelDemo] = [
    KernelDemo(name: "buddy", summary: "blocks of frames split and merge", run: BuddyDemo.run),
    KernelDemo(
      name: "slab", summary: "object caches, and the mistakes they catch",
      needs: ("SLAB_CHECKS", Configuration.SLAB_CHECKS), run: SlabDemo.run),
    KernelDemo(
      name: "demand-paging", summary: "memory comes at its first touch", run: DemandPagingDemo.run),
    KernelDemo(
      name: "cow", summary: "fork copies a page when it is written", run: CopyOnWriteDemo.run),
    KernelDemo(
      name: "aliasing", summary: "one page at two addresses, and in two processes",
      run: AliasingDemo.run),
    KernelDemo(
      name: "page-walk", summary: "from a linear address to a frame", run: PageWalkDemo.run),
    KernelDemo(name: "stack", summary: "a stack grows, up to its guard", run: StackDemo.run),
    KernelDemo(
      name: "mmap-file", summary: "a file in memory, shared and private", run: MappedFileDemo.run),
    KernelDemo(
      name: "overcommit", summary: "promising more memory than there is", run: OvercommitDemo.run),
    KernelDemo(
      name: "hugepages", summary: "two MiB by one entry",
      needs: ("HUGE_PAGES", Configuration.HUGE_PAGES), run: HugePagesDemo.run),
    KernelDemo(
      name: "swap", summary: "more memory than RAM",
      needs: ("COMPRESSED_SWAP", Configuration.COMPRESSED_SWAP), run: SwapDemo.run),
    KernelDemo(
      name: "pressure", summary: "threads on all processors share too little memory",
      needs: ("COMPRESSED_SWAP", Configuration.COMPRESSED_SWAP),
      run: PressureDemo.run),
    KernelDemo(
      name: "oom", summary: "when nothing is left, the worst goes",
      needs: ("OOM_KILLER", Configuration.OOM_KILLER), run: OutOfMemoryDemo.run),
    KernelDemo(
      name: "kaslr", summary: "where things lie is chosen at boot",
      needs: ("KASLR", Configuration.KASLR), run: RandomizationDemo.run),
  ]
}
