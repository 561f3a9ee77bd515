/// The two 8259As of a PC, the slave behind pin 2 of the master, with their ELCR.
///
/// Pins 0-7 are the master's, 8-15 the slave's.
public final class PIC8259Pair: InterruptSink, InterruptAcknowledger, StatefulDevice {
  private static let cascadePin = 2

  /// Both chips.
  public struct State: Codable, Equatable, Sendable {
    package var master: PIC8259.State
    package var slave: PIC8259.State
  }

  /// Ports 20h and 21h of a PC.
  public let master: PIC8259
  /// Ports A0h and A1h of a PC.
  public let slave: PIC8259
  /// Ports 4D0h and 4D1h of a PC.
  public let levelControl: EdgeLevelControl

  /// Makes the pair as firmware leaves it: vectors 08h and 70h, everything masked.
  public init(output: InterruptLine) {
    // IRQ 0, 1, 2, 8 and 13 of a PC are always edges.
    master = PIC8259(
      isMaster: true, vectorBase: 0x08, cascade: 0x04, levelControlMask: 0xF8, output: output)
    slave = PIC8259(
      isMaster: false, vectorBase: 0x70, cascade: 0x02, levelControlMask: 0xDE,
      output: InterruptLine(to: master, pin: Self.cascadePin))
    levelControl = EdgeLevelControl(master: master, slave: slave)
  }

  /// Both chips; the slave first, since its output is an input of the master's own state.
  public var state: State {
    get { State(master: master.state, slave: slave.state) }
    set {
      slave.state = newValue.slave
      master.state = newValue.master
    }
  }

  /// Back to the state firmware leaves.
  public func reset() {
    slave.reset(vectorBase: 0x70, cascade: 0x02)
    master.reset(vectorBase: 0x08, cascade: 0x04)
  }

  /// Notes the level of IRQ `pin`; IRQ 2 is the cascade and cannot be driven.
  public func setLine(_ pin: Int, level: Bool) {
    if (8..<16).contains(pin) {
      slave.setLine(pin - 8, level: level)
    } else if pin != Self.cascadePin {
      master.setLine(pin, level: level)
    }
  }

  /// Runs the two INTA cycles.
  ///
  /// A slave whose request has gone answers with its own spurious vector, and stays in service at
  /// the master.
  public func acknowledge() -> UInt8 {
    guard let pin = master.acknowledgePin() else { return master.state.vectorBase | 7 }
    let isCascade = !master.state.isSingle && master.state.cascade & 1 << pin != 0
    guard isCascade, pin == Self.cascadePin else { return master.state.vectorBase | pin }
    return slave.acknowledgeVector()
  }
}

/// The ELCR of a PC: a bit for each IRQ, set when it is level-triggered.
public final class EdgeLevelControl: ByteDevice {
  private let master: PIC8259
  private let slave: PIC8259

  fileprivate init(master: PIC8259, slave: PIC8259) {
    self.master = master
    self.slave = slave
  }

  /// The bits of IRQ 0-7 (offset 0) or 8-15 (offset 1).
  public func readByte(at offset: UInt64) -> UInt8 {
    switch offset {
    case 0: master.levelControl
    case 1: slave.levelControl
    default: 0xFF
    }
  }

  /// Sets the bits of the IRQs that can be level-triggered.
  public func writeByte(_ value: UInt8, at offset: UInt64) {
    switch offset {
    case 0: master.levelControl = value
    case 1: slave.levelControl = value
    default: break
    }
  }
}
