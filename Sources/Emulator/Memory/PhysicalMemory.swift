import Glibc

/// Guest RAM: one reservation, and a byte of flags for each page.
///
/// Pages cost host memory only once touched. RAM lies below the 32-bit device hole and goes on at
/// 4 GiB.
public final class PhysicalMemory {
  /// Where devices begin below 4 GiB.
  public static let holeStart: UInt64 = 0xC000_0000
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

  let base: UnsafeMutableRawPointer
  /// One word a page of RAM: a bit for each 64 bytes that decoded code comes from.
  private let codeLines: UnsafeMutablePointer<UInt64>

  /// Reserves `size` bytes, a multiple of the page size. Returns nil if the host refuses.
  public init?(size: UInt64) {
    guard size > 0, size % Self.pageSize == 0, size <= 1 << 40 else { return nil }
    self.size = size
    lowSize = min(size, Self.holeStart)
    let protection = PROT_READ | PROT_WRITE
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let ram = mmap(nil, Int(size), protection, flags, -1, 0), ram != MAP_FAILED else {
      return nil
    }
    let tableSize = Int(size / Self.pageSize) * MemoryLayout<UInt64>.size
    guard let table = mmap(nil, tableSize, protection, flags, -1, 0), table != MAP_FAILED else {
      munmap(ram, Int(size))
      return nil
    }
    base = ram
    codeLines = table.assumingMemoryBound(to: UInt64.self)
  }

  deinit {
    munmap(base, Int(size))
    munmap(codeLines, Int(size / Self.pageSize) * MemoryLayout<UInt64>.size)
  }

  /// The offset in the reservation of a physical address, or nil if it is not RAM.
  @inline(__always) func offset(of address: PhysicalAddress) -> Int? {
    let value = address.value
    if value < lowSize { return Int(truncatingIfNeeded: value) }
    guard value >= Self.highStart, value &- Self.highStart < highSize else { return nil }
    return Int(truncatingIfNeeded: value &- Self.highStart &+ lowSize)
  }

  /// The host address of a byte of RAM, or nil; valid to the end of its page.
  @inline(__always) func host(_ address: PhysicalAddress) -> UnsafeMutableRawPointer? {
    guard let offset = offset(of: address) else { return nil }
    return base + offset
  }

  /// The 64-byte lines of a page that `count` bytes from offset `first` touch, a bit each.
  @inline(__always) static func lines(_ first: UInt64, _ count: UInt64) -> UInt64 {
    let from = first >> 6
    let last = min(first &+ max(count, 1) &- 1, 4095) >> 6
    return UInt64.max &<< from & UInt64.max &>> (63 &- last)
  }

  /// Whether decoded code comes from this page of RAM, so that stores must look.
  @inline(__always) func hasCode(physicalPage: UInt64) -> Bool {
    guard let offset = offset(of: PhysicalAddress(physicalPage)) else { return false }
    return codeLines[offset >> 12] != 0
  }

  /// Whether decoded code may come from these bytes, which lie in one page.
  @inline(__always) func hasCode(_ address: PhysicalAddress, count: UInt64) -> Bool {
    guard let offset = offset(of: address) else { return false }
    let lines = codeLines[offset >> 12]
    return lines != 0 && lines & Self.lines(address.value & 0xFFF, count) != 0
  }

  /// Adds lines of code to a page. Returns true if it had none before.
  func addCode(page: UInt64, lines: UInt64) -> Bool {
    guard let offset = offset(of: PhysicalAddress(page)) else { return false }
    defer { codeLines[offset >> 12] |= lines }
    return codeLines[offset >> 12] == 0
  }

  /// Replaces the lines of code of a page.
  func setCode(page: UInt64, lines: UInt64) {
    guard let offset = offset(of: PhysicalAddress(page)) else { return }
    codeLines[offset >> 12] = lines
  }

  /// Copies bytes out of RAM. Returns nil if any byte of the range is not RAM.
  public func read(_ address: PhysicalAddress, count: Int) -> [UInt8]? {
    guard contains(address, count: count) else { return nil }
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      eachPiece(address, count: count) { host, at, length in
        if let target = buffer.baseAddress { memcpy(target + at, host, length) }
      }
      initialized = count
    }
  }

  /// Copies bytes into RAM without telling the processors: for loaders, before the machine runs.
  /// Returns false, and writes nothing, if any byte of the range is not RAM.
  @discardableResult
  public func write(_ address: PhysicalAddress, _ bytes: UnsafeRawBufferPointer) -> Bool {
    guard contains(address, count: bytes.count) else { return false }
    eachPiece(address, count: bytes.count) { host, at, length in
      if let source = bytes.baseAddress { memcpy(host, source + at, length) }
    }
    return true
  }

  /// Whether the whole range is RAM.
  public func contains(_ address: PhysicalAddress, count: Int) -> Bool {
    guard count > 0 else { return count == 0 }
    let (last, overflow) = address.value.addingReportingOverflow(UInt64(count) - 1)
    guard !overflow, offset(of: address) != nil,
      offset(of: PhysicalAddress(last)) != nil
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
