/// The fixed hardware of ACPI: PM1 event and control registers and the power-management timer.
///
/// ACPI specification, "ACPI Hardware Specification", "Fixed Hardware Features". The registers are
/// one block of 16 bytes: PM1a_EVT at 0, PM1a_CNT at 4, PM_TMR at 8.
public final class PowerManagement: ByteDevice, StatefulDevice {
  /// Bits of PM1_STS and PM1_EN.
  enum Event {
    static let timer: UInt16 = 1 << 0
    static let global: UInt16 = 1 << 5
    static let powerButton: UInt16 = 1 << 8
    static let sleepButton: UInt16 = 1 << 9
    static let clock: UInt16 = 1 << 10
    static let wake: UInt16 = 1 << 15
    static let statuses = timer | global | powerButton | sleepButton | clock | wake | 1 << 4
    static let enables = timer | global | powerButton | sleepButton | clock
  }

  /// Bits of PM1_CNT.
  enum Control {
    static let isACPI: UInt16 = 1 << 0
    static let sleepEnable: UInt16 = 1 << 13
    static let stored: UInt16 = 0x1C07
  }

  /// The registers.
  public struct State: Codable, Equatable, Sendable {
    package var status: UInt16 = 0
    package var enable: UInt16 = 0
    package var control: UInt16 = 0
    /// How often the timer's top bit had changed when it was last looked at.
    package var carries: UInt64 = 0
  }

  /// The power-management timer's clock.
  public static let oscillator = Oscillator(hertz: 3_579_545)

  private var registers = State()
  private let clock: VirtualClock
  private let line: InterruptLine
  private let sleepRequested: (_ type: UInt8) -> Void
  private let timer: VirtualTimer

  /// Makes the block; the SCI is `line`, and `sleepRequested` is told SLP_TYP when SLP_EN is set.
  public init(
    clock: VirtualClock, line: InterruptLine, sleepRequested: @escaping (_ type: UInt8) -> Void
  ) {
    self.clock = clock
    self.line = line
    self.sleepRequested = sleepRequested
    timer = VirtualTimer(clock, name: "ACPI PM timer carry")
    timer.handler = { [weak self] _ in self?.settle() }
  }

  /// The registers.
  public var state: State {
    get { registers }
    set {
      registers = newValue
      line.restore(level: isInterrupting)
      armTimer()
    }
  }

  /// The power-up state: legacy mode, nothing enabled.
  public func reset() {
    registers = State()
    registers.carries = carries
    settle()
  }

  /// Whether ACPI, not firmware, owns the hardware (SCI_EN); switched through the SMI command.
  public var isACPIEnabled: Bool {
    get { registers.control & Control.isACPI != 0 }
    set {
      registers.control =
        newValue ? registers.control | Control.isACPI : registers.control & ~Control.isACPI
      settle()
    }
  }

  /// Presses the power button.
  public func pressPowerButton() {
    registers.status |= Event.powerButton
    settle()
  }

  // MARK: Registers

  private var ticks: UInt64 { Self.oscillator.ticks(at: clock.now) }

  /// Reads one byte of the block.
  public func readByte(at offset: UInt64) -> UInt8 {
    settle()
    let word: UInt32
    switch offset {
    case 0...3: word = UInt32(registers.status) | UInt32(registers.enable) << 16
    case 4...7: word = UInt32(registers.control)
    case 8...11: word = UInt32(truncatingIfNeeded: ticks)
    default: return 0
    }
    return UInt8(truncatingIfNeeded: word >> UInt32(truncatingIfNeeded: (offset & 3) * 8))
  }

  /// Writes one byte of the block; status bits are cleared by writing ones.
  public func writeByte(_ value: UInt8, at offset: UInt64) {
    settle()
    let shift = UInt16(truncatingIfNeeded: offset & 1) * 8
    let bits = UInt16(value) << shift
    let kept: UInt16 = ~(0xFF << shift)
    switch offset {
    case 0, 1: registers.status &= ~bits
    case 2, 3: registers.enable = (registers.enable & kept | bits) & Event.enables
    case 4, 5:
      registers.control = (registers.control & kept | bits) & Control.stored
      if bits & Control.sleepEnable != 0 {
        sleepRequested(UInt8(truncatingIfNeeded: registers.control >> 10 & 7))
      }
    default: break
    }
    settle()
  }

  // MARK: The timer's carry and the SCI

  private var carries: UInt64 { ticks >> 31 }

  private var isInterrupting: Bool {
    isACPIEnabled && registers.status & registers.enable != 0
  }

  /// Notes changes of the timer's top bit, which set TMR_STS, and drives the SCI.
  private func settle() {
    if carries != registers.carries {
      registers.carries = carries
      registers.status |= Event.timer
    }
    line.set(isInterrupting)
    armTimer()
  }

  private func armTimer() {
    guard isACPIEnabled, registers.enable & Event.timer != 0, registers.status & Event.timer == 0
    else { return timer.disarm() }
    timer.arm(at: Self.oscillator.time(ofTick: (registers.carries &+ 1) &<< 31))
  }
}
