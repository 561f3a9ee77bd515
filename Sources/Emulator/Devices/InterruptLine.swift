/// Something with interrupt input pins: an interrupt controller, a gate, a processor.
public protocol InterruptSink: AnyObject {
  /// Tells that `pin` is now at `level`; `true` means asserted, whatever the wire's polarity.
  func setLine(_ pin: Int, level: Bool)
}

/// A wire from one device to the interrupt pins it is connected to.
public final class InterruptLine {
  /// Whether the line is raised.
  public private(set) var level = false

  private var pins: [(sink: any InterruptSink, pin: Int)] = []

  /// Makes a line connected to nothing.
  public init() {}

  /// Makes a line connected to one pin.
  public convenience init(to sink: any InterruptSink, pin: Int) {
    self.init()
    connect(to: sink, pin: pin)
  }

  /// Adds a pin; IRQ 0 of a PC reaches both the 8259 and the I/O APIC.
  public func connect(to sink: any InterruptSink, pin: Int) {
    pins.append((sink, pin))
  }

  /// Asserts the line.
  public func raise() { set(true) }

  /// Withdraws the request.
  public func lower() { set(false) }

  /// Drives the line; pins hear of changes only.
  public func set(_ newLevel: Bool) {
    guard newLevel != level else { return }
    level = newLevel
    for (sink, pin) in pins {
      sink.setLine(pin, level: newLevel)
    }
  }

  /// Makes a fresh rising edge and leaves the line high.
  ///
  /// It stays high because an 8259 forgets a request whose line drops before the acknowledge.
  public func pulse() {
    lower()
    raise()
  }

  /// Knows the level again after a restore, without telling anyone.
  func restore(level: Bool) {
    self.level = level
  }
}
