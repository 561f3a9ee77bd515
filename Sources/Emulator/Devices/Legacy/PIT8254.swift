/// The 8254 programmable interval timer of a PC, clocked at 1.193182 MHz.
///
/// The gates of counters 0 and 1 are tied high; counter 2's is port 61h's. OUT0 is IRQ 0.
public final class PIT8254: ByteDevice, StatefulDevice {
  /// The clock input.
  public static let oscillator = Oscillator(hertz: 1_193_182)

  /// The three counters and when the output of the first was last looked at.
  public struct State: Codable, Equatable, Sendable {
    package var counters = [
      PITCounter(gate: true), PITCounter(gate: true), PITCounter(gate: false),
    ]
    package var observed: Int64 = 0
  }

  private var registers = State()
  private let clock: VirtualClock
  private let line: InterruptLine
  private let timer: VirtualTimer

  /// Makes a timer whose counters wait for their control words.
  public init(clock: VirtualClock, line: InterruptLine) {
    self.clock = clock
    self.line = line
    timer = VirtualTimer(clock, name: "PIT counter 0")
    timer.handler = { [weak self] _ in self?.followOutput() }
  }

  /// The three counters.
  public var state: State {
    get { registers }
    set {
      registers = newValue
      line.restore(level: registers.counters[0].output(at: registers.observed))
      armTimer()
    }
  }

  /// The power-up state.
  public func reset() {
    registers = State()
    followOutput()
  }

  private var tick: Int64 {
    Int64(truncatingIfNeeded: Self.oscillator.ticks(at: clock.now) & 0x3FFF_FFFF_FFFF_FFFF)
  }

  // MARK: Ports 40h-43h

  /// Reads a counter; the control word register cannot be read.
  public func readByte(at offset: UInt64) -> UInt8 {
    guard offset < 3 else { return 0xFF }
    followOutput()
    return registers.counters[Int(offset)].readByte(at: tick)
  }

  /// Writes a counter (offsets 0-2) or a control word (3).
  public func writeByte(_ value: UInt8, at offset: UInt64) {
    guard offset < 4 else { return }
    followOutput()
    if offset == 3 {
      writeControl(value)
    } else {
      registers.counters[Int(offset)].writeByte(value, at: tick)
    }
    followOutput()
  }

  private func writeControl(_ word: UInt8) {
    let tick = tick
    if word >> 6 == 3 {
      for index in 0..<3 where word & 2 << UInt8(index) != 0 {
        if word & 0x20 == 0 { registers.counters[index].latchCount(at: tick) }
        if word & 0x10 == 0 { registers.counters[index].latchStatus(at: tick) }
      }
      return
    }
    let index = Int(word >> 6)
    if word & 0x30 == 0 {
      registers.counters[index].latchCount(at: tick)
    } else {
      registers.counters[index].writeControl(word, at: tick)
    }
  }

  // MARK: Counter 2 and the refresh of port 61h

  /// The gate of counter 2.
  public var speakerGate: Bool {
    get { registers.counters[2].gate }
    set {
      followOutput()
      registers.counters[2].setGate(newValue, at: tick)
    }
  }

  /// OUT2.
  public var speakerOutput: Bool {
    followOutput()
    return registers.counters[2].output(at: tick)
  }

  /// A bit that changes with every DRAM refresh request, each 18 ticks on a PC.
  var refreshToggle: Bool { tick / 18 & 1 != 0 }

  // MARK: IRQ 0

  /// Brings the counters and the line to the present.
  private func followOutput() {
    let tick = tick
    var hasRisen = false
    var last = registers.observed
    // Two transitions always include a rising edge; older ones are edges nobody could tell apart.
    for _ in 0..<2 {
      guard let next = registers.counters[0].nextTransition(after: last), next <= tick else {
        break
      }
      if registers.counters[0].output(at: next) { hasRisen = true }
      last = next
    }
    for index in 0..<3 { registers.counters[index].settle(at: tick) }
    registers.observed = tick
    if hasRisen { line.pulse() }
    line.set(registers.counters[0].output(at: tick))
    armTimer()
  }

  /// Whether the count of counter 0 ends some time.
  public var isRunning: Bool { timer.deadline != .max }

  /// Lets the count of counter 0 end now, as if it had been shorter.
  public func expire() {
    followOutput()
    guard registers.counters[0].expire(at: tick) else { return }
    if registers.counters[0].mode != 0 { line.pulse() }
    line.set(registers.counters[0].output(at: tick))
    armTimer()
  }

  private func armTimer() {
    guard let next = registers.counters[0].nextTransition(after: registers.observed) else {
      return timer.disarm()
    }
    timer.arm(at: Self.oscillator.time(ofTick: UInt64(truncatingIfNeeded: max(0, next))))
  }
}
