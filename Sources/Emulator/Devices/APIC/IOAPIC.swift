/// The 82093AA I/O APIC: 24 pins, each with a redirection entry, and an EOI register (version 20h).
///
/// Quirk: line-polarity. The polarity bit of an entry is stored and has no effect: it tells the chip how the wire is
/// wired, and the lines of this machine are logical levels that are never inverted.
public final class IOAPIC: InterruptSink, BusDevice, StatefulDevice {
  /// The number of pins.
  public static let pinCount = 24

  static let version: UInt32 = 0x20

  /// The registers and the levels of the pins.
  public struct State: Codable, Equatable, Sendable {
    package var id: UInt32 = 0
    package var selected: UInt8 = 0
    package var entries = [RedirectionEntry](repeating: RedirectionEntry(), count: pinCount)
    package var pins: UInt32 = 0
  }

  /// The registers and the levels of the pins.
  public var state = State()

  private weak var bus: APICBus?

  /// Makes an I/O APIC with all pins masked and attaches it to `bus`.
  public init(id: UInt8, bus: APICBus) {
    state.id = UInt32(id & 0xF) << 24
    self.bus = bus
    bus.attach(self)
  }

  /// The power-up state; the ID and the levels of the pins stay.
  public func reset() {
    let old = state
    state = State()
    state.id = old.id
    state.pins = old.pins
  }

  /// Notes the level of a pin and delivers what its entry asks for.
  public func setLine(_ pin: Int, level: Bool) {
    guard state.entries.indices.contains(pin) else { return }
    let bit: UInt32 = 1 << UInt32(pin)
    let hasRisen = level && state.pins & bit == 0
    state.pins = level ? state.pins | bit : state.pins & ~bit
    if state.entries[pin].isLevelTriggered {
      deliverLevel(pin)
    } else if hasRisen, !state.entries[pin].isMasked {
      // An edge at a masked pin is lost, as on the hardware.
      deliver(pin)
    }
  }

  /// Ends the level-triggered interrupts with `vector`; a pin still asserted interrupts again.
  public func endOfInterrupt(_ vector: UInt8) {
    for pin in state.entries.indices {
      let entry = state.entries[pin]
      guard entry.vector == vector, entry.isLevelTriggered, entry.remoteIRR else { continue }
      state.entries[pin].remoteIRR = false
      deliverLevel(pin)
    }
  }

  private func deliverLevel(_ pin: Int) {
    let entry = state.entries[pin]
    guard !entry.isMasked, !entry.remoteIRR, state.pins & 1 << UInt32(pin) != 0 else { return }
    // Set first: whoever is told may end the interrupt before the delivery returns.
    state.entries[pin].remoteIRR = true
    if !deliver(pin) { state.entries[pin].remoteIRR = false }
  }

  @discardableResult
  private func deliver(_ pin: Int) -> Bool {
    guard let message = state.entries[pin].message else { return false }
    return bus?.send(message) ?? false
  }
}

/// The registers, reached through an index (00h) and a window (10h).
extension IOAPIC {
  private enum Offset {
    static let select: UInt64 = 0x00
    static let window: UInt64 = 0x10
    static let endOfInterrupt: UInt64 = 0x40
  }

  /// Reads the index or the register it selects.
  public func read(offset: UInt64, size: AccessSize) -> UInt64 {
    let value: UInt32
    switch offset & ~3 {
    case Offset.select: value = UInt32(state.selected)
    case Offset.window: value = readSelected()
    default: return 0
    }
    return UInt64(value) &>> ((offset & 3) &* 8) & size.mask
  }

  /// Writes the index, the register it selects, or the EOI register.
  public func write(offset: UInt64, size: AccessSize, value: UInt64) {
    switch offset {
    case Offset.select: state.selected = UInt8(truncatingIfNeeded: value)
    case Offset.window where size != .byte && size != .word:
      writeSelected(UInt32(truncatingIfNeeded: value))
    case Offset.endOfInterrupt: endOfInterrupt(UInt8(truncatingIfNeeded: value))
    default: break
    }
  }

  private func readSelected() -> UInt32 {
    switch state.selected {
    case 0, 2: return state.id
    case 1: return UInt32(Self.pinCount - 1) << 16 | Self.version
    default:
      guard let pin = selectedPin else { return 0 }
      let bits = state.entries[pin].bits
      return UInt32(truncatingIfNeeded: state.selected & 1 == 0 ? bits : bits >> 32)
    }
  }

  private func writeSelected(_ value: UInt32) {
    if state.selected == 0 {
      state.id = value & 0x0F00_0000
      return
    }
    guard let pin = selectedPin else { return }
    state.entries[pin].writeHalf(isHigh: state.selected & 1 != 0, value)
    if state.entries[pin].isLevelTriggered { deliverLevel(pin) }
  }

  private var selectedPin: Int? {
    let pin = (Int(state.selected) - 0x10) >> 1
    return state.entries.indices.contains(pin) ? pin : nil
  }
}
