import Glibc

/// The content of guest RAM at one moment; pages that did not change are shared with others.
struct MemorySnapshot {
  /// Pages in a group.
  static let groupSize = 512

  /// The pages, in groups; nil for a group of zeroes.
  fileprivate(set) var groups: [PageGroup?]
  /// Pages that this snapshot made, and does not share with the one before.
  fileprivate(set) var ownPages = 0

  /// The content of page `number`, nil for zeroes.
  func page(_ number: Int) -> PageContent? {
    groups[number / Self.groupSize]?.pages[number % Self.groupSize]
  }

  /// Calls `body` with the number of each page whose content is not the same object in `other`.
  func eachDifference(from other: MemorySnapshot, _ body: (Int) -> Void) {
    for (index, group) in groups.enumerated() where group !== other.groups[index] {
      for number in 0..<Self.groupSize {
        let own = group?.pages[number]
        if own !== other.groups[index]?.pages[number] { body(index * Self.groupSize + number) }
      }
    }
  }
}

/// The pages of 2 MiB of RAM.
final class PageGroup {
  fileprivate(set) var pages: [PageContent?]

  fileprivate init(_ pages: [PageContent?]) { self.pages = pages }
}

/// How many pages the snapshots of one machine keep.
final class PageCounter {
  fileprivate(set) var count = 0
}

/// The bytes of one page.
final class PageContent {
  let bytes: UnsafeMutableRawPointer
  private let counter: PageCounter

  fileprivate init(copying host: UnsafeRawPointer, _ counter: PageCounter) {
    self.counter = counter
    counter.count += 1
    bytes = .allocate(byteCount: Int(PhysicalMemory.pageSize), alignment: 16)
    bytes.copyMemory(from: host, byteCount: Int(PhysicalMemory.pageSize))
  }

  deinit {
    counter.count -= 1
    bytes.deallocate()
  }
}

extension MemorySnapshot {
  /// Writes every page that holds anything, with its number before it.
  func write(to bytes: inout SnapshotWriter) {
    var numbers: [Int] = []
    for (index, group) in groups.enumerated() {
      guard let group else { continue }
      for (place, page) in group.pages.enumerated() where page != nil {
        numbers.append(index * Self.groupSize + place)
      }
    }
    bytes.append(UInt64(numbers.count))
    for number in numbers {
      guard let content = page(number) else { continue }
      bytes.append(UInt64(number))
      bytes.append(
        Array(UnsafeRawBufferPointer(start: content.bytes, count: Int(PhysicalMemory.pageSize))))
    }
  }
}

extension PhysicalMemory {
  /// Reads what `MemorySnapshot.write` wrote.
  func readSnapshot(from reader: inout SnapshotReader) throws(SnapshotCodingError)
    -> MemorySnapshot
  {
    let groupCount = (pageCount + MemorySnapshot.groupSize - 1) / MemorySnapshot.groupSize
    var groups = [[PageContent?]?](repeating: nil, count: groupCount)
    for _ in 0..<(try reader.count()) {
      let number = try reader.count()
      let bytes = try reader.bytes()
      guard number < pageCount, bytes.count == Int(Self.pageSize) else { throw .malformed }
      let (group, place) = number.quotientAndRemainder(dividingBy: MemorySnapshot.groupSize)
      var pages =
        groups[group] ?? [PageContent?](repeating: nil, count: MemorySnapshot.groupSize)
      groups[group] = nil
      pages[place] = bytes.withUnsafeBytes { buffer in
        buffer.baseAddress.map { PageContent(copying: $0, pageCounter) }
      }
      groups[group] = pages
    }
    return MemorySnapshot(groups: groups.map { $0.map { PageGroup($0) } })
  }

  private var pageCount: Int { Int(size / Self.pageSize) }

  /// Calls `body` with the number of each page of RAM written since the last snapshot.
  private func eachWrittenPage(_ body: (Int) -> Void) {
    let words = UnsafeRawPointer(ram.written)
    for start in stride(from: 0, to: pageCount, by: 8) {
      // The table goes on behind the RAM: its size is a multiple of eight bytes.
      guard words.loadUnaligned(fromByteOffset: start, as: UInt64.self) != 0 else { continue }
      for number in start..<min(start + 8, pageCount) where ram.written[number] != 0 {
        body(number)
      }
    }
  }

