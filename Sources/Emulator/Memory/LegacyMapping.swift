/// What reads and writes of a page below 1 MiB reach.
public struct LegacyMapping: Equatable, Sendable {
  /// What can stand behind such a page.
  public enum Target: Equatable, Sendable {
    /// A device on the bus, or nobody.
    case bus
    /// The RAM at the same address.
    case ram
    /// The end of the ROM, which ends at 1 MiB too; the bus where it does not reach.
    case rom
  }

  /// What is read.
  public var reads: Target
  /// What is written.
  public var writes: Target

  /// What reads and what writes reach.
  public init(reads: Target, writes: Target) {
    self.reads = reads
    self.writes = writes
  }

  /// RAM that cannot be written.
  public static let readOnly = LegacyMapping(reads: .ram, writes: .bus)
  /// Plain RAM.
  public static let ram = LegacyMapping(reads: .ram, writes: .ram)
  /// No memory.
  public static let bus = LegacyMapping(reads: .bus, writes: .bus)
  /// The ROM as it is before firmware has copied itself into RAM.
  public static let rom = LegacyMapping(reads: .rom, writes: .bus)
}

extension PhysicalMemory {
  /// Bytes of the ROM that appear below 1 MiB too.
  private static let aliasSize: UInt64 = 0x2_0000

  /// Makes the pages of a range between A_0000 and 1 MiB what `mapping` says.
  ///
  /// Only between instructions.
  public func map(_ range: Range<UInt64>, as mapping: LegacyMapping) {
    let pages = range.clamped(to: Self.legacyStart..<Self.legacyStart + Self.legacySize)
    var hasChanged = false
    for address in stride(from: pages.lowerBound, to: pages.upperBound, by: Int(Self.pageSize)) {
      let index = Int((address - Self.legacyStart) / Self.pageSize)
      let old = ram.legacyPages[index]
      let new = legacyPage(index, mapping)
      guard old.readOffset != new.readOffset || old.writeOffset != new.writeOffset else {
        continue
      }
      // Code that was decoded from here is dropped by the observers, without its lines.
      if old.readOffset >= 0 { ram.codeLines[old.readOffset >> 12] = 0 }
      ram.legacyPages[index] = new
      hasChanged = true
    }
    if hasChanged { for observe in mapObservers { observe() } }
  }

  func legacyPage(_ index: Int, _ mapping: LegacyMapping) -> LegacyPage {
    let address = Self.legacyStart + UInt64(index) * Self.pageSize
    let ramOffset = address < lowSize ? Int(address) : -1
    let fromEnd = Self.legacyStart + Self.legacySize - address
    let romOffset =
      fromEnd <= min(ram.romSize, Self.aliasSize) ? Int(size + ram.romSize - fromEnd) : -1
    let read =
      switch mapping.reads {
      case .bus: -1
      case .ram: ramOffset
      case .rom: romOffset
      }
    return LegacyPage(readOffset: read, writeOffset: mapping.writes == .ram ? ramOffset : -1)
  }
}
