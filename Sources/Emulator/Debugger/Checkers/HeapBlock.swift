import Emulator

/// A block of memory that a guest's allocator gave away.
struct HeapBlock {
  /// Blocks up to this size are looked at byte by byte.
  private static let trackedSize: UInt64 = 4096

  let address: UInt64
  let size: UInt64
  /// When and by whom it was allocated.
  let position: UInt64
  let stack: CallStack
  /// When and by whom it was freed.
  var freedAt: UInt64 = 0
  var freedBy: CallStack?
  /// The end of the bytes behind it that are nobody's.
  var zoneEnd: UInt64
  var watch: WatchHooks.Number?
  /// For each byte, whether nobody has written it; empty where that is not followed.
  private var unwritten: [Bool] = []
  private var unwrittenCount = 0
  /// The bytes as they were when the block was allocated.
  private var original: [UInt8] = []

  init(address: UInt64, size: UInt64, position: UInt64, stack: CallStack) {
    self.address = address
    self.size = size
    self.position = position
    self.stack = stack
    zoneEnd = address.addingClamped(size)
  }

  var end: UInt64 { address.addingClamped(size) }

  /// Whether there are bytes that nobody has written.
  var mayBeUnwritten: Bool { unwrittenCount > 0 }

  /// Starts to follow what is written.
  mutating func remember(_ machine: Machine, _ cpu: CPU) {
    guard size <= Self.trackedSize, let bytes = machine.read(linear: address, count: Int(size))
    else { return }
    original = bytes
    unwritten = [Bool](repeating: true, count: bytes.count)
    unwrittenCount = bytes.count
  }

  /// Ends that.
  mutating func forget() {
    unwritten = []
    unwrittenCount = 0
    original = []
  }

  private func range(_ start: UInt64, _ count: UInt64) -> Range<Int> {
    let low = max(start, address) &- address
    let high = min(start.addingClamped(count), end)
    guard low < UInt64(unwritten.count), high > address, high - address > low else { return 0..<0 }
    return Int(low)..<Int(min(high - address, UInt64(unwritten.count)))
  }

  mutating func write(_ start: UInt64, _ count: UInt64) {
    for index in range(start, count) where unwritten[index] {
      unwritten[index] = false
      unwrittenCount -= 1
    }
  }

  /// Whether a read sees nothing that anybody has written; a device, or somebody by another
  /// mapping, may have.
  func isUnwritten(_ start: UInt64, _ count: UInt64, _ machine: Machine) -> Bool {
    let range = range(start, count)
    guard !range.isEmpty, range.allSatisfy({ unwritten[$0] }),
      let bytes = machine.read(linear: address &+ UInt64(range.lowerBound), count: range.count)
    else { return false }
    return bytes == Array(original[range])
  }
}
