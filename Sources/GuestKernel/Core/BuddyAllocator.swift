/// Frames in blocks of powers of two, up to 1024 of them.
///
/// A block is split in halves, the two buddies, until it is as
/// small as what was asked for; when a block comes back and its buddy is free too, they become one
/// again. The buddy of a block of order k is found by flipping bit k of its number.
///
/// Lock: none; the owner's.
package struct BuddyAllocator {
  package static let largestOrder = 10
  package static let orders = largestOrder + 1

  /// One descriptor per frame; frame 0 is never free, so that 0 can mean none.
  package private(set) var pages: UnsafeMutablePointer<Page>
  package let frameCount: Int
  package private(set) var zones: [Zone] = []

  /// A stretch of frames for devices and data that cannot use all of them.
  package struct Zone {
    package let name: StaticString
    package let frames: Range<Int>
    var heads = InlineArray<11, UInt32>(repeating: 0)
    /// Free blocks by order.
    package fileprivate(set) var counts = InlineArray<11, Int>(repeating: 0)
    package fileprivate(set) var freeCount = 0
    package fileprivate(set) var managedCount = 0
  }

  /// What a split or a merge did, for those who draw it.
  package enum Step: Equatable {
    case split(frame: Int, order: Int)
    case merge(frame: Int, order: Int)
  }

  /// Makes an allocator in which every frame is reserved; zones begin at multiples of the largest block.
  package init(pages: UnsafeMutablePointer<Page>, frameCount: Int) {
    self.pages = pages
    self.frameCount = frameCount
    var page = Page()
    page.state = .reserved
    page.references = 1
    pages.initialize(repeating: page, count: frameCount)
  }

  /// The descriptors are seen that many bytes further up from now on.
  package mutating func move(by offset: Int) {
    pages = (UnsafeMutableRawPointer(pages) + offset).assumingMemoryBound(to: Page.self)
  }

  package mutating func addZone(_ name: StaticString, _ frames: Range<Int>) {
    let frames = frames.clamped(to: 0..<frameCount)
    guard !frames.isEmpty else { return }
    for frame in frames { pages[frame].zone = UInt8(truncatingIfNeeded: zones.count) }
    zones.append(Zone(name: name, frames: frames))
  }

  package var freeCount: Int {
    var count = 0
    for zone in zones { count += zone.freeCount }
    return count
  }

  package var managedCount: Int {
    var count = 0
    for zone in zones { count += zone.managedCount }
    return count
  }

  /// Free blocks of `order` in all zones.
  package func blocks(_ order: Int) -> Int {
    var count = 0
    for zone in zones { count += zone.counts[order] }
    return count
  }
}

// MARK: Allocation

extension BuddyAllocator {
  /// True when a block can be had without one of the last `kept` pieces of 2^`large` frames in a row.
  package func canSpare(order: Int, keeping kept: Int, of large: Int) -> Bool {
    var pieces = 0
    for zone in zones {
      for below in min(order, large)..<large where zone.counts[below] > 0 { return true }
      for above in large...BuddyAllocator.largestOrder {
        pieces += zone.counts[above] << (above - large)
      }
    }
    return pieces >= kept + 1 << max(0, order - large)
  }

  /// Takes a block of 2^order frames from the last zone up to `highest` that has one.
  package mutating func allocate(
    order: Int, highest: Int = .max, _ watch: (Step) -> Void = { _ in }
  ) -> Int? {
    guard order >= 0, order <= BuddyAllocator.largestOrder else { return nil }
    var zone = min(highest, zones.count - 1)
    while zone >= 0 {
      if let frame = take(order, from: zone, watch) { return frame }
      zone -= 1
    }
    return nil
  }

  private mutating func take(_ order: Int, from zone: Int, _ watch: (Step) -> Void) -> Int? {
    var found = order
    while found <= BuddyAllocator.largestOrder, zones[zone].heads[found] == 0 { found += 1 }
    guard found <= BuddyAllocator.largestOrder else { return nil }
    let frame = Int(zones[zone].heads[found])
    unlink(frame)
    while found > order {
      watch(.split(frame: frame, order: found))
      found -= 1
      link(frame + 1 << found, order: found)
    }
    pages[frame].order = UInt8(truncatingIfNeeded: order)
    pages[frame].state = []
    pages[frame].references = 1
    return frame
  }

