/// The registers of a drive that both sides see: the task file.
///
/// ATA/ATAPI-6 (T13/1410D), "I/O registers". For 48-bit addressing each of four registers remembers
/// what was written before, in its upper byte.
struct ATARegisters: Codable, Equatable, Sendable {
  enum Status {
    static let error: UInt8 = 1 << 0
    static let dataRequest: UInt8 = 1 << 3
    static let seekComplete: UInt8 = 1 << 4
    static let ready: UInt8 = 1 << 6
  }

  enum ErrorBit {
    static let aborted: UInt8 = 1 << 2
    static let notFound: UInt8 = 1 << 4
    static let uncorrectable: UInt8 = 1 << 6
  }

  enum Control {
    static let interruptDisable: UInt8 = 1 << 1
    static let reset: UInt8 = 1 << 2
    static let highOrder: UInt8 = 1 << 7
  }

  enum Device {
    static let number: UInt8 = 1 << 4
    static let isLinear: UInt8 = 1 << 6
  }

  var features: UInt16 = 0
  var error: UInt8 = 1
  var status: UInt8 = 0
  var count: UInt16 = 0
  var low: UInt16 = 0
  var middle: UInt16 = 0
  var high: UInt16 = 0
  var device: UInt8 = 0
  var control: UInt8 = 0

  /// Reads a register of the command block but data.
  func read(_ offset: UInt64) -> UInt8 {
    let shift: UInt16 = control & Control.highOrder != 0 ? 8 : 0
    switch offset {
    case 1: return error
    case 2: return UInt8(truncatingIfNeeded: count >> shift)
    case 3: return UInt8(truncatingIfNeeded: low >> shift)
    case 4: return UInt8(truncatingIfNeeded: middle >> shift)
    case 5: return UInt8(truncatingIfNeeded: high >> shift)
    case 6: return device | 0xA0
    default: return status
    }
  }

  /// Writes a register of the command block but data and command.
  mutating func write(_ value: UInt8, _ offset: UInt64) {
    control &= ~Control.highOrder
    let new = UInt16(value)
    switch offset {
    case 1: features = features << 8 | new
    case 2: count = count << 8 | new
    case 3: low = low << 8 | new
    case 4: middle = middle << 8 | new
    case 5: high = high << 8 | new
    case 6: device = value
    default: break
    }
  }

  /// The sector and count that a command is about, nil where no sector can be.
  func range(is48Bit: Bool, geometry: ATAGeometry) -> (sector: UInt64, count: Int)? {
    func byte(_ register: UInt16) -> UInt64 { UInt64(register & 0xFF) }
    func previous(_ register: UInt16) -> UInt64 { UInt64(register >> 8) }
    if is48Bit {
      let sector =
        byte(low) | byte(middle) << 8 | byte(high) << 16 | previous(low) << 24
        | previous(middle) << 32 | previous(high) << 40
      return (sector, count == 0 ? 65536 : Int(count))
    }
    let number = Int(byte(count)) == 0 ? 256 : Int(byte(count))
    let head = UInt64(device & 0xF)
    if device & Device.isLinear != 0 {
      return (byte(low) | byte(middle) << 8 | byte(high) << 16 | head << 24, number)
    }
    let cylinder = byte(middle) | byte(high) << 8
    guard byte(low) > 0, geometry.sectors > 0, geometry.heads > 0 else { return nil }
    let track = cylinder * UInt64(geometry.heads) + head
    return (track * UInt64(geometry.sectors) + byte(low) - 1, number)
  }
}

/// Cylinders, heads and sectors, as disks were once addressed.
struct ATAGeometry: Codable, Equatable, Sendable {
  var heads = 16
  var sectors = 63

  /// The cylinders of a disk with so many sectors, as far as they can be told.
  func cylinders(of total: UInt64) -> Int {
    Int(min(total / UInt64(max(1, heads * sectors)), 16383))
  }
}
