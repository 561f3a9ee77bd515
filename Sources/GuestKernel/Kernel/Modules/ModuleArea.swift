/// Memory for modules, near enough to the kernel for 32-bit displacements.
///
/// The pages are filled through the direct map and appear in the module area with their final rights,
/// so no page there is ever both writable and executable. Behind each module one page stays unmapped.
/// Lock: `ModuleLoader.lock`.
import KernelArch

enum ModuleArea {
  /// Free ranges, by address; none of them touch.
  nonisolated(unsafe) private static var free = [Layout.modules]

  static func allocate(_ size: UInt64) -> UInt64? {
    let needed = size + pageSize
    for (index, range) in free.enumerated() where UInt64(range.count) >= needed {
      let start = range.lowerBound
      if UInt64(range.count) == needed {
        free.remove(at: index)
      } else {
        free[index] = start + needed..<range.upperBound
      }
      return start
    }
    return nil
  }

  private static func release(_ start: UInt64, _ size: UInt64) {
    var range = start..<start + size + pageSize
    var index = 0
    while index < free.count, free[index].upperBound < range.lowerBound { index += 1 }
    while index < free.count, free[index].lowerBound <= range.upperBound {
      let other = free.remove(at: index)
      range =
        min(range.lowerBound, other.lowerBound)..<max(range.upperBound, other.upperBound)
    }
    free.insert(range, at: index)
  }

  /// Maps `image` at `start`, page by page with the rights of its region; false without memory.
  static func map(_ image: [UInt8], at start: UInt64, ends: [Int]) -> Bool {
    for offset in stride(from: 0, to: image.count, by: Int(pageSize)) {
      guard let frame = Frames.allocate() else {
        unmap(start, size: UInt64(offset))
        return false
      }
      image.withUnsafeBytes {
        let page = UnsafeRawBufferPointer(rebasing: $0[offset..<offset + Int(pageSize)])
        let target = UnsafeMutableRawBufferPointer(start: frame.pointer, count: page.count)
        target.copyMemory(from: page)
      }
      let flags: PageFlags =
        offset < ends[0] ? .kernelCode : offset < ends[1] ? .kernelConstant : .kernelData
      KernelSpace.map(LinearAddress(start + UInt64(offset)), to: frame, flags)
    }
    return true
  }

  /// Takes the pages away, on every processor, before anybody else may get them.
  static func unmap(_ start: UInt64, size: UInt64) {
    var frames: [PhysicalAddress] = []
    for page in stride(from: start, to: start + size, by: Int(pageSize)) {
      guard let leaf = KernelSpace.tables.leaf(LinearAddress(page)) else { continue }
      frames.append(PhysicalAddress(leaf.entry.pointee & PageTables.addressMask))
      leaf.entry.pointee = 0
    }
    TLB.flush(start..<start + size)
    for frame in frames { Frames.release(frame) }
    release(start, size)
  }
}
