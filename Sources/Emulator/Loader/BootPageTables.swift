/// Page tables that a kernel is entered with.
struct BootPageTables {
  /// Why a range cannot be mapped.
  enum Failure: Error {
    case noRoom
  }

  /// What a mapping allows, beyond reading.
  struct Rights: OptionSet {
    let rawValue: UInt8

    static let write = Rights(rawValue: 1)
    static let execute = Rights(rawValue: 2)
  }

  private static let presentBit: UInt64 = 1 << 0
  private static let writeBit: UInt64 = 1 << 1
  private static let pageSizeBit: UInt64 = 1 << 7
  private static let noExecuteBit: UInt64 = 1 << 63
  private static let tableMask: UInt64 = 0x000F_FFFF_FFFF_F000
  /// What an entry that points to a table has set.
  private static let table = presentBit | writeBit

  private let memory: PhysicalMemory
  private let levels: UInt64
  private let takePage: () -> UInt64?
  /// CR3.
  let root: UInt64

  /// Makes tables of four or five levels that map nothing; `takePage` gives pages of zeroes.
  init(
    memory: PhysicalMemory, levels: UInt64 = 4, takePage: @escaping () -> UInt64?
  ) throws(Failure) {
    self.memory = memory
    self.levels = levels
    self.takePage = takePage
    guard let root = takePage() else { throw .noRoom }
    self.root = root
  }

  /// Makes tables in low memory that map the first 512 GiB to themselves, with every right.
  init(identity memory: PhysicalMemory) throws(Failure) {
    var next = BootLayout.pageTables
    try self.init(memory: memory) {
      guard next < BootLayout.pageTablesEnd else { return nil }
      defer { next += PhysicalMemory.pageSize }
      return next
    }
    try map(virtual: 0, physical: 0, size: 512 << 30)
  }

  /// Maps `size` bytes in pages as large as they fit; both addresses have the same offset in their
  /// page.
  mutating func map(
    virtual: UInt64, physical: UInt64, size: UInt64, rights: Rights = [.write, .execute]
  ) throws(Failure) {
    guard size > 0 else { return }
    let first = virtual & ~0xFFF
    let pages = ((virtual & 0xFFF) + size + 0xFFF) >> 12
    let distance = (physical & ~0xFFF) &- first
    let attributes =
      Self.presentBit | (rights.contains(.write) ? Self.writeBit : 0)
      | (rights.contains(.execute) ? 0 : Self.noExecuteBit)
    var page: UInt64 = 0
    while page < pages {
      let address = first &+ page << 12
      let target = address &+ distance
      let level = Self.largestLevel(address | target, pages: pages - page)
      let size = level > 1 ? Self.pageSizeBit : 0
      write(try entry(for: address, level: level), target | attributes | size)
      page += 1 << (9 * (level - 1))
    }
  }

  /// The level of the largest page that begins at an address and is not longer than what is left.
  private static func largestLevel(_ address: UInt64, pages: UInt64) -> UInt64 {
    for level in [3, 2] as [UInt64] {
      let count: UInt64 = 1 << (9 * (level - 1))
      if address & (count << 12 - 1) == 0, pages >= count { return level }
    }
    return 1
  }

  /// The address of the entry of `level` for an address, splitting larger pages on the way.
  private mutating func entry(for address: UInt64, level: UInt64) throws(Failure) -> UInt64 {
    var table = root
    var current = levels
    while true {
      let at = table + (address >> (12 + 9 * (current - 1)) & 511) * 8
      if current == level { return at }
      let value = read(at)
      if value & 1 == 0 {
        table = try allocate()
        write(at, table | Self.table)
      } else if value & Self.pageSizeBit != 0 {
        table = try split(value, level: current)
        write(at, table | Self.table)
      } else {
        table = value & Self.tableMask
      }
      current -= 1
    }
  }

  /// A table of the next level that maps what a large page mapped.
  private mutating func split(_ value: UInt64, level: UInt64) throws(Failure) -> UInt64 {
    let table = try allocate()
    let size: UInt64 = 1 << (12 + 9 * (level - 2))
    let rights = value & (Self.presentBit | Self.writeBit | Self.noExecuteBit)
    let attributes = rights | (level > 2 ? Self.pageSizeBit : 0)
    let start = value & Self.tableMask & ~(size * 512 - 1)
    for index in 0..<512 as Range<UInt64> {
      write(table + index * 8, start + index * size | attributes)
    }
    return table
  }

  private mutating func allocate() throws(Failure) -> UInt64 {
    guard let page = takePage() else { throw .noRoom }
    return page
  }

  private func read(_ address: UInt64) -> UInt64 {
    memory.host(PhysicalAddress(address))?.load(as: UInt64.self) ?? 0
  }

  private func write(_ address: UInt64, _ value: UInt64) {
    _ = withUnsafeBytes(of: value) { memory.write(PhysicalAddress(address), $0) }
  }
}
