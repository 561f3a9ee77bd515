/// A segment selector.
///
/// SDM volume 3A, "Segment Selectors".
public struct SegmentSelector: Equatable, Sendable {
  /// The sixteen bits.
  public var rawValue: UInt16
  /// Takes the bits as they are.
  @inline(__always) public init(_ rawValue: UInt16) { self.rawValue = rawValue }

  /// Offset of the descriptor in its table.
  public var offset: UInt64 { UInt64(rawValue & 0xFFF8) }
  /// TI: the descriptor is in the LDT.
  public var isLocal: Bool { rawValue & 4 != 0 }
  /// RPL: requested privilege level.
  public var rpl: UInt8 { UInt8(truncatingIfNeeded: rawValue & 3) }
  /// Whether it names no segment: index 0 of the GDT, any RPL.
  public var isNull: Bool { rawValue & 0xFFFC == 0 }
  /// The error code that blames this selector, EXT and IDT clear.
  public var errorCode: UInt32 { UInt32(rawValue & 0xFFFC) }

  /// The same selector with another RPL.
  public func with(rpl: UInt8) -> SegmentSelector {
    SegmentSelector(rawValue & 0xFFFC | UInt16(rpl & 3))
  }
}