  private func host(page number: Int) -> UnsafeMutableRawPointer {
    ram.base + number * Int(Self.pageSize)
  }

  private func isZero(page number: Int) -> Bool {
    let words = host(page: number).assumingMemoryBound(to: UInt64.self)
    var any: UInt64 = 0
    for index in 0..<Int(Self.pageSize / 8) { any |= words[index] }
    return any == 0
  }

  /// Keeps the content of RAM; stores to any page are noted anew from now on.
  ///
  /// The processors must withdraw their write tags.
  func snapshot() -> MemorySnapshot {
    let groupCount = (pageCount + MemorySnapshot.groupSize - 1) / MemorySnapshot.groupSize
    var snapshot =
      lastSnapshot ?? MemorySnapshot(groups: [PageGroup?](repeating: nil, count: groupCount))
    snapshot.ownPages = 0
    var current = -1
    var pages: [PageContent?] = []
    func finishGroup() { if current >= 0 { snapshot.groups[current] = PageGroup(pages) } }
    eachWrittenPage { number in
      let (group, index) = number.quotientAndRemainder(dividingBy: MemorySnapshot.groupSize)
      if group != current {
        finishGroup()
        current = group
        pages =
          snapshot.groups[group]?.pages
          ?? [PageContent?](repeating: nil, count: MemorySnapshot.groupSize)
      }
      if isZero(page: number) {
        pages[index] = nil
      } else if pages[index].map({ memcmp($0.bytes, host(page: number), Int(Self.pageSize)) }) != 0
      {
        pages[index] = PageContent(copying: host(page: number), pageCounter)
        snapshot.ownPages += 1
      }
    }
    finishGroup()
    memset(ram.written, 0, pageCount)
    lastSnapshot = snapshot
    return snapshot
  }

  /// Makes RAM what it was; code that was decoded from other content is dropped.
  ///
  /// Only between instructions. The processors must withdraw their write tags.
  func restore(_ snapshot: MemorySnapshot) {
    if let last = lastSnapshot {
      snapshot.eachDifference(from: last) { number in
        if number < pageCount { ram.written[number] = 1 }
      }
    } else {
      for number in 0..<pageCount where snapshot.page(number) != nil { ram.written[number] = 1 }
    }
    eachWrittenPage { number in
      let host = host(page: number)
      if let content = snapshot.page(number) {
        if memcmp(host, content.bytes, Int(Self.pageSize)) == 0 { return }
        host.copyMemory(from: content.bytes, byteCount: Int(Self.pageSize))
      } else {
        if isZero(page: number) { return }
        memset(host, 0, Int(Self.pageSize))
      }
      dropCode(page: number)
    }
    memset(ram.written, 0, pageCount)
    lastSnapshot = snapshot
  }

  /// The numbers of the pages of RAM written since the last snapshot, or the last restored one.
  var writtenPages: Set<Int> {
    var numbers: Set<Int> = []
    eachWrittenPage { numbers.insert($0) }
    return numbers
  }

  /// Bytes that pages of all snapshots take.
  var snapshotBytes: Int { pageCounter.count * Int(Self.pageSize) }

  /// Whether the written pages are those of a snapshot.
  func matches(_ snapshot: MemorySnapshot) -> Bool {
    var isSame = true
    eachWrittenPage { number in
      guard isSame else { return }
      if let content = snapshot.page(number) {
        isSame = memcmp(host(page: number), content.bytes, Int(Self.pageSize)) == 0
      } else {
        isSame = isZero(page: number)
      }
    }
    return isSame
  }

  private func dropCode(page number: Int) {
    guard ram.codeLines[number] != 0 else { return }
    let offset = UInt64(number) * Self.pageSize
    let address = offset < lowSize ? offset : offset - lowSize + Self.highStart
    for observe in codeObservers { observe(PhysicalAddress(address), Self.pageSize) }
  }
}
