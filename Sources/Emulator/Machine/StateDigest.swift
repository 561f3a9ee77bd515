/// A running 64-bit digest of bytes (FNV-1a), the same on every host.
///
/// It tells states apart; it does not resist anyone who wants two to collide.
public struct StateDigest: Equatable, Sendable {
  /// The digest of everything added so far.
  public private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  /// Makes the digest of nothing.
  public init() {}

  /// Adds bytes in order.
  public mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }
  }

  /// Adds a 64-bit number, low byte first.
  public mutating func add(_ number: UInt64) {
    for shift in stride(from: 0, to: 64, by: 8) {
      value = (value ^ (number &>> UInt64(shift) & 0xFF)) &* 0x0000_0100_0000_01B3
    }
  }
}
