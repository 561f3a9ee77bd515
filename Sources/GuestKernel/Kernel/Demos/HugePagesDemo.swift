/// Two MiB by one entry: the same memory in small pages and in large ones.
import KernelArch

enum HugePagesDemo {
  private static let pages: UInt64 = 2048

  static func run() -> Bool {
    Demo.say("8 MiB are mapped and every page is written to.")
    guard let small = measure([]), let large = measure(.hugePages) else { return false }
    Demo.say("small pages: \(small.faults) faults, \(small.tables) frames for page tables")
    Demo.say("large pages: \(large.faults) faults, \(large.tables) frames for page tables")
    var passed = Demo.check(
      small.faults == pages && large.faults * 256 <= small.faults + 1024,
      "one fault per 2 MiB instead of 512")
    passed = Demo.check(large.tables < small.tables, "and no tables at the lowest level") && passed
    return splitting() && passed
  }

  private static func measure(_ kind: AreaKind) -> (faults: UInt64, tables: UInt64)? {
    let huge: AreaKind = kind.isEmpty ? [] : [.hugePages, .onlyHugePages]
    guard let start = DemoMemory.map(pages, huge) else { return nil }
    defer { DemoMemory.unmap(start, pages) }
    let faults = DemoMemory.faults
    for page in 0..<pages where !DemoMemory.write(page, at: start + page * pageSize) { return nil }
    return (DemoMemory.faults - faults, lowestTables(start))
  }

  /// Tables at the lowest level that map the range, each 2 MiB of it.
  private static func lowestTables(_ start: UInt64) -> UInt64 {
    let space = DemoMemory.space
    let size = 512 * pageSize
    let first = start & ~(size - 1)
    return space.tableLock.withLock {
      var count: UInt64 = 0
      for address in stride(from: first, to: start + pages * pageSize, by: Int(size)) {
        if space.tables.lowestEntry(LinearAddress(max(address, start))).level == 1 { count += 1 }
      }
      return count
    }
  }

  private static func splitting() -> Bool {
    guard let start = DemoMemory.map(512, [.hugePages, .onlyHugePages]) else { return false }
    defer { DemoMemory.unmap(start, 512) }
    _ = DemoMemory.write(7, at: start)
    _ = DemoMemory.write(8, at: start + 511 * pageSize)
    DemoMemory.space.unmap(start + 100 * pageSize..<start + 200 * pageSize)
    return Demo.check(
      DemoMemory.read(start) == 7 && DemoMemory.read(start + 511 * pageSize) == 8
        && DemoMemory.read(start + 150 * pageSize) == nil && DemoMemory.space.pageCount > 412,
      "munmap of its middle makes 412 small pages of the rest, contents kept")
  }
}
