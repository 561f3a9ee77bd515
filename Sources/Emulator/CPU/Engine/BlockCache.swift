import Glibc

/// Decoded blocks by physical address, RIP and mode.
///
/// Blocks live in one arena and are never freed one by one: a block whose code is written is taken
/// out of the index and its incoming links are undone. When the arena is full, everything goes.
final class BlockCache {
  /// What identifies a block.
  struct Key: Hashable {
    var physical: UInt64
    var rip: UInt64
    var mode: ExecutionMode
  }

  /// The blocks of one physical page.
  private final class Page {
    var blocks: [UnsafeMutablePointer<BlockHeader>] = []
    /// A bit for each 64 bytes that some block's code touches.
    var occupied: UInt64 = 0
  }

  private static let arenaSize = 24 << 20
  /// The most that one block needs.
  private static let reserve = 64 << 10

  private let memory: PhysicalMemory
  private let arena: UnsafeMutableRawPointer
  private var used = 0
  private var index: [Key: UnsafeMutablePointer<BlockHeader>] = [:]
  private var pages: [UInt64: Page] = [:]
  /// How often everything was dropped; for tests and statistics.
  private(set) var flushes = 0

  init(memory: PhysicalMemory) {
    self.memory = memory
    arena = Self.reserveArena()
  }

  deinit { munmap(arena, Self.arenaSize) }

  private static func reserveArena() -> UnsafeMutableRawPointer {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    let region = mmap(nil, arenaSize, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard let region, region != MAP_FAILED else {
      return .allocate(byteCount: arenaSize, alignment: 4096)
    }
    return region
  }

  func block(_ key: Key) -> UnsafeMutablePointer<BlockHeader>? { index[key] }

  /// Whether a new block may not fit, so that `dropEverything` is due.
  var isFull: Bool { used + Self.reserve > Self.arenaSize }

  /// Takes memory from the arena; the caller has checked `isFull`.
  func allocate(_ size: Int) -> UnsafeMutableRawPointer {
    defer { used += (size + 15) & ~15 }
    return arena + used
  }

  /// Makes a block findable. Returns true if its page had no code before.
  func insert(_ header: UnsafeMutablePointer<BlockHeader>) -> Bool {
    let block = header.pointee
    index[Key(physical: block.physical, rip: block.rip, mode: block.mode)] = header
    let number = block.physical >> 12
    let page = pages[number] ?? Page()
    let isFirst = page.blocks.isEmpty
    pages[number] = page
    page.blocks.append(header)
    page.occupied |= Self.bits(block.physical & 0xFFF, UInt64(block.length))
    if isFirst, let offset = memory.offset(of: PhysicalAddress(block.physical)) {
      memory.pageFlags[offset >> 12] |= PhysicalMemory.PageFlags.code
    }
    return isFirst
  }

  /// Drops the blocks whose code overlaps a write; true if there were any.
  func invalidate(_ address: PhysicalAddress, count: UInt64) -> Bool {
    let number = address.value >> 12
    guard let page = pages[number] else { return false }
    let first = address.value & 0xFFF
    guard page.occupied & Self.bits(first, count) != 0 else { return false }
    let start = address.value
    let end = start &+ count
    var dropped = false
    page.blocks.removeAll { header in
      let block = header.pointee
      guard block.physical < end, start < block.physical &+ UInt64(block.length) else {
        return false
      }
      drop(header)
      dropped = true
      return true
    }
    if dropped { recount(page, number) }
    return dropped
  }

  private func recount(_ page: Page, _ number: UInt64) {
    page.occupied = 0
    for header in page.blocks {
      page.occupied |= Self.bits(
        header.pointee.physical & 0xFFF, UInt64(header.pointee.length))
    }
    guard page.blocks.isEmpty else { return }
    pages[number] = nil
    if let offset = memory.offset(of: PhysicalAddress(number << 12)) {
      memory.pageFlags[offset >> 12] &= ~PhysicalMemory.PageFlags.code
    }
  }

  private func drop(_ header: UnsafeMutablePointer<BlockHeader>) {
    let block = header.pointee
    index[Key(physical: block.physical, rip: block.rip, mode: block.mode)] = nil
    header.pointee.isDropped = true
    var link = block.incoming
    while let node = link {
      node.pointee.operation.pointee.handler = address(cold_link)
      setBranch(node.pointee.operation, to: UnsafePointer(node.pointee.operation))
      link = node.pointee.next
    }
    header.pointee.incoming = nil
    let first = (UnsafeMutableRawPointer(header) + BlockHeader.size)
      .assumingMemoryBound(to: Operation.self)
    first.pointee.handler = address(cold_dropped)
  }

  /// Forgets every block. Only between instructions, with no operation running.
  func dropEverything() {
    for number in pages.keys {
      if let offset = memory.offset(of: PhysicalAddress(number << 12)) {
        memory.pageFlags[offset >> 12] &= ~PhysicalMemory.PageFlags.code
      }
    }
    pages.removeAll(keepingCapacity: true)
    index.removeAll(keepingCapacity: true)
    used = 0
    flushes += 1
  }

  /// The 64-byte pieces of a page that `count` bytes from `first` touch.
  private static func bits(_ first: UInt64, _ count: UInt64) -> UInt64 {
    let from = first >> 6
    let to = min(first &+ max(count, 1) &- 1, 4095) >> 6
    let upTo: UInt64 = to == 63 ? .max : (1 &<< (to &+ 1)) &- 1
    return upTo & ~((1 &<< from) &- 1)
  }
}
