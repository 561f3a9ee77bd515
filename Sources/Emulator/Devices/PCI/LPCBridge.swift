/// The LPC bridge of an ICH9: the ISA bus, and which ISA interrupts the PCI wires reach.
///
/// Intel I/O Controller Hub 9 (ICH9) Family data sheet, "LPC Interface Bridge Registers".
public final class LPCBridge: InterruptSink, StatefulDevice {
  private enum Register {
    static let powerManagementBase = 0x40
    static let powerManagementControl = 0x44
    static let routes = 0x60
    static let serialInterrupts = 0x64
    static let moreRoutes = 0x68
  }

  /// A route to nowhere.
  private static let disabled: UInt8 = 0x80
  /// IRQ 0, 1, 2, 8 and 13 cannot be shared with PCI.
  private static let routable: UInt16 = 0xDEF8

  /// The levels of the wires.
  public struct State: Codable, Equatable, Sendable {
    package var wires = [Bool](repeating: false, count: PCIBus.wireCount)
  }

  /// Function 0 of the bridge's slot.
  public let function: PCIFunction

  private var levels = State()
  private let interrupts: [InterruptLine]

  /// Makes a bridge.
  ///
  /// - Parameters:
  ///   - powerManagementPort: What PMBASE shows.
  ///   - interrupts: The sixteen ISA interrupts, as inputs of the 8259s.
  public init(powerManagementPort: UInt16, interrupts: [InterruptLine]) {
    self.interrupts = interrupts
    var identity = PCIFunction.Identity(vendor: 0x8086, device: 0x2918, classCode: 0x06_0100)
    identity.revision = 2
    identity.isMultifunction = true
    function = PCIFunction(identity)
    // Quirk: fixed-power-management. The block does not move, so its base cannot be written.
    function.define(Register.powerManagementBase, UInt32(powerManagementPort) | 1)
    function.define(Register.powerManagementControl, 0x80 as UInt8)
    for index in 0..<4 {
      function.define(Register.routes + index, Self.disabled, writable: 0x8F)
      function.define(Register.moreRoutes + index, Self.disabled, writable: 0x8F)
    }
    function.define(Register.serialInterrupts, 0x10 as UInt8, writable: 0xC3)
    function.written = { [unowned self] range in
      if range.overlaps(Register.routes..<Register.routes + 4) { driveInterrupts() }
    }
  }

  /// The levels of the wires.
  public var state: State {
    get { levels }
    set {
      levels = newValue
      for (irq, line) in interrupts.enumerated() { line.restore(level: isRaised(irq)) }
    }
  }

  /// Routes the wires, PIRQA first, to ISA interrupts, as firmware does.
  public func route(_ irqs: [UInt8]) {
    for (wire, irq) in irqs.prefix(PCIBus.wireCount).enumerated() {
      for register in [Register.routes, Register.moreRoutes] {
        function.write(register + wire, size: .byte, value: UInt64(irq))
      }
    }
  }

  /// Notes the level of a wire.
  public func setLine(_ pin: Int, level: Bool) {
    guard levels.wires.indices.contains(pin) else { return }
    levels.wires[pin] = level
    driveInterrupts()
  }

  private func isRaised(_ irq: Int) -> Bool {
    Self.routable >> UInt16(irq & 15) & 1 != 0
      && levels.wires.indices.contains {
        levels.wires[$0] && function.bytes[Register.routes + $0] == UInt8(irq & 15)
      }
  }

  private func driveInterrupts() {
    for (irq, line) in interrupts.enumerated() { line.set(isRaised(irq)) }
  }
}
