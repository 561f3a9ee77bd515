/// Bytes whose accesses stop a run.
public struct Watchpoint: Hashable, Sendable {
  /// Which accesses count.
  public enum Kind: Sendable {
    case read
    case write
    case readOrWrite
  }

  /// The first byte.
  public var address: UInt64
  /// How many bytes.
  public var count: UInt64
  /// Which accesses count.
  public var kind: Kind
  /// Whether `address` is physical, so that accesses by every mapping count; not linear.
  public var isPhysical: Bool

  /// Makes a watchpoint.
  public init(address: UInt64, count: UInt64, kind: Kind = .write, isPhysical: Bool = false) {
    self.address = address
    self.count = count
    self.kind = kind
    self.isPhysical = isPhysical
  }
}

/// An access to watched bytes.
public struct WatchHit: Equatable, Sendable {
  /// Which watchpoint.
  public var watchpoint: Watchpoint
  /// The access's first byte: linear, or physical for writes to physical watchpoints.
  public var address: UInt64
  /// Bytes accessed.
  public var size: UInt64
  /// Whether it was a write.
  public var isWrite: Bool
  /// RIP of the instruction; nil where a device wrote.
  public var rip: UInt64?
  /// The machine's instruction count before the instruction, or when the device wrote.
  public var position: UInt64
}
