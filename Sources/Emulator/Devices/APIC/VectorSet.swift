/// A set of interrupt vectors: one of the 256-bit registers ISR, TMR and IRR.
public struct VectorSet: Codable, Equatable, Sendable {
  private var words = SIMD4<UInt64>()

  /// Makes an empty set.
  public init() {}

  /// The vector with the highest priority.
  public var highest: UInt8? {
    for index in (0..<4).reversed() where words[index] != 0 {
      return UInt8(index * 64 + 63 - words[index].leadingZeroBitCount)
    }
    return nil
  }

  /// Whether `vector` is in the set.
  public func contains(_ vector: UInt8) -> Bool {
    words[Int(vector >> 6)] & bit(vector) != 0
  }

  mutating func insert(_ vector: UInt8) {
    words[Int(vector >> 6)] |= bit(vector)
  }

  mutating func remove(_ vector: UInt8) {
    words[Int(vector >> 6)] &= ~bit(vector)
  }

  /// One of the eight 32-bit registers that show the set.
  func register(_ index: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: words[(index & 7) >> 1] &>> UInt64((index & 1) * 32))
  }

  private func bit(_ vector: UInt8) -> UInt64 { 1 &<< UInt64(vector & 63) }
}
