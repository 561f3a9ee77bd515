/// An entry of any paging structure.
///
/// SDM volume 3A, "4-Level Paging", "PAE Paging", "32-Bit Paging".
public struct PageTableEntry: OptionSet, Equatable, Sendable {
  /// The entry's bits; 32-bit entries are zero-extended.
  public var rawValue: UInt64
  /// Takes the bits as they are.
  @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }
  private init(bit: UInt64) { rawValue = 1 << bit }

  /// P.
  public static let present = PageTableEntry(bit: 0)
  /// R/W.
  public static let writable = PageTableEntry(bit: 1)
  /// U/S.
  public static let user = PageTableEntry(bit: 2)
  /// A.
  public static let accessed = PageTableEntry(bit: 5)
  /// D.
  public static let dirty = PageTableEntry(bit: 6)
  /// PS: the entry maps a page rather than a table.
  public static let pageSize = PageTableEntry(bit: 7)
  /// G.
  public static let global = PageTableEntry(bit: 8)
  /// XD.
  public static let noExecute = PageTableEntry(bit: 63)

  /// Physical-address bits of a 64-bit entry.
  public static let addressMask: UInt64 = 0x000F_FFFF_FFFF_F000
  /// Bits of a 64-bit entry above the processor's physical-address width.
  public static let reservedAddressMask: UInt64 =
    addressMask & ~((1 << PhysicalAddress.width) - 1)
}
