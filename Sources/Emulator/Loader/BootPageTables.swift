/// The page tables that a bare ELF64 kernel is entered with.
///
/// The first 512 GiB are mapped to themselves, then every segment to where it was loaded. All
/// pages are writable and executable: the kernel sets up its own protection.
struct BootPageTables {
  /// Why a segment cannot be mapped.
  enum Failure: Error {
    case noRoom
  }

  private static let present: UInt64 = 3
  private static let pageSizeBit: UInt64 = 1 << 7
  private static let tableMask: UInt64 = 0x000F_FFFF_FFFF_F000

  private let memory: PhysicalMemory
  private var next = BootLayout.pageTables
  /// CR3.
  let root: UInt64

  /// Behind the last page in use.
  var end: UInt64 { next }

  /// Makes the identity map.
  init(memory: PhysicalMemory) throws(Failure) {
    self.memory = memory
    root = BootLayout.pageTables
    _ = try allocate()
    let directoryPointers = try allocate()
    write(root, directoryPointers | Self.present)
    for index in 0..<512 as Range<UInt64> {
      write(directoryPointers + index * 8, index << 30 | Self.present | Self.pageSizeBit)
    }
  }

  /// Maps `size` bytes; both addresses have the same offset in their page.
  mutating func map(virtual: UInt64, physical: UInt64, size: UInt64) throws(Failure) {
    guard size > 0 else { return }
    let first = virtual & ~0xFFF
    let pages = ((virtual & 0xFFF) + size + 0xFFF) >> 12
    let distance = (physical & ~0xFFF) &- first
    var page: UInt64 = 0
    while page < pages {
      let address = first &+ page << 12
      let target = address &+ distance
      if address & 0x1F_FFFF == 0, target & 0x1F_FFFF == 0, pages - page >= 512 {
        let entry = try self.entry(for: address, level: 2)
        write(entry, target | Self.present | Self.pageSizeBit)
        page += 512
      } else {
        write(try entry(for: address, level: 1), target | Self.present)
        page += 1
      }
    }
  }

  /// The address of the entry of `level` for an address, splitting larger pages on the way.
  private mutating func entry(for address: UInt64, level: UInt64) throws(Failure) -> UInt64 {
    var table = root
    var current: UInt64 = 4
    while true {
      let at = table + (address >> (12 + 9 * (current - 1)) & 511) * 8
      if current == level { return at }
      let value = read(at)
      if value & 1 == 0 {
        table = try allocate()
        write(at, table | Self.present)
      } else if value & Self.pageSizeBit != 0 {
        table = try split(value, level: current)
        write(at, table | Self.present)
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
    let attributes = Self.present | (level > 2 ? Self.pageSizeBit : 0)
    let start = value & Self.tableMask & ~(size * 512 - 1)
    for index in 0..<512 as Range<UInt64> {
      write(table + index * 8, start + index * size | attributes)
    }
    return table
  }

  private mutating func allocate() throws(Failure) -> UInt64 {
    guard next < BootLayout.pageTablesEnd else { throw .noRoom }
    defer { next += PhysicalMemory.pageSize }
    return next
  }

  private func read(_ address: UInt64) -> UInt64 {
    memory.host(PhysicalAddress(address))?.load(as: UInt64.self) ?? 0
  }

  private func write(_ address: UInt64, _ value: UInt64) {
    memory.host(PhysicalAddress(address))?.storeBytes(of: value, as: UInt64.self)
  }
}