  /// Gives a block back; false when its first frame is free or reserved.
  package mutating func release(
    _ frame: Int, order: Int, _ watch: (Step) -> Void = { _ in }
  ) -> Bool {
    guard frame > 0, order >= 0, order <= BuddyAllocator.largestOrder,
      frame + 1 << order <= frameCount, frame & (1 << order - 1) == 0, !isFree(frame),
      !pages[frame].state.contains(.reserved)
    else { return false }
    let zone = zones[Int(pages[frame].zone)].frames
    var frame = frame
    var order = order
    pages[frame].references = 0
    pages[frame].state = []
    while order < BuddyAllocator.largestOrder {
      let buddy = frame ^ 1 << order
      guard zone.contains(buddy), pages[buddy].state.contains(.free),
        Int(pages[buddy].order) == order
      else { break }
      unlink(buddy)
      pages[buddy].state = []
      frame &= ~(1 << order)
      order += 1
      watch(.merge(frame: frame, order: order))
    }
    link(frame, order: order)
    return true
  }

  /// Frees frames that were reserved since `init`: whole blocks where they fit.
  package mutating func add(_ range: Range<Int>) {
    for zone in zones.indices {
      let part = range.clamped(to: zones[zone].frames)
      var frame = max(part.lowerBound, 1)
      while frame < part.upperBound {
        var order = min(frame.trailingZeroBitCount, BuddyAllocator.largestOrder)
        while frame + 1 << order > part.upperBound { order -= 1 }
        for one in frame..<frame + 1 << order {
          pages[one].state = []
          pages[one].references = 0
        }
        zones[zone].managedCount += 1 << order
        pages[frame].references = 1
        _ = release(frame, order: order)
        frame += 1 << order
      }
    }
  }

  /// True when `frame` lies in a free block.
  package func isFree(_ frame: Int) -> Bool {
    for order in 0...BuddyAllocator.largestOrder {
      let head = frame & ~(1 << order - 1)
      if head > 0, pages[head].state.contains(.free), Int(pages[head].order) >= order {
        return frame < head + 1 << Int(pages[head].order)
      }
    }
    return false
  }
}

// MARK: Lists

extension BuddyAllocator {
  private mutating func link(_ frame: Int, order: Int) {
    let zone = Int(pages[frame].zone)
    let head = zones[zone].heads[order]
    pages[frame].state = .free
    pages[frame].references = 0
    pages[frame].order = UInt8(truncatingIfNeeded: order)
    pages[frame].next = head
    pages[frame].previous = 0
    if head != 0 { pages[Int(head)].previous = UInt32(frame) }
    zones[zone].heads[order] = UInt32(frame)
    zones[zone].counts[order] += 1
    zones[zone].freeCount += 1 << order
  }

  private mutating func unlink(_ frame: Int) {
    let zone = Int(pages[frame].zone)
    let order = Int(pages[frame].order)
    let next = pages[frame].next
    let previous = pages[frame].previous
    if previous != 0 {
      pages[Int(previous)].next = next
    } else {
      zones[zone].heads[order] = next
    }
    if next != 0 { pages[Int(next)].previous = previous }
    pages[frame].state = []
    zones[zone].counts[order] -= 1
    zones[zone].freeCount -= 1 << order
  }

  /// Checks what must always be true; a sentence about the first thing that is not.
  package func firstInconsistency() -> StaticString? {
    for zone in zones {
      var free = 0
      for order in 0...BuddyAllocator.largestOrder {
        var count = 0
        var frame = Int(zone.heads[order])
        var last = 0
        while frame != 0 {
          if !zone.frames.contains(frame) { return "a block in the list of another zone" }
          if !pages[frame].state.contains(.free) { return "a block in use is in a list" }
          if Int(pages[frame].order) != order { return "a block in the list of another order" }
          if frame & (1 << order - 1) != 0 { return "a block that is not aligned to its size" }
          if Int(pages[frame].previous) != last { return "a link back that leads elsewhere" }
          let buddy = frame ^ 1 << order
          if order < BuddyAllocator.largestOrder, zone.frames.contains(buddy),
            pages[buddy].state.contains(.free), Int(pages[buddy].order) == order
          {
            return "two free buddies that were not merged"
          }
          count += 1
          last = frame
          frame = Int(pages[frame].next)
        }
        if count != zone.counts[order] { return "a wrong count of blocks" }
        free += count << order
      }
      if free != zone.freeCount { return "a wrong count of free frames" }
    }
    return nil
  }
}
