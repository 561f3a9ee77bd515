extension HPET {
  enum Configuration {
    static let enable: UInt64 = 1 << 0
    static let legacyReplacement: UInt64 = 1 << 1
  }

  enum ComparatorBit {
    static let levelTriggered: UInt64 = 1 << 1
    static let enable: UInt64 = 1 << 2
    static let periodic: UInt64 = 1 << 3
    static let setsValue: UInt64 = 1 << 6
    static let is32Bit: UInt64 = 1 << 8
    static let writable: UInt64 = levelTriggered | enable | periodic | setsValue | is32Bit
    static let route: UInt64 = 0x1F << 9
    /// Periodic-capable and 64 bits wide.
    static let capabilities: UInt64 = 1 << 4 | 1 << 5
  }

  private enum Offset {
    static let capabilities: UInt64 = 0x00
    static let configuration: UInt64 = 0x10
    static let status: UInt64 = 0x20
    static let counter: UInt64 = 0xF0
    static let comparators: UInt64 = 0x100
  }

  /// Revision 1, three 64-bit timers, legacy replacement, Intel, 10 ns in femtoseconds.
  static let capabilities: UInt64 =
    tickTime * 1_000_000 << 32 | 0x8086 << 16 | 1 << 15 | 1 << 13 | UInt64(timerCount - 1) << 8 | 1

  /// Reads the part of a 64-bit register that the access covers.
  public func read(offset: UInt64, size: AccessSize) -> UInt64 {
    catchUp()
    return readRegister(offset & ~7) &>> ((offset & 7) &* 8) & size.mask
  }

  /// Writes a 32-bit half or all of a register; other widths have no effect.
  public func write(offset: UInt64, size: AccessSize, value: UInt64) {
    guard size == .doubleword && offset & 3 == 0 || size == .quadword && offset & 7 == 0 else {
      return
    }
    catchUp()
    let shift = (offset & 7) &* 8
    writeRegister(
      offset & ~7, (value & size.mask) &<< shift, mask: size.mask &<< shift)
    driveLines()
    armTimers()
  }

  private func readRegister(_ offset: UInt64) -> UInt64 {
    switch offset {
    case Offset.capabilities: return Self.capabilities
    case Offset.configuration: return registers.configuration
    case Offset.status: return registers.status
    case Offset.counter: return counter
    default:
      guard let index = comparatorIndex(offset) else { return 0 }
      let comparator = registers.comparators[index]
      switch offset & 0x1F {
      case 0x00:
        return comparator.configuration | ComparatorBit.capabilities | routeCapability << 32
      case 0x08: return comparator.value
      default: return 0
      }
    }
  }

  private func writeRegister(_ offset: UInt64, _ value: UInt64, mask: UInt64) {
    switch offset {
    case Offset.configuration: writeConfiguration(value, mask: mask)
    case Offset.status: registers.status &= ~value
    case Offset.counter: setCounter(counter & ~mask | value)
    default:
      guard let index = comparatorIndex(offset) else { return }
      switch offset & 0x1F {
      case 0x00:
        registers.comparators[index].writeConfiguration(
          value, mask: mask, routeCapability: routeCapability)
        if !registers.comparators[index].isLevelTriggered {
          registers.status &= ~(1 << UInt64(index))
        }
      case 0x08: registers.comparators[index].writeValue(value, mask: mask)
      default: break
      }
    }
  }

  private func writeConfiguration(_ value: UInt64, mask: UInt64) {
    let new = registers.configuration & ~mask | value & 3
    guard new != registers.configuration else { return }
    // The counter stops or goes on where it is.
    setCounter(counter)
    let changed = new ^ registers.configuration
    registers.configuration = new
    if changed & Configuration.legacyReplacement != 0 {
      legacyReplacementChanged(new & Configuration.legacyReplacement != 0)
    }
  }

  private func comparatorIndex(_ offset: UInt64) -> Int? {
    guard offset >= Offset.comparators else { return nil }
    let index = (offset - Offset.comparators) >> 5
    return index < UInt64(Self.timerCount) ? Int(index) : nil
  }

  private var routeCapability: UInt64 {
    lines.routes.keys.reduce(0) { $0 | 1 << UInt64($1) }
  }
}

extension HPET.Comparator {
  private typealias Bit = HPET.ComparatorBit

  var isLevelTriggered: Bool { configuration & Bit.levelTriggered != 0 }
  var isEnabled: Bool { configuration & Bit.enable != 0 }
  var isPeriodic: Bool { configuration & Bit.periodic != 0 }
  var route: Int { Int(truncatingIfNeeded: (configuration & Bit.route) >> 9) }

  /// The bits of the counter that are compared.
  var width: UInt64 { configuration & Bit.is32Bit != 0 ? 0xFFFF_FFFF : .max }

  mutating func writeConfiguration(_ value: UInt64, mask: UInt64, routeCapability: UInt64) {
    let merged = configuration & ~mask | value
    let wanted = (merged & Bit.route) >> 9
    // A route the timer does not have is not taken.
    let route =
      routeCapability >> wanted & 1 != 0 || wanted == 0 ? wanted << 9 : configuration & Bit.route
    configuration = merged & Bit.writable | route
    isEdgeHigh = false
    truncate()
  }

  private mutating func truncate() {
    self.value &= width
    period &= width
  }

  /// Writes the comparator; for a periodic timer that is the period, and with Tn_VAL_SET_CNF,
  /// which the write clears, the next match too.
  mutating func writeValue(_ written: UInt64, mask: UInt64) {
    if isPeriodic { period = (period & ~mask | written) & width }
    if !isPeriodic || configuration & Bit.setsValue != 0 {
      value = (value & ~mask | written) & width
    }
    configuration &= ~Bit.setsValue
  }
}
