/// Port 92h: the fast A20 gate and the fast reset of PS/2 machines.
public final class SystemControlPortA: ByteDevice, StatefulDevice {
  /// The register.
  public struct State: Codable, Equatable, Sendable {
    package var control: UInt8 = 0x02
  }

  /// The register.
  public var state = State()

  private let setA20: (Bool) -> Void
  private let resetRequested: () -> Void

  /// Makes the port; A20 is on, as firmware leaves it.
  public init(setA20: @escaping (Bool) -> Void, resetRequested: @escaping () -> Void) {
    self.setA20 = setA20
    self.resetRequested = resetRequested
  }

  /// Whether the port holds the A20 gate open.
  public var opensA20: Bool { state.control & 2 != 0 }

  /// The bits as written.
  public func readByte(at offset: UInt64) -> UInt8 {
    offset == 0 ? state.control : 0xFF
  }

  /// Switches A20 (bit 1) and resets when bit 0 rises.
  public func writeByte(_ value: UInt8, at offset: UInt64) {
    guard offset == 0 else { return }
    let changed = value ^ state.control
    state.control = value & 0xFE
    if changed & 2 != 0 { setA20(value & 2 != 0) }
    if value & 1 != 0 { resetRequested() }
  }
}
