/// Port CF9h: the reset control register of Intel chipsets, and ACPI's reset register.
public final class ResetControl: ByteDevice, StatefulDevice {
  /// What to write for a hard reset; RESET_VALUE of the FADT.
  public static let hardReset: UInt8 = 0x06

  private static let resetCPU: UInt8 = 1 << 2

  /// The register.
  public struct State: Codable, Equatable, Sendable {
    package var control: UInt8 = 0
  }

  /// The register.
  public var state = State()

  private let resetRequested: () -> Void

  /// Makes the register; `resetRequested` runs when RST_CPU goes from 0 to 1.
  public init(resetRequested: @escaping () -> Void) {
    self.resetRequested = resetRequested
  }

  /// SYS_RST and FULL_RST as written; RST_CPU reads as written until the reset clears it.
  public func readByte(at offset: UInt64) -> UInt8 {
    offset == 0 ? state.control : 0xFF
  }

  /// Resets the machine when RST_CPU rises.
  public func writeByte(_ value: UInt8, at offset: UInt64) {
    guard offset == 0 else { return }
    let rises = value & ~state.control & Self.resetCPU != 0
    state.control = value & 0x0E
    if rises { resetRequested() }
  }
}
