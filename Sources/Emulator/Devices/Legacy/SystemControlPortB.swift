/// Port 61h: the speaker's gate, the refresh toggle and the output of PIT counter 2.
public final class SystemControlPortB: ByteDevice, StatefulDevice {
  /// The bits software wrote.
  public struct State: Codable, Equatable, Sendable {
    package var control: UInt8 = 0
  }

  /// The bits software wrote; the gate itself is the PIT's state.
  public var state = State()

  private let pit: PIT8254

  /// Makes the port beside its PIT.
  public init(pit: PIT8254) {
    self.pit = pit
  }

  /// The power-up state: gate closed, NMI sources enabled.
  public func reset() {
    state = State()
    pit.speakerGate = false
  }

  /// Bits 3:0 as written, bit 4 the refresh toggle, bit 5 OUT2; no parity or channel check ever.
  public func readByte(at offset: UInt64) -> UInt8 {
    guard offset == 0 else { return 0xFF }
    return state.control | (pit.refreshToggle ? 0x10 : 0) | (pit.speakerOutput ? 0x20 : 0)
  }

  /// Sets the gate (bit 0), the speaker (bit 1) and the masks of two NMI sources (bits 2 and 3).
  public func writeByte(_ value: UInt8, at offset: UInt64) {
    guard offset == 0 else { return }
    state.control = value & 0x0F
    pit.speakerGate = value & 1 != 0
  }
}
