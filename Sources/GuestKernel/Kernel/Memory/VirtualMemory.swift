/// vmalloc: memory that is in one piece for the kernel and of single frames underneath, with a page behind
/// each piece that is not mapped, so that running over the end is a fault at once. Device registers are
/// mapped here too (ioremap).
///
/// Lock: `lock` for the list; the tables below the shared PML4 entry are changed under it as well.
import KernelArch

enum VirtualMemory {
  private final class Piece {
    let isDevice: Bool
    init(isDevice: Bool) { self.isDevice = isDevice }
  }

  private static let lock = SpinLock("vmalloc", usesReserve: true)
  nonisolated(unsafe) private static var areas = AreaList<Piece>()
  nonisolated(unsafe) private(set) static var bytesInUse: UInt64 = 0

  /// `size` bytes filled with zeroes, or nil when there is not enough memory.
  static func allocate(_ size: UInt64) -> UnsafeMutableRawPointer? {
    guard size > 0, size <= Layout.heapEnd - Layout.heap else { return nil }
    let size = (size + pageSize - 1) & ~(pageSize - 1)
    var frames: [PhysicalAddress] = []
    frames.reserveCapacity(Int(size / pageSize))
    for _ in 0..<size / pageSize {
      guard let frame = Frames.allocate() else {
        for frame in frames { Frames.release(frame) }
        return nil
      }
      frames.append(frame)
    }
    guard let start = reserve(size, isDevice: false) else {
      for frame in frames { Frames.release(frame) }
      return nil
    }
    lock.withLock {
      for (index, frame) in frames.enumerated() {
        KernelSpace.map(
          LinearAddress(start + UInt64(index) * pageSize), to: frame, .kernelData)
      }
    }
    return pointer_to(start)
  }

  /// Gives a piece back that `allocate` or `map` returned.
  static func release(_ pointer: UnsafeMutableRawPointer) {
    let start = UInt64(UInt(bitPattern: pointer)) & ~(pageSize - 1)
    let piece: Area<Piece>? = lock.withLock { areas.find(start) }
    guard let piece, piece.start == start else { panic("\(hex: start) is no vmalloc area") }
    let range = piece.start..<piece.end - pageSize
    var frames: [PhysicalAddress] = []
    frames.reserveCapacity(range.count / Int(pageSize))
    lock.withLock {
      for page in stride(from: range.lowerBound, to: range.upperBound, by: Int(pageSize)) {
        guard let leaf = KernelSpace.tables.leaf(LinearAddress(page)) else { continue }
        frames.append(PhysicalAddress(leaf.entry.pointee & PageTables.addressMask))
        leaf.entry.pointee = 0
      }
    }
    TLB.flush(range)
    if piece.object?.isDevice == false { for frame in frames { Frames.release(frame) } }
    lock.withLock {
      _ = areas.remove(piece.range)
      bytesInUse -= UInt64(range.count)
    }
  }

  /// ioremap: a device's registers, never cached.
  static func map(_ physical: PhysicalAddress, length: UInt64) -> UnsafeMutableRawPointer? {
    let base = physical.alignedDown()
    let size = (physical + length).alignedUp() - base
    guard let start = reserve(size, isDevice: true) else { return nil }
    lock.withLock {
      for offset in stride(from: 0, to: size, by: Int(pageSize)) {
        KernelSpace.map(LinearAddress(start + offset), to: base + offset, .device)
      }
    }
    return pointer_to(start + (physical - base))
  }

  /// Addresses for a piece and the page behind it.
  private static func reserve(_ size: UInt64, isDevice: Bool) -> UInt64? {
    let piece = Piece(isDevice: isDevice)
    return lock.withLock {
      guard let start = areas.gap(size + pageSize, in: Layout.heap..<Layout.heapEnd) else {
        return nil
      }
      _ = areas.insert(Area(start..<start + size + pageSize, [.read, .write], object: piece))
      bytesInUse += size
      return start
    }
  }

  /// True for the page behind a piece: somebody has run over its end.
  static func isGuard(_ address: UInt64) -> Bool {
    guard address >= Layout.heap, address < Layout.heapEnd else { return false }
    guard let piece = areas.find(address) else { return false }
    return address >= piece.end - pageSize
  }

  static func describe(_ text: inout Text) {
    for piece in lock.withLock({ areas }) {
      let what: StaticString = piece.object?.isDevice == true ? "ioremap" : "vmalloc"
      text.append(
        "\(hex: piece.start, digits: 12)-\(hex: piece.end, digits: 12) \(size: piece.size - pageSize) \(what)\n"
      )
    }
  }
}
