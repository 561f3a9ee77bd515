/// A range of addresses or ports at which a device answers.
public struct BusRegion: Equatable {
  /// The two address spaces of the bus.
  public enum Space: Sendable {
    /// Physical addresses.
    case memory
    /// I/O ports.
    case ports
  }

  /// Where the range lies.
  public let space: Space
  /// The first address or port.
  public let start: UInt64
  /// The number of bytes.
  public let size: UInt64
  /// Who answers.
  public let device: any BusDevice
  /// The device's offset at `start`.
  public let firstOffset: UInt64

  /// A range in which `device` answers.
  public init(
    _ space: Space, start: UInt64, size: UInt64, device: any BusDevice, firstOffset: UInt64 = 0
  ) {
    self.space = space
    self.start = start
    self.size = size
    self.device = device
    self.firstOffset = firstOffset
  }

  /// Whether the range includes an address.
  @inline(__always) func contains(_ address: UInt64) -> Bool { address &- start < size }

  /// Whether both are the same device at the same place.
  public static func == (one: Self, other: Self) -> Bool {
    one.space == other.space && one.start == other.start && one.size == other.size
      && one.firstOffset == other.firstOffset && one.device === other.device
  }
}
