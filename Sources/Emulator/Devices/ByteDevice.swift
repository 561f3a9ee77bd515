/// A device on an 8-bit bus: a wider access becomes byte cycles, the lowest offset first.
public protocol ByteDevice: BusDevice {
  /// Reads one register.
  func readByte(at offset: UInt64) -> UInt8

  /// Writes one register.
  func writeByte(_ value: UInt8, at offset: UInt64)
}

extension ByteDevice {
  /// Reads `size` registers.
  public func read(offset: UInt64, size: AccessSize) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<UInt64(size.rawValue) {
      value |= UInt64(readByte(at: offset &+ index)) &<< (index &* 8)
    }
    return value
  }

  /// Writes `size` registers.
  public func write(offset: UInt64, size: AccessSize, value: UInt64) {
    for index in 0..<UInt64(size.rawValue) {
      writeByte(UInt8(truncatingIfNeeded: value &>> (index &* 8)), at: offset &+ index)
    }
  }
}
