/// The content of an option ROM, as a device behind a base address register.
public final class OptionROMWindow: ByteDevice {
  private let bytes: [UInt8]

  /// Makes a window to `bytes`.
  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Reads a byte; all ones behind the end.
  public func readByte(at offset: UInt64) -> UInt8 {
    offset < UInt64(bytes.count) ? bytes[Int(offset)] : 0xFF
  }

  /// Does nothing.
  public func writeByte(_ value: UInt8, at offset: UInt64) {}
}
