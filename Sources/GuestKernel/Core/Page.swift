/// What the kernel knows about each frame of physical memory: one descriptor per frame, in one array.
/// Everything that hands frames around (the buddy allocator, the page cache, copy on write, swap) meets
/// here.

/// The state of a frame.
package struct PageState: OptionSet, Equatable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }
  /// The first frame of a free block in the buddy allocator.
  package static let free = PageState(rawValue: 1 << 0)
  /// Never allocated: firmware, the kernel's image, this array.
  package static let reserved = PageState(rawValue: 1 << 1)
  /// Belongs to a slab cache, which is the owner.
  package static let slab = PageState(rawValue: 1 << 2)
  /// A page table.
  package static let table = PageState(rawValue: 1 << 3)
  /// A program's own page; the owner is its family, the index its linear page number.
  package static let anonymous = PageState(rawValue: 1 << 4)
  /// In a memory object, which is the owner; the index is the page's place there.
  package static let cached = PageState(rawValue: 1 << 5)
  /// Newer than what is on disk.
  package static let dirty = PageState(rawValue: 1 << 6)
  /// Used since reclaim last looked.
  package static let referenced = PageState(rawValue: 1 << 7)
  /// On the list of pages in use, rather than of candidates for reclaim.
  package static let active = PageState(rawValue: 1 << 8)
  /// On one of the two lists.
  package static let listed = PageState(rawValue: 1 << 9)
  /// On its way to or from a disk.
  package static let busy = PageState(rawValue: 1 << 10)
  /// Has a copy in swap; the slot is in `index` of the swap cache.
  package static let swapped = PageState(rawValue: 1 << 11)
  /// A block of `Kmalloc` that is larger than any cache's objects.
  package static let large = PageState(rawValue: 1 << 12)
}

/// A frame's descriptor; frame numbers serve as links, 0 for none.
package struct Page {
  /// Who uses it: page table entries, caches; 0 when it is free.
  package var references: UInt32 = 0
  package var state: PageState = []
  /// Of the block that begins here: 2 to this power frames.
  package var order: UInt8 = 0
  package var zone: UInt8 = 0
  package var next: UInt32 = 0
  package var previous: UInt32 = 0
  package var owner: UInt = 0
  /// What it is depends on the state; of a program's page table see `PageTables.link`.
  package var index: UInt64 = 0

  package init() {}
}
