import Glibc

/// Guest RAM: one reservation, and a byte of flags for each page.
///
/// Pages cost host memory only once touched. RAM lies below the 32-bit device hole and goes on at
/// 4 GiB.
public final class PhysicalMemory {
  /// Where devices begin below 4 GiB: as on a Q35 chipset, which has PCI's configuration space here.
  public static let holeStart: UInt64 = 0xB000_0000
  /// Where RAM goes on.
  public static let highStart: UInt64 = 0x1_0000_0000
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
  /// Where it lies on the host.
  let ram: GuestRAM

  /// Reserves `size` bytes, a multiple of the page size; nil if the host refuses.
  public init?(size: UInt64) {
    guard size > 0, size % Self.pageSize == 0, size <= 1 << 40 else { return nil }
    self.size = size
    lowSize = min(size, Self.holeStart)
    let protection = PROT_READ | PROT_WRITE
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let region = mmap(nil, Int(size), protection, flags, -1, 0), region != MAP_FAILED else {
      return nil
    }
    let tableSize = Int(size / Self.pageSize) * MemoryLayout<UInt64>.size
    guard let table = mmap(nil, tableSize, protection, flags, -1, 0), table != MAP_FAILED else {
      munmap(region, Int(size))
      return nil
    }
    ram = GuestRAM(
      base: region, codeLines: table.assumingMemoryBound(to: UInt64.self), lowSize: lowSize,
      highSize: size - lowSize)
  }

  deinit {
    munmap(ram.base, Int(size))
    munmap(ram.codeLines, Int(size / Self.pageSize) * MemoryLayout<UInt64>.size)
  }

  /// The host address of a byte of RAM, or nil; valid to the end of its page.
  func host(_ address: PhysicalAddress) -> UnsafeMutableRawPointer? { ram.host(address) }

  /// Copies bytes out of RAM.
  ///
  /// Returns nil if any byte of the range is not RAM.
  public func read(_ address: PhysicalAddress, count: Int) -> [UInt8]? {
    guard contains(address, count: count) else { return nil }
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      eachPiece(address, count: count) { host, at, length in
        if let target = buffer.baseAddress { memcpy(target + at, host, length) }
      }
      initialized = count
    }
  }

  /// Copies bytes into RAM, dropping code decoded from there.
  ///
  /// Only between instructions.
  ///
  /// Returns false, and writes nothing, if any byte of the range is not RAM.
  @discardableResult
  public func write(_ address: PhysicalAddress, _ bytes: UnsafeRawBufferPointer) -> Bool {
    guard contains(address, count: bytes.count) else { return false }
    eachPiece(address, count: bytes.count) { host, at, length in
      if let source = bytes.baseAddress { memcpy(host, source + at, length) }
    }
    dropCode(address, count: UInt64(bytes.count))
    return true
  }

  /// Drops code that was decoded from bytes of RAM which have changed.
  func dropCode(_ address: PhysicalAddress, count: UInt64) {
    var at = address.value
    let end = at &+ count
    while at < end {
      let size = min(end, (at | 0xFFF) &+ 1) &- at
      let piece = PhysicalAddress(at)
      if ram.hasCode(piece, count: size) { for observe in codeObservers { observe(piece, size) } }
      at &+= size
    }
  }

  /// Whether the whole range is RAM.
  public func contains(_ address: PhysicalAddress, count: Int) -> Bool {
    guard count > 0 else { return count == 0 }
    let (last, overflow) = address.value.addingReportingOverflow(UInt64(count) - 1)
    guard !overflow, ram.offset(of: address) != nil,
      ram.offset(of: PhysicalAddress(last)) != nil
    else { return false }
    return address.value < lowSize ? last < lowSize : true
  }

  private func eachPiece(
    _ address: PhysicalAddress, count: Int,
    _ body: (UnsafeMutableRawPointer, Int, Int) -> Void
  ) {
    guard count > 0, let host = host(address) else { return }
    body(host, 0, count)
  }
}
