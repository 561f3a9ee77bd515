/// Where one 4-KiB page below 1 MiB lies in the reservation, -1 where a device or nobody answers.
struct LegacyPage {
  var readOffset: Int
  var writeOffset: Int
}

/// Where guest memory lies on the host: plain pointers that the hot path may copy freely.
///
/// Valid as long as the `PhysicalMemory` it comes from.
struct GuestRAM {
  /// The reservation: RAM below the device hole, RAM from 4 GiB on, the ROM.
  let base: UnsafeMutableRawPointer
  /// One word a page of the reservation: a bit for each 64 bytes that decoded code comes from.
  let codeLines: UnsafeMutablePointer<UInt64>
  /// One byte a page of the reservation: whether it was written since the last snapshot.
  let written: UnsafeMutablePointer<UInt8>
  /// RAM below the hole, in bytes.
  let lowSize: UInt64
  /// RAM from 4 GiB on, in bytes.
  let highSize: UInt64
  /// The ROM, in bytes; it ends at 4 GiB.
  let romSize: UInt64
  /// What the pages from `PhysicalMemory.legacyStart` to 1 MiB are.
  let legacyPages: UnsafeMutablePointer<LegacyPage>

  /// The offset in the reservation of what is read at a physical address, or nil if it is no
  /// memory.
  @inline(__always) func offset(of address: PhysicalAddress) -> Int? {
    let value = address.value
    if value < lowSize && value &- PhysicalMemory.legacyStart >= PhysicalMemory.legacySize {
      return Int(truncatingIfNeeded: value)
    }
    return rareOffset(value, isWrite: false)
  }

  /// The offset in the reservation of what is written at a physical address, or nil if it is no
  /// RAM or protected.
  @inline(__always) func writableOffset(of address: PhysicalAddress) -> Int? {
    let value = address.value
    if value < lowSize && value &- PhysicalMemory.legacyStart >= PhysicalMemory.legacySize {
      return Int(truncatingIfNeeded: value)
    }
    return rareOffset(value, isWrite: true)
  }

  private func rareOffset(_ value: UInt64, isWrite: Bool) -> Int? {
    let legacy = value &- PhysicalMemory.legacyStart
    if legacy < PhysicalMemory.legacySize {
      let page = legacyPages[Int(truncatingIfNeeded: legacy >> 12)]
      let offset = isWrite ? page.writeOffset : page.readOffset
      return offset < 0 ? nil : offset | Int(truncatingIfNeeded: value & 0xFFF)
    }
    let high = value &- PhysicalMemory.highStart
    if value >= PhysicalMemory.highStart {
      return high < highSize ? Int(truncatingIfNeeded: high &+ lowSize) : nil
    }
    guard !isWrite, value >= PhysicalMemory.highStart &- romSize else { return nil }
    return Int(truncatingIfNeeded: high &+ romSize &+ lowSize &+ highSize)
  }

  /// The host address of a byte to read, or nil; valid to the end of its page.
  @inline(__always) func host(_ address: PhysicalAddress) -> UnsafeMutableRawPointer? {
    guard let offset = offset(of: address) else { return nil }
    return base + offset
  }

  /// The host address of a byte to write, or nil; valid to the end of its page.
  @inline(__always) func writableHost(_ address: PhysicalAddress) -> UnsafeMutableRawPointer? {
    guard let offset = writableOffset(of: address) else { return nil }
    return base + offset
  }

  /// The 64-byte lines of a page that `count` bytes from offset `first` touch, a bit each.
  @inline(__always) static func lines(_ first: UInt64, _ count: UInt64) -> UInt64 {
    let from = first >> 6
    let last = min(first &+ max(count, 1) &- 1, 4095) >> 6
    return UInt64.max &<< from & UInt64.max &>> (63 &- last)
  }

  /// Whether stores to a page need no look: it is RAM that reads back, without decoded code, and
  /// its writing was noted.
  @inline(__always) func isPlainlyWritable(physicalPage: UInt64) -> Bool {
    let address = PhysicalAddress(physicalPage)
    guard let offset = writableOffset(of: address), offset == self.offset(of: address) else {
      return false
    }
    return codeLines[offset >> 12] == 0 && written[offset >> 12] != 0
  }

  /// Notes that a page is being written.
  @inline(__always) func noteWrite(physicalPage: UInt64) {
    guard let offset = writableOffset(of: PhysicalAddress(physicalPage)) else { return }
    written[offset >> 12] = 1
  }

  /// Whether decoded code may come from what is written at these bytes, which lie in one page.
  @inline(__always) func hasCode(_ address: PhysicalAddress, count: UInt64) -> Bool {
    guard let offset = writableOffset(of: address) else { return false }
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
