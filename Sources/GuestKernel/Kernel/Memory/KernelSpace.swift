/// The kernel's own mappings: every page either writable or executable, and none of them a user's.
import KernelArch

enum KernelSpace {
  nonisolated(unsafe) private static var built: PageTables?

  static var tables: PageTables {
    guard let built else { panic("kernel page tables used before they exist") }
    return built
  }

  /// Builds the tables and leaves the boot loader's identity map behind.
  static func start(_ map: MemoryMap) {
    guard let tables = PageTables() else { panic("no memory for page tables") }
    built = tables
    for slot in [Randomization.directMap, Layout.heap, Layout.stacks, Layout.image] {
      prepare(slot)
    }
    let direct = mapPhysicalMemory(map)
    mapImage()
    write_cr3(tables.root.value)
    let moved = Randomization.directMap - Layout.directMap
    Layout.directMap = Randomization.directMap
    Frames.follow(directMapBy: moved)
    Isolation.shareEntries()
    Features.enableProtections()
    describe(direct)
  }

  static func map(_ address: LinearAddress, to frame: PhysicalAddress, _ flags: PageFlags) {
    if !tables.map(address, to: frame, flags) { panic("no memory for page tables") }
  }

  static func isMapped(_ address: LinearAddress) -> Bool { built?.leaf(address) != nil }

  /// Makes physical addresses outside of memory readable: firmware tables, device registers.
  static func ensureMapped(_ physical: PhysicalAddress, length: UInt64, isDevice: Bool) {
    guard built != nil else { return }  // boot page tables map the first 4 GiB
    var page = physical.alignedDown()
    while page < physical + max(1, length) {
      let address = LinearAddress(page.value &+ Layout.directMap)
      if !isMapped(address) { map(address, to: page, isDevice ? .device : .kernelData) }
      page = page + pageSize
    }
  }

  /// Makes the PML4 entry now, since address spaces copy it when they are made.
  private static func prepare(_ base: UInt64) {
    let entry = PageTables.entry(tables.root, Int(base >> 39 & 511))
    guard entry.pointee == 0 else { return }
    guard let frame = Frames.allocate() else { panic("no memory for page tables") }
    PageTables.countFrames(1)
    let path: PageFlags = [.present, .writable]
    entry.pointee = frame.value | path.rawValue
  }
}

// MARK: The direct map

extension KernelSpace {
  private static var imageFrames: Range<UInt64> {
    linker_boot_start()..<(linker_kernel_end() - Layout.image)
  }

  /// Maps all memory, in the largest pages that fit; returns where it ends.
  private static func mapPhysicalMemory(_ map: MemoryMap) -> UInt64 {
    var end: UInt64 = 0
    mapDirectly(0, 1 << 20, &end)
    for region in map.regions where region.kind != .unusable {
      let isFarReserved = region.kind == .reserved && region.base >= map.endOfUsable
      if !isFarReserved { mapDirectly(region.base, region.end, &end) }
    }
    return end
  }

  private static func mapDirectly(_ base: UInt64, _ limit: UInt64, _ end: inout UInt64) {
    let chunk = PageLevel.page2M.size
    var at = max(end, base & ~(chunk - 1))
    while at < limit {
      let huge = PageLevel.page1G.size
      if Features.hasGiBPages, at & (huge - 1) == 0, limit - at >= huge,
        !imageFrames.overlaps(at..<at + huge)
      {
        mapOne(at, .kernelData, .page1G)
        at += huge
      } else if imageFrames.overlaps(at..<at + chunk) {
        for page in stride(from: at, to: at + chunk, by: Int(pageSize)) {
          mapOne(page, directFlags(page), .page4K)
        }
        at += chunk
      } else {
        mapOne(at, .kernelData, .page2M)
        at += chunk
      }
      end = at
    }
  }

  private static func mapOne(_ physical: UInt64, _ flags: PageFlags, _ level: PageLevel) {
    let address = LinearAddress(physical &+ Randomization.directMap)
    if !tables.map(address, to: PhysicalAddress(physical), flags, level: level) {
      panic("no memory for page tables")
    }
  }

  /// What is read-only in the image is read-only in the direct map too.
  private static func directFlags(_ physical: UInt64) -> PageFlags {
    let linked = physical &+ Layout.image
    let isConstant =
      linked >= linker_text_start() && linked < linker_rodata_end()
      || linked >= linker_symbols_start() && linked < linker_kernel_end()
    return isConstant ? .kernelConstant : .kernelData
  }
}

// MARK: The kernel image

extension KernelSpace {
  private static func mapImage() {
    mapSection(linker_text_start(), linker_text_end(), .kernelCode)
    mapSection(linker_rodata_start(), linker_rodata_end(), .kernelConstant)
    mapSection(linker_data_start(), linker_data_end(), .kernelData)
    mapSection(linker_symbols_start(), linker_kernel_end(), .kernelConstant)
    for page in KernelStacks.imageGuards { tables.leaf(LinearAddress(page))?.entry.pointee = 0 }
  }

  private static func mapSection(_ start: UInt64, _ end: UInt64, _ flags: PageFlags) {
    for page in stride(from: start, to: end, by: Int(pageSize)) {
      map(LinearAddress(page), to: PhysicalAddress(page &- Layout.image), flags)
    }
  }

  private static func describe(_ directEnd: UInt64) {
    let pages: StaticString = Features.hasGiBPages ? "2 MiB and 1 GiB pages" : "2 MiB pages"
    log(
      "paging",
      "  \(hex: Layout.directMap, digits: 16) rw- physical memory up to \(size: directEnd), \(pages)"
    )
    section(linker_text_start(), linker_text_end() - linker_text_start(), "r-x", "kernel code", "")
    section(
      linker_rodata_start(), linker_rodata_end() - linker_rodata_start(), "r--",
      "constants and programs", "")
    section(linker_data_start(), linker_data_end() - linker_data_start(), "rw-", "data", "")
    section(
      linker_symbols_start(), linker_kernel_end() - linker_symbols_start(), "r--", "symbols", "")
    var on: TextLine = "on: write-protect, no-execute"
    if Features.hasSMEP { on.append(", SMEP") }
    if Features.hasSMAP { on.append(", SMAP") }
    if Features.hasUMIP { on.append(", UMIP") }
    if Isolation.isOn { on.append(", isolation") }
    log("paging", "\(on); identity map dropped")
  }

  private static func section(
    _ base: UInt64, _ size: UInt64, _ access: StaticString, _ what: StaticString,
    _ detail: StaticString
  ) {
    log("paging", "  \(hex: base, digits: 16) \(access) \(size: size) \(what)\(detail)")
  }
}
