/// One 8259A programmable interrupt controller.
///
/// 8259A data sheet (Intel, order number 231468). A PC has two of them, see `PIC8259Pair`.
public final class PIC8259: InterruptSink, ByteDevice, StatefulDevice {
  /// How far an initialisation sequence has come.
  enum Initialization: UInt8, Codable {
    case ready
    case awaitingICW2
    case awaitingICW3
    case awaitingICW4
  }

  /// The registers and the levels of the pins.
  public struct State: Codable, Equatable, Sendable {
    /// Levels of the IR pins.
    package var pins: UInt8 = 0
    /// Edges not yet acknowledged, of pins that are still high.
    package var edges: UInt8 = 0
    package var inService: UInt8 = 0
    package var mask: UInt8 = 0xFF
    package var vectorBase: UInt8
    /// Pins made level-triggered by the ELCR of a PC.
    package var levelControl: UInt8 = 0
    /// The pin with the lowest priority.
    package var lowestPriority: UInt8 = 7
    package var isLevelTriggered = false
    package var isSingle = false
    package var needsICW4 = false
    package var isAutomaticEOI = false
    package var rotatesOnAutomaticEOI = false
    package var isSpecialMaskMode = false
    package var isSpecialFullyNested = false
    package var readsInService = false
    package var isPolled = false
    package var cascade: UInt8
    var initialization = Initialization.ready
  }

  let output: InterruptLine
  private let isMaster: Bool
  let levelControlMask: UInt8
  var registers: State

  /// Makes a chip in the state in which a PC's firmware leaves it, everything masked.
  ///
  /// - Parameters:
  ///   - isMaster: The level of the SP pin.
  ///   - vectorBase: The vector of pin 0.
  ///   - cascade: ICW3: the pins of a master with a slave behind them, or a slave's number.
  ///   - levelControlMask: The pins the ELCR can make level-triggered.
  ///   - output: The INT pin.
  public init(
    isMaster: Bool, vectorBase: UInt8, cascade: UInt8, levelControlMask: UInt8,
    output: InterruptLine
  ) {
    self.isMaster = isMaster
    registers = State(vectorBase: vectorBase, cascade: cascade)
    self.levelControlMask = levelControlMask
    self.output = output
  }

  /// The registers and the levels of the pins.
  public var state: State {
    get { registers }
    set {
      registers = newValue
      output.restore(level: isRequesting)
    }
  }

  /// Back to the state firmware leaves; the pins keep their levels.
  func reset(vectorBase: UInt8, cascade: UInt8) {
    let pins = registers.pins
    registers = State(vectorBase: vectorBase, cascade: cascade)
    registers.pins = pins
    updateOutput()
  }

  /// Notes the level of an IR pin.
  ///
  /// A request whose pin drops before it is acknowledged is forgotten, in either trigger mode; if
  /// the processor had already seen INT it gets the spurious vector of pin 7.
  public func setLine(_ pin: Int, level: Bool) {
    guard (0..<8).contains(pin) else { return }
    let bit: UInt8 = 1 << UInt8(pin)
    if level {
      if registers.pins & bit == 0 { registers.edges |= bit }
      registers.pins |= bit
    } else {
      registers.pins &= ~bit
      registers.edges &= ~bit
    }
    updateOutput()
  }

  // MARK: Priority resolver

  private var levelPins: UInt8 {
    registers.isLevelTriggered ? 0xFF : registers.levelControl & levelControlMask
  }

  /// IRR.
  var requests: UInt8 {
    registers.edges & ~levelPins | registers.pins & levelPins
  }

  /// The pin with the highest priority in `set`.
  private func highest(in set: UInt8) -> UInt8? {
    for step: UInt8 in 1...8 {
      let pin = (registers.lowestPriority &+ step) & 7
      if set & 1 << pin != 0 { return pin }
    }
    return nil
  }

  private func rank(_ pin: UInt8) -> UInt8 { (pin &- registers.lowestPriority &- 1) & 7 }

  /// The pin whose request is to be served next, if any request may interrupt what is in service.
  private var servedPin: UInt8? {
    guard registers.initialization == .ready,
      let pin = highest(in: requests & ~registers.mask)
    else { return nil }
    var blocking = registers.inService
    // Special mask mode: what is masked while in service blocks nothing.
    if registers.isSpecialMaskMode { blocking &= ~registers.mask }
    // Special fully nested mode: a slave in service may interrupt again with a higher request.
    if registers.isSpecialFullyNested, isMaster { blocking &= ~(registers.cascade & 1 << pin) }
    guard let served = highest(in: blocking) else { return pin }
    return rank(pin) < rank(served) ? pin : nil
  }

  private var isRequesting: Bool { servedPin != nil }

  func updateOutput() {
    output.set(isRequesting)
  }

  // MARK: Acknowledge and end

  /// Acknowledges the request with the highest priority; nil when it has gone away.
  func acknowledgePin() -> UInt8? {
    guard let pin = servedPin else { return nil }
    let bit: UInt8 = 1 << pin
    registers.edges &= ~bit
    if registers.isAutomaticEOI {
      if registers.rotatesOnAutomaticEOI { registers.lowestPriority = pin }
    } else {
      registers.inService |= bit
    }
    // INT drops between two requests, which an edge-triggered input behind it must see.
    output.lower()
    updateOutput()
    return pin
  }

  /// INTA: the vector of the acknowledged request, that of pin 7 when it is spurious.
  func acknowledgeVector() -> UInt8 {
    registers.vectorBase | (acknowledgePin() ?? 7)
  }

  func endOfInterrupt(pin specific: UInt8?, rotating: Bool) {
    var candidates = registers.inService
    if registers.isSpecialMaskMode { candidates &= ~registers.mask }
    guard let pin = specific ?? highest(in: candidates) else { return }
    registers.inService &= ~(1 << pin)
    if rotating { registers.lowestPriority = pin }
    updateOutput()
  }
}
