/// Registers of a PCI function behind one of its base address registers.
public struct PCIRegion {
  /// What a base address register decodes.
  public enum Kind: Equatable, Sendable {
    /// Memory below 4 GiB.
    case memory32
    /// Memory anywhere, without side effects of reads; takes two registers.
    case memory64
    /// I/O ports.
    case ports
    /// The expansion ROM, which has a register of its own.
    case rom
  }

  /// The base address register, 0 to 5; it means nothing for a ROM.
  public let index: Int
  /// What it decodes.
  public let kind: Kind
  /// The size in bytes, a power of two.
  public let size: UInt64
  /// Who answers there.
  public let device: any BusDevice

  /// Registers of `device`; the size is rounded up to a power of two that the kind can express.
  public init(_ index: Int, _ kind: Kind, size: UInt64, device: any BusDevice) {
    let least: UInt64 = kind == .ports ? 4 : kind == .rom ? 2048 : 16
    var rounded = least
    while rounded < size && rounded < 1 << 40 { rounded <<= 1 }
    self.index = index
    self.kind = kind
    self.size = rounded
    self.device = device
  }

  /// The register's offset in configuration space.
  public var register: Int {
    kind == .rom
      ? PCIFunction.Register.expansionROM : PCIFunction.Register.baseAddresses + index * 4
  }

  /// The bytes that the register takes.
  var width: Int { kind == .memory64 ? 8 : 4 }

  /// The bits that say what kind it is.
  var fixedBits: UInt64 {
    switch kind {
    case .memory32, .rom: 0
    // 64 bits wide and prefetchable.
    case .memory64: 0xC
    case .ports: 1
    }
  }

  /// The bits that a guest can write.
  var writableBits: UInt64 {
    let address = ~(size &- 1)
    return kind == .memory64 ? address : (kind == .rom ? address | 1 : address) & 0xFFFF_FFFF
  }

  /// Where the registers answer with this content of the base address register; nil for nowhere.
  func place(value: UInt64) -> BusRegion? {
    let start = value & ~(size &- 1)
    let limit: UInt64 = kind == .ports ? 0x1_0000 : kind == .memory64 ? .max : 0x1_0000_0000
    // All ones are written to find the size; they would wrap around, and zero means unset.
    guard start != 0, start < limit, size <= limit - start else { return nil }
    if kind == .rom, value & 1 == 0 { return nil }
    return BusRegion(kind == .ports ? .ports : .memory, start: start, size: size, device: device)
  }
}
