/// How far a kernel runs from where it was linked, having moved itself as address-space randomisation
/// does.
public struct ImageSlide: Equatable, Sendable {
  /// Where what has moved was linked.
  public let range: Range<UInt64>
  /// How much higher it is now.
  public let distance: UInt64

  /// An image of which that range is `distance` higher.
  public init(range: Range<UInt64>, distance: UInt64) {
    self.range = range
    self.distance = distance
  }

  /// Where an address of the running kernel was linked.
  public func linked(_ address: UInt64) -> UInt64 {
    range.contains(address &- distance) ? address &- distance : address
  }

  /// Where an address in the file is now.
  public func moved(_ address: UInt64) -> UInt64 {
    range.contains(address) ? address &+ distance : address
  }
}
