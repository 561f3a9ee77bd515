import Emulator

/// Memory as a debugger sees it: by linear addresses of one processor, or by physical ones.
///
/// RAM and ROM only: reading a device's register may change the device. Rights do not count, and
/// nothing is marked as accessed.
struct GuestMemoryView {
  /// Whose page tables count.
  let cpu: CPU
  /// All there is.
  let memory: PhysicalMemory
  /// Whether addresses are physical.
  var isPhysical = false

  /// Reads as many bytes as there are from `address` on, up to `count`.
  func read(_ address: UInt64, count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      guard let (place, length) = piece(address, bytes.count, count),
        let more = memory.read(place, count: length)
      else { break }
      bytes += more
    }
    return bytes
  }

  /// Reads a little-endian number of 1, 2, 4 or 8 bytes.
  func load(_ address: UInt64, size: Int) -> UInt64? {
    if let (place, length) = piece(address, 0, size), length == size {
      return memory.load(place, size: size)
    }
    let bytes = read(address, count: size)
    guard bytes.count == size else { return nil }
    return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Whether all bytes are in memory.
  func isWritable(_ address: UInt64, count: Int) -> Bool {
    var done = 0
    while done < count {
      guard let (place, length) = piece(address, done, count),
        memory.contains(place, count: length)
      else { return false }
      done += length
    }
    return true
  }

  /// Writes all bytes, or none.
  func write(_ address: UInt64, _ bytes: [UInt8]) -> Bool {
    var places: [(PhysicalAddress, Range<Int>)] = []
    var done = 0
    while done < bytes.count {
      guard let (place, length) = piece(address, done, bytes.count),
        memory.contains(place, count: length)
      else { return false }
      places.append((place, done..<done + length))
      done += length
    }
    for (place, range) in places {
      guard bytes[range].withUnsafeBytes({ memory.write(place, $0) }) else { return false }
    }
    return true
  }

  /// Where the byte `done` behind `address` is, and how many are there together.
  private func piece(
    _ address: UInt64, _ done: Int, _ count: Int
  ) -> (PhysicalAddress, Int)? {
    var linear = address &+ UInt64(done)
    if !isPhysical && !cpu.isIA32e { linear &= 0xFFFF_FFFF }
    let at = LinearAddress(linear)
    let length = min(count - done, Int(PhysicalMemory.pageSize - at.offset))
    if isPhysical { return (PhysicalAddress(linear), length) }
    return cpu.peekTranslation(at).map { (PhysicalAddress($0.physicalPage | at.offset), length) }
  }
}
