/// Port B2h: the command by which an operating system takes the hardware from firmware.
///
/// Quirk: no-smm. There is no system-management mode behind it; the two ACPI commands act at once.
public final class SMICommandPort: ByteDevice, StatefulDevice {
  /// ACPI_ENABLE of the FADT.
  public static let enableACPI: UInt8 = 0xF1
  /// ACPI_DISABLE of the FADT.
  public static let disableACPI: UInt8 = 0xF0

  /// The command and status bytes last written.
  public struct State: Codable, Equatable, Sendable {
    package var bytes: [UInt8] = [0, 0]
  }

  /// The command and status bytes.
  public var state = State()

  private let powerManagement: PowerManagement

  /// Makes the port beside the registers it switches.
  public init(powerManagement: PowerManagement) {
    self.powerManagement = powerManagement
  }

  /// The byte last written.
  public func readByte(at offset: UInt64) -> UInt8 {
    offset < 2 && state.bytes.count == 2 ? state.bytes[Int(offset)] : 0xFF
  }

  /// Runs a command (offset 0) or stores the status (offset 1).
  public func writeByte(_ value: UInt8, at offset: UInt64) {
    guard offset < 2, state.bytes.count == 2 else { return }
    state.bytes[Int(offset)] = value
    guard offset == 0 else { return }
    switch value {
    case Self.enableACPI: powerManagement.isACPIEnabled = true
    case Self.disableACPI: powerManagement.isACPIEnabled = false
    default: break
    }
  }
}
