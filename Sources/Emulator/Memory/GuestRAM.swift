/// Where guest RAM lies on the host: plain pointers that the hot path may copy freely.
///
/// Valid as long as the `PhysicalMemory` it comes from.
struct GuestRAM {
  /// The reservation: RAM below the device hole, then RAM from 4 GiB on.
  let base: UnsafeMutableRawPointer
  /// One word a page of RAM: a bit for each 64 bytes that decoded code comes from.
  let codeLines: UnsafeMutablePointer<UInt64>
  /// RAM below the hole, in bytes.
  let lowSize: UInt64
  /// RAM from 4 GiB on, in bytes.
  let highSize: UInt64

  /// The offset in the reservation of a physical address, or nil if it is not RAM.
  @inline(__always) func offset(of address: PhysicalAddress) -> Int? {
    let value = address.value
    if value < lowSize { return Int(truncatingIfNeeded: value) }
    let high = value &- PhysicalMemory.highStart
    guard value >= PhysicalMemory.highStart, high < highSize else { return nil }
    return Int(truncatingIfNeeded: high &+ lowSize)
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

  /// Adds lines of code to a page.
  ///
  /// Returns true if it had none before.
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
}
