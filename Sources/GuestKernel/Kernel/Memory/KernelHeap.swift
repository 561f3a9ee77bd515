/// The kernel's heap: a first arena in the image, then pages at `Layout.heap` as they are needed.
///
/// Lock: interrupts off.
import KernelArch

enum KernelHeap {
  nonisolated(unsafe) private(set) static var heap = Heap()
  nonisolated(unsafe) private static var end = Layout.heap
  nonisolated(unsafe) private static var canGrow = false

  static let growth: UInt64 = 64 << 10

  static func start() {
    let base = UInt(bitPattern: address_of_early_heap())
    heap.add(base: base, length: UInt(bitPattern: address_of_early_heap_end()) - base)
  }

  /// From now on pages can be mapped.
  static func allowGrowth() { canGrow = true }

  static func allocate(_ size: UInt, alignment: UInt) -> UnsafeMutableRawPointer? {
    withInterruptsOff {
      if let memory = heap.allocate(size, alignment: alignment) { return memory }
      guard canGrow, grow(by: UInt64(size) &+ UInt64(alignment) &+ 64) else { return nil }
      return heap.allocate(size, alignment: alignment)
    }
  }

  static func release(_ pointer: UnsafeMutableRawPointer) {
    let isTaken = withInterruptsOff { heap.release(pointer) }
    if !isTaken {
      panic("heap block \(hex: UInt(bitPattern: pointer)) released twice, or never allocated")
    }
  }

  private static func grow(by bytes: UInt64) -> Bool {
    let size = max(growth, (bytes &+ pageSize &- 1) & ~(pageSize &- 1))
    guard size <= Layout.heapEnd &- end, size <= Frames.freeBytes else { return false }
    let base = end
    for _ in 0..<size / pageSize {
      guard let frame = Frames.allocate() else { break }
      KernelSpace.map(LinearAddress(end), to: frame, .kernelData)
      end &+= pageSize
    }
    heap.add(base: UInt(base), length: UInt(end &- base))
    return true
  }
}
