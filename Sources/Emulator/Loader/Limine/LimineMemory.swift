/// Memory that a Limine kernel is told of by kind, and the part of it that holds the answers.
final class LimineMemory {
  /// The types of the memory map.
  enum Kind: UInt64 {
    case usable, reserved, acpiReclaimable, acpiNVS, bad, bootloaderReclaimable, kernelAndModules
  }

  /// An entry of the memory map.
  struct Entry {
    var start: UInt64
    var end: UInt64
    var kind: Kind
  }

  private static let chunkSize: UInt64 = 0x1_0000
  private static let page = PhysicalMemory.pageSize

  private let name: String
  private let memoryMap: [MemoryRange]
  private var free: FreeMemory
  private var taken: [Entry] = []
  /// What is left of the last chunk for small things.
  private var chunk: Range<UInt64> = 0..<0

  init(_ memoryMap: [MemoryRange], name: String) {
    self.memoryMap = memoryMap
    self.name = name
    free = FreeMemory(memoryMap)
  }

  /// Takes whole pages.
  func takePages(
    _ size: UInt64, alignment: UInt64 = page, kind: Kind, for what: String
  ) throws(ImageError) -> UInt64 {
    guard size <= PhysicalMemory.highStart else { throw noRoom(size, what) }
    let rounded = max((size + Self.page - 1) & ~(Self.page - 1), Self.page)
    guard
      let address = free.lowest(size: rounded, alignment: alignment)
        ?? free.lowest(size: rounded, alignment: Self.page)
    else { throw noRoom(size, what) }
    free.remove(address..<address + rounded)
    taken.append(Entry(start: address, end: address + rounded, kind: kind))
    return address
  }

  /// Takes a few bytes that the kernel may have back later.
  func take(_ size: UInt64) throws(ImageError) -> UInt64 {
    let rounded = (size + 15) & ~15
    if rounded > UInt64(chunk.count) {
      guard rounded <= Self.chunkSize / 4 else {
        return try takePages(size, kind: .bootloaderReclaimable, for: "answers to its requests")
      }
      let start = try takePages(
        Self.chunkSize, kind: .bootloaderReclaimable, for: "answers to its requests")
      chunk = start..<start + Self.chunkSize
    }
    defer { chunk = chunk.lowerBound + rounded..<chunk.upperBound }
    return chunk.lowerBound
  }

  private func noRoom(_ size: UInt64, _ what: String) -> ImageError {
    ImageError(
      name,
      "there are no \(size) bytes of free memory for its \(what); "
        + "give the machine more memory with --memory")
  }

  /// How many entries the map may have, whatever is still taken in one piece.
  var entryLimit: Int { memoryMap.count * 2 + taken.count * 2 + 8 }

  /// The memory map: ascending, without overlaps, what can be used in whole pages.
  func entries() -> [Entry] {
    var entries = memoryMap.compactMap(Self.entry)
    for piece in taken {
      entries = entries.flatMap { Self.cut($0, around: piece) } + [piece]
    }
    entries.sort { $0.start < $1.start }
    var merged: [Entry] = []
    for entry in entries {
      if let last = merged.last, last.kind == entry.kind, last.end == entry.start {
        merged[merged.count - 1].end = entry.end
      } else {
        merged.append(entry)
      }
    }
    return merged
  }

  /// RAM in whole pages, but for the first.
  static func usable(_ memoryMap: [MemoryRange]) -> [Range<UInt64>] {
    memoryMap.compactMap(entry).filter { $0.kind == .usable }.map { $0.start..<$0.end }
  }

  private static func entry(_ range: MemoryRange) -> Entry? {
    switch range.kind {
    case .usable:
      let start = max((range.start + page - 1) & ~(page - 1), page)
      let end = range.end & ~(page - 1)
      return start < end ? Entry(start: start, end: end, kind: .usable) : nil
    case .reserved: return Entry(start: range.start, end: range.end, kind: .reserved)
    case .acpi: return Entry(start: range.start, end: range.end, kind: .acpiReclaimable)
    }
  }

  private static func cut(_ entry: Entry, around piece: Entry) -> [Entry] {
    guard entry.start < piece.end, piece.start < entry.end else { return [entry] }
    return [
      Entry(start: entry.start, end: max(entry.start, piece.start), kind: entry.kind),
      Entry(start: min(entry.end, piece.end), end: entry.end, kind: entry.kind),
    ].filter { $0.start < $0.end }
  }
}
