/// A count of users that notices when it goes wrong.
///
/// A count that overflows would come back to zero and free what is still used; one that is decremented
/// once too often frees it too early. Both stop at a value from which nothing is ever freed,
/// which leaks one object, and are reported.
import KernelArch
import Synchronization

final class ReferenceCount {
  static let saturated: UInt32 = 0xc000_0000
  /// Counts that have gone wrong since boot.
  static let faults = Atomic<Int>(0)

  private let count: Atomic<UInt32>
  let name: StaticString

  init(_ name: StaticString, _ initial: UInt32 = 1) {
    self.name = name
    count = Atomic(initial)
  }

  var value: UInt32 { count.load(ordering: .relaxed) }
  var isSaturated: Bool { value >= Self.saturated / 2 }

  func increment() {
    let old = count.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue
    if old == 0 {
      saturate("incremented from 0: what it counts is already gone")
    } else if old >= Self.saturated / 2 {
      saturate(old < Self.saturated ? "overflow" : nil)
    }
  }

  /// For lookups: false when the last user is already gone.
  func incrementUnlessZero() -> Bool {
    var seen = value
    while seen != 0 {
      if seen >= Self.saturated / 2 { return true }
      let result = count.compareExchange(
        expected: seen, desired: seen + 1, ordering: .acquiringAndReleasing)
      if result.exchanged { return true }
      seen = result.original
    }
    return false
  }

  /// True for the last one, who has to clear away.
  func decrement() -> Bool {
    let old = count.wrappingSubtract(1, ordering: .acquiringAndReleasing).oldValue
    if old == 1 { return true }
    if old == 0 {
      saturate("underflow: decremented more often than incremented")
    } else if old >= Self.saturated / 2 {
      saturate(nil)
    }
    return false
  }

  private func saturate(_ report: StaticString?) {
    count.store(Self.saturated, ordering: .sequentiallyConsistent)
    guard let report else { return }
    Self.faults.wrappingAdd(1, ordering: .relaxed)
    log("refcount", "\(name): \(report); it stays where it is")
  }
}

/// Bits in memory that several processors change, each by one indivisible instruction.
struct AtomicBits {
  let words: UnsafeMutablePointer<UInt32>
  let count: Int

  init(count: Int) {
    self.count = count
    words = .allocate(capacity: (count + 31) / 32)
    words.initialize(repeating: 0, count: (count + 31) / 32)
  }

  func deallocate() { words.deallocate() }

  /// Returns what the bit was.
  @discardableResult
  func set(_ bit: Int) -> Bool {
    atomic_or32(words + bit / 32, 1 << UInt32(bit % 32)) >> UInt32(bit % 32) & 1 != 0
  }

  @discardableResult
  func clear(_ bit: Int) -> Bool {
    atomic_and32(words + bit / 32, ~(1 << UInt32(bit % 32))) >> UInt32(bit % 32) & 1 != 0
  }

  subscript(bit: Int) -> Bool {
    atomic_load32(words + bit / 32) >> UInt32(bit % 32) & 1 != 0
  }

  /// Finds a clear bit and sets it, whatever others do at the same time.
  func claim() -> Int? {
    for bit in 0..<count where !self[bit] && !set(bit) { return bit }
    return nil
  }
}
