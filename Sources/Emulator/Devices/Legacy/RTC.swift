/// The MC146818 real-time clock of a PC with its 128 bytes of battery-backed memory.
///
/// The time is counted when somebody looks; only enabled interrupts need the clock's events, so an
/// idle RTC keeps nobody awake. MC146818 data sheet (Motorola); Quirk: no-daylight-saving.
/// The daylight-savings bit is stored
/// and has no effect, as in the chipsets of PCs.
public final class RTC: ByteDevice, StatefulDevice {
  /// What the machine tells the RTC and its firmware's memory.
  public struct Configuration: Sendable {
    /// The time at reset, in seconds since 1970.
    public var startTime: Int64
    /// Bytes of memory below 4 GiB.
    public var memoryBelow4GiB: UInt64
    /// Bytes of memory above 4 GiB.
    public var memoryAbove4GiB: UInt64
    /// What firmware tries to start from, the first thing first.
    public var bootOrder: [BootDevice] = []
    /// The number of processors.
    public var processors = 1

    /// What firmware can start from, by its number in the battery-backed memory.
    public enum BootDevice: UInt8, Sendable {
      /// The first floppy disk.
      case floppy = 1
      /// The first hard disk.
      case disk = 2
      /// The CD-ROM.
      case optical = 3
      /// The network.
      case network = 4
    }

    /// 2000-01-01 00:00:00 is the default, so that runs repeat.
    public init(
      startTime: Int64 = 946_684_800, memoryBelow4GiB: UInt64, memoryAbove4GiB: UInt64 = 0
    ) {
      self.startTime = startTime
      self.memoryBelow4GiB = memoryBelow4GiB
      self.memoryAbove4GiB = memoryAbove4GiB
    }
  }

  /// The index register and the 128 bytes behind it.
  public struct State: Codable, Equatable, Sendable {
    package var index: UInt8 = 0
    package var isNMIMasked = false
    package var memory = [UInt8](repeating: 0, count: 128)
    /// The tick of the divider chain at which a second began.
    package var origin: Int64 = 0
    /// The tick up to which flags and time are counted.
    package var observed: Int64 = 0
  }

  static let oscillator = Oscillator(hertz: 32_768)
  static let ticksPerSecond: Int64 = 32_768

  var registers = State()
  private let clock: VirtualClock
  private let line: InterruptLine
  private let maskNMI: (Bool) -> Void
  private let timer: VirtualTimer

  /// Makes an RTC that interrupts on `line` and tells `maskNMI` of bit 7 of port 70h.
  public init(
    _ configuration: Configuration, clock: VirtualClock, line: InterruptLine,
    maskNMI: @escaping (Bool) -> Void = { _ in }
  ) {
    self.clock = clock
    self.line = line
    self.maskNMI = maskNMI
    timer = VirtualTimer(clock, name: "RTC")
    registers.memory[Index.registerA] = 0x26
    registers.memory[Index.registerB] = RegisterB.is24Hour
    registers.memory[Index.registerD] = 0x80
    registers.fillMemory(configuration)
    registers.setTime(CivilTime(secondsSince1970: configuration.startTime))
    timer.handler = { [weak self] _ in self?.settle() }
  }

  /// The index register and the memory.
  public var state: State {
    get { registers }
    set {
      registers = newValue
      line.restore(level: registers.isInterrupting)
      armTimer()
    }
  }

  /// The RESET pin: interrupts off and their flags cleared; time and memory are kept.
  public func reset() {
    settle()
    registers.index = 0
    registers.isNMIMasked = false
    registers.memory[Index.registerB] &= ~(RegisterB.interrupts | 1 << 3)
    registers.memory[Index.registerC] = 0
    updateLine()
  }

  // MARK: Ports 70h and 71h

  /// Port 70h cannot be read; port 71h reads the selected byte.
  public func readByte(at offset: UInt64) -> UInt8 {
    guard offset == 1 else { return 0xFF }
    settle()
    let index = Int(registers.index)
    var value = registers.memory[index]
    if index == Index.registerA, registers.isUpdateInProgress(at: tick) { value |= 0x80 }
    if index == Index.registerC {
      registers.memory[index] = 0
      updateLine()
    }
    return value
  }

  /// Selects a byte and masks NMI (port 70h), or writes the selected byte (port 71h).
  public func writeByte(_ value: UInt8, at offset: UInt64) {
    switch offset {
    case 0:
      registers.index = value & 0x7F
      registers.isNMIMasked = value & 0x80 != 0
      maskNMI(registers.isNMIMasked)
    case 1:
      settle()
      writeSelected(value)
      updateLine()
    default: break
    }
  }

  private func writeSelected(_ value: UInt8) {
    let index = Int(registers.index)
    switch index {
    case Index.registerA:
      let wasRunning = registers.isRunning
      registers.memory[index] = value & 0x7F
      // The first update comes half a second after the divider chain is let go.
      if !wasRunning, registers.isRunning { registers.origin = tick - Self.ticksPerSecond / 2 }
    case Index.registerB:
      // SET inhibits updates and with them the update-ended interrupt.
      let cleared = value & RegisterB.set != 0 ? RegisterB.updateEnded : 0
      registers.memory[index] = value & ~cleared
    case Index.registerC, Index.registerD:
      break
    default:
      registers.memory[index] = value
    }
  }

  // MARK: Time

  private var tick: Int64 {
    Int64(truncatingIfNeeded: Self.oscillator.ticks(at: clock.now))
  }

  private func settle() {
    registers.advance(to: tick)
    updateLine()
  }

  private func updateLine() {
    registers.updateInterruptFlag()
    line.set(registers.isInterrupting)
    armTimer()
  }

  private func armTimer() {
    guard let next = registers.nextEvent else { return timer.disarm() }
    timer.arm(at: Self.oscillator.time(ofTick: UInt64(truncatingIfNeeded: max(0, next))))
  }
}
