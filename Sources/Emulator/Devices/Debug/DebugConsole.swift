/// Port E9h of Bochs and QEMU: every byte written goes to the host's console.
public final class DebugConsole: ByteDevice {
  /// What a read gives, by which software knows that the port is there.
  public static let signature: UInt8 = 0xE9

  private let transmit: (UInt8) -> Void

  /// Makes a console that gives its bytes to `transmit`.
  public init(transmit: @escaping (UInt8) -> Void) {
    self.transmit = transmit
  }

  /// The signature at offset 0.
  public func readByte(at offset: UInt64) -> UInt8 {
    offset == 0 ? Self.signature : 0xFF
  }

  /// Transmits a byte; a wider access transmits its low byte only.
  public func writeByte(_ value: UInt8, at offset: UInt64) {
    if offset == 0 { transmit(value) }
  }
}
