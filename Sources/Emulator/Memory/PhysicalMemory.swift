import Glibc

/// Guest RAM and firmware ROM: one reservation, and a word of flags for each page.
///
/// Pages cost host memory only once touched. RAM lies below the 32-bit device hole and goes on at
/// 4 GiB; the ROM ends there.
public final class PhysicalMemory {
  /// Where devices begin below 4 GiB: as on a Q35 chipset, which has PCI's configuration space here.
  public static let holeStart: UInt64 = 0xB000_0000
  /// Where RAM goes on.
  public static let highStart: UInt64 = 0x1_0000_0000
  /// Where the pages begin whose kind the machine chooses, up to 1 MiB.
  public static let legacyStart: UInt64 = 0xA_0000
  /// Bytes of these pages.
  public static let legacySize: UInt64 = 0x6_0000
  /// Bytes in a page.
  public static let pageSize: UInt64 = 4096

  /// All RAM, in bytes.
  public let size: UInt64
  /// RAM below the hole, in bytes.
  public let lowSize: UInt64
  /// RAM from 4 GiB on, in bytes.
  public var highSize: UInt64 { size - lowSize }

  /// Told of writes from outside a processor (loaders, DMA, debuggers) to bytes that code was
  /// decoded from: an address and a count that stays in its page.
  var codeObservers: [(PhysicalAddress, UInt64) -> Void] = []
  /// Told when pages below 1 MiB became something else: translations and decoded code are stale.
  package var mapObservers: [() -> Void] = []
  /// Told of every write from outside a processor while somebody watches.
  var writeObserver: ((PhysicalAddress, UInt64) -> Void)?
  /// Where it lies on the host.
  let ram: GuestRAM
  /// What `written` is relative to.
  var lastSnapshot: MemorySnapshot?
  let pageCounter = PageCounter()

  /// Reserves `size` bytes, a multiple of the page size, and puts whole pages of `rom` below
  /// 4 GiB; nil if the host refuses.
  public init?(size: UInt64, rom: [UInt8] = []) {
    let romSize = UInt64(rom.count)
    guard size > 0, size % Self.pageSize == 0, size <= 1 << 40, romSize % Self.pageSize == 0,
      romSize <= Self.largestROM
    else { return nil }
    self.size = size
    lowSize = min(size, Self.holeStart)
    let protection = PROT_READ | PROT_WRITE
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    let whole = Int(size + romSize)
    guard let region = mmap(nil, whole, protection, flags, -1, 0), region != MAP_FAILED else {
      return nil
    }
    let pages = whole / Int(Self.pageSize)
    let tableSize = Self.tableSize(whole)
    guard let table = mmap(nil, tableSize, protection, flags, -1, 0), table != MAP_FAILED else {
      munmap(region, whole)
      return nil
    }
    ram = GuestRAM(
      base: region, codeLines: table.assumingMemoryBound(to: UInt64.self),
      written: (table + pages * MemoryLayout<UInt64>.size).assumingMemoryBound(to: UInt8.self),
      lowSize: lowSize,
      highSize: size - lowSize, romSize: romSize,
      legacyPages: .allocate(capacity: Self.legacyPageCount))
    (region + Int(size)).copyMemory(from: rom, byteCount: rom.count)
    for page in 0..<Self.legacyPageCount {
      ram.legacyPages[page] = legacyPage(page, LegacyMapping(reads: .ram, writes: .ram))
    }
  }

  deinit {
    let whole = Int(size + ram.romSize)
    munmap(ram.base, whole)
    munmap(ram.codeLines, Self.tableSize(whole))
    ram.legacyPages.deallocate()
  }

  static let legacyPageCount = Int(legacySize / pageSize)
  /// What fits between the local APIC and 4 GiB.
  public static let largestROM: UInt64 = 16 << 20

  private static func tableSize(_ bytes: Int) -> Int {
    bytes / Int(pageSize) * (MemoryLayout<UInt64>.size + MemoryLayout<UInt8>.size)
  }

  /// The host address of a byte to read, or nil; valid to the end of its page.
  func host(_ address: PhysicalAddress) -> UnsafeMutableRawPointer? { ram.host(address) }

  /// Reads a little-endian number of at most eight bytes, which lie in one page of RAM or ROM.
  package func load(_ address: PhysicalAddress, size: Int) -> UInt64? {
    guard let host = ram.host(address) else { return nil }
    var value: UInt64 = 0
    memcpy(&value, host, min(size, 8))
    return value
  }

  /// Copies bytes out of RAM or ROM.
  ///
  /// Returns nil if any byte of the range is neither.
  public func read(_ address: PhysicalAddress, count: Int) -> [UInt8]? {
    guard contains(address, count: count) else { return nil }
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      eachPiece(address, count: count) { piece, at, length in
        if let target = buffer.baseAddress, let host = ram.host(piece) {
          memcpy(target + at, host, length)
        }
      }
      initialized = count
    }
  }

  /// Copies bytes into RAM, dropping code decoded from there; what is read-only stays as it is.
  ///
  /// Only between instructions.
  ///
  /// Returns false, and writes nothing, if any byte of the range is no memory.
  @discardableResult
  public func write(_ address: PhysicalAddress, _ bytes: UnsafeRawBufferPointer) -> Bool {
    guard contains(address, count: bytes.count) else { return false }
    eachPiece(address, count: bytes.count) { piece, at, length in
      if let source = bytes.baseAddress, let host = ram.writableHost(piece) {
        memcpy(host, source + at, length)
      }
    }
    noteWrite(address, count: UInt64(bytes.count))
    return true
  }

  /// Tells who must know that bytes of RAM have changed: snapshots, and decoded code.
  func noteWrite(_ address: PhysicalAddress, count: UInt64) {
    writeObserver?(address, count)
    var at = address.value
    let end = at &+ count
    while at < end {
      let size = min(end, (at | 0xFFF) &+ 1) &- at
      let piece = PhysicalAddress(at)
      ram.noteWrite(physicalPage: at & ~0xFFF)
      if ram.hasCode(piece, count: size) { for observe in codeObservers { observe(piece, size) } }
      at &+= size
    }
  }

  /// Whether the whole range can be read as memory.
  public func contains(_ address: PhysicalAddress, count: Int) -> Bool {
    guard count > 0 else { return count == 0 }
    guard !address.value.addingReportingOverflow(UInt64(count) - 1).overflow else { return false }
    var at = address
    var left = UInt64(count)
    while left > 0 {
      guard ram.offset(of: at) != nil else { return false }
      let length = min(left, contiguousCount(from: at.value))
      left -= length
      at = at + length
    }
    return true
  }

  /// The bytes from an address of memory on that are of the same kind and lie together.
  func contiguousCount(from address: UInt64) -> UInt64 {
    if address < lowSize {
      if address < Self.legacyStart { return min(lowSize, Self.legacyStart) - address }
      if address - Self.legacyStart < Self.legacySize { return (address | 0xFFF) + 1 - address }
      return lowSize - address
    }
    if address >= Self.highStart { return Self.highStart + highSize - address }
    return min(Self.highStart - address, Self.pageSize)
  }

  private func eachPiece(
    _ address: PhysicalAddress, count: Int, _ body: (PhysicalAddress, Int, Int) -> Void
  ) {
    var done = 0
    while done < count {
      let piece = address + UInt64(done)
      let length = Int(min(UInt64(count - done), contiguousCount(from: piece.value)))
      body(piece, done, length)
      done += length
    }
  }
}
