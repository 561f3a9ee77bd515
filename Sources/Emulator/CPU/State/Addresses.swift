/// An address after segmentation, before paging.
public struct LinearAddress: Hashable, Sendable {
  /// The address.
  public var value: UInt64
  /// Wraps an address.
  @inline(__always) public init(_ value: UInt64) { self.value = value }

  /// Whether bits 63:47 are all equal, as with 48-bit addresses they must be.
  @inline(__always) public var isCanonical: Bool {
    UInt64(bitPattern: (Int64(bitPattern: value) << 16) >> 16) == value
  }
  /// The address of the page's first byte.
  @inline(__always) public var page: UInt64 { value & ~0xFFF }
  /// The offset in the page.
  @inline(__always) public var offset: UInt64 { value & 0xFFF }

  /// The address `distance` bytes on, wrapping.
  @inline(__always) public static func + (a: LinearAddress, distance: UInt64) -> LinearAddress {
    LinearAddress(a.value &+ distance)
  }
}

/// An address on the bus.
public struct PhysicalAddress: Hashable, Sendable {
  /// The address.
  public var value: UInt64
  /// Wraps an address.
  @inline(__always) public init(_ value: UInt64) { self.value = value }

  /// The address `distance` bytes on, wrapping.
  @inline(__always) public static func + (
    a: PhysicalAddress, distance: UInt64
  ) -> PhysicalAddress { PhysicalAddress(a.value &+ distance) }

  /// How many physical-address bits the processor has (CPUID leaf 80000008H).
  public static let width: UInt64 = 40
}
