import Glibc

extension PhysicalMemory {
  /// Makes all RAM zero again and gives the host its pages back.
  func clear() {
    madvise(ram.base, Int(size), MADV_DONTNEED)
    memset(ram.written, 1, Int(size / Self.pageSize))
  }

  /// Adds every page that holds anything but zeroes, with its number.
  func add(to digest: inout StateDigest) {
    let words = Int(Self.pageSize) / MemoryLayout<UInt64>.size
    for page in 0..<Int(size / Self.pageSize) {
      let content = (ram.base + page * Int(Self.pageSize)).assumingMemoryBound(to: UInt64.self)
      var any: UInt64 = 0
      for index in 0..<words { any |= content[index] }
      guard any != 0 else { continue }
      var hash: UInt64 = 0
      for index in 0..<words {
        hash = (hash ^ content[index]) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 29
      }
      digest.add(UInt64(page))
      digest.add(hash)
    }
  }
}
