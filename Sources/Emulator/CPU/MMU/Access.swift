/// What an access to linear memory is for.
///
/// SDM volume 3A, "Determination of Access Rights".
public enum Access: UInt8, Sendable {
  /// A data read at the current privilege.
  case read
  /// A data write (or the read of a read-modify-write, which needs write rights first).
  case write
  /// An instruction fetch.
  case execute
  /// An implicit supervisor read: descriptor tables, TSS, interrupt stacks.
  case systemRead
  /// An implicit supervisor write.
  case systemWrite

  /// Whether the access writes.
  @inline(__always) public var isWrite: Bool { self == .write || self == .systemWrite }
  /// Whether the access is a supervisor access whatever the CPL.
  @inline(__always) public var isImplicit: Bool { self == .systemRead || self == .systemWrite }
}
