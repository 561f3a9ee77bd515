/// Four levels of tables that turn linear addresses into physical ones.
/// SDM Vol. 3A, "4-Level Paging and 5-Level Paging".
import KernelArch

struct PageFlags: OptionSet {
  let rawValue: UInt64
  static let present = PageFlags(rawValue: 1 << 0)
  static let writable = PageFlags(rawValue: 1 << 1)
  static let user = PageFlags(rawValue: 1 << 2)
  static let writeThrough = PageFlags(rawValue: 1 << 3)
  static let uncached = PageFlags(rawValue: 1 << 4)
  static let large = PageFlags(rawValue: 1 << 7)
  static let global = PageFlags(rawValue: 1 << 8)
  /// Not to be taken away by reclaim; one of the bits that the processor ignores.
  static let locked = PageFlags(rawValue: 1 << 11)
  static let noExecute = PageFlags(rawValue: 1 << 63)

  /// Translations of the kernel's pages survive a change of CR3, unless ring 3 shall not have them.
  private static var kernel: PageFlags { Isolation.isOn ? [.present] : [.present, .global] }
  static var kernelCode: PageFlags { kernel }
  static var kernelConstant: PageFlags { kernel.union(.noExecute) }
  static var kernelData: PageFlags { kernel.union([.noExecute, .writable]) }
  static var device: PageFlags { kernelData.union([.uncached, .writeThrough]) }
}

/// A page size by the level of the entry that maps it.
enum PageLevel: Int {
  case page4K = 1
  case page2M = 2
  case page1G = 3

  var size: UInt64 { 1 << UInt64(3 + 9 * rawValue) }
}

struct PageTables {
  typealias Entry = UnsafeMutablePointer<UInt64>
  static let addressMask: UInt64 = 0x000f_ffff_ffff_f000

  /// Frames that hold page tables.
  ///
  /// Changed by atomic operations.
  nonisolated(unsafe) private(set) static var frameCount: UInt64 = 0

  static func countFrames(_ change: Int64) {
    _ = atomic_add64(&frameCount, UInt64(bitPattern: change))
  }

  let root: PhysicalAddress

  /// Makes an empty tree, or nil when memory has run out.
  init?() {
    let order = Isolation.isOn ? 1 : 0
    guard let frames = Frames.allocate(order: order, [.zero, .user]) else { return nil }
    PageTables.countFrames(1 << Int64(order))
    root = frames
    Frames.page(root).pointee.index = 0
  }

  /// The tree that hangs from a root that is there already.
  init(root: PhysicalAddress) { self.root = root }

  static func entry(_ table: PhysicalAddress, _ index: Int) -> Entry {
    table.pointer.assumingMemoryBound(to: UInt64.self) + index
  }

  private static func index(_ address: LinearAddress, level: Int) -> Int {
    Int(address.value >> UInt64(3 + 9 * level) & 511)
  }

  /// Maps one page; false when memory for a table has run out.
  func map(
    _ address: LinearAddress, to frame: PhysicalAddress, _ flags: PageFlags,
    level: PageLevel = .page4K
  ) -> Bool {
    var table = root
    var depth = 4
    while depth > level.rawValue {
      let entry = PageTables.entry(table, PageTables.index(address, level: depth))
      if entry.pointee & 1 == 0 {
        // The kernel's own, sometimes with a spinlock held, and it cannot do without.
        guard let frame = Frames.allocate(order: 0, [.zero, .emergency]) else { return false }
        PageTables.countFrames(1)
        if flags.contains(.user) {
          PageTables.link(entry, to: frame, level: depth)
        } else {
          let path: PageFlags = [.present, .writable]
          entry.pointee = frame.value | path.rawValue
        }
      }
      table = PhysicalAddress(entry.pointee & PageTables.addressMask)
      depth -= 1
    }
    let large: PageFlags = level == .page4K ? [] : .large
    PageTables.entry(table, PageTables.index(address, level: depth)).pointee =
      frame.value | flags.union(large).rawValue
    return true
  }

  /// The entry that maps `address`, if any, with its level.
  func leaf(_ address: LinearAddress) -> (entry: Entry, level: Int)? {
    var table = root
    var level = 4
    while true {
      let entry = PageTables.entry(table, PageTables.index(address, level: level))
      guard entry.pointee & PageFlags.present.rawValue != 0 else { return nil }
      if level == 1 || (level < 4 && entry.pointee & PageFlags.large.rawValue != 0) {
        return (entry, level)
      }
      table = PhysicalAddress(entry.pointee & PageTables.addressMask)
      level -= 1
    }
  }

  func translate(_ address: LinearAddress) -> PhysicalAddress? {
    guard let leaf = leaf(address) else { return nil }
    let size: UInt64 = 1 << UInt64(3 + 9 * leaf.level)
    return PhysicalAddress(
      leaf.entry.pointee & PageTables.addressMask & ~(size - 1) | address.value & (size - 1))
  }

  /// Frees the root itself, when nothing hangs from it any more.
  func releaseRoot() {
    PageTables.countFrames(Isolation.isOn ? -2 : -1)
    Frames.release(root)
  }
}
