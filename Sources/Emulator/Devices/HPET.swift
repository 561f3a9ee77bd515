/// The high precision event timer: a 64-bit counter at 100 MHz and three comparators.
///
/// IA-PC HPET specification, revision 1.0a. FSB (message-signalled) delivery is not offered.
public final class HPET: BusDevice, StatefulDevice {
  /// Nanoseconds of one tick of the main counter.
  static let tickTime: UInt64 = 10

  /// The number of comparators.
  public static let timerCount = 3

  /// One comparator's registers.
  public struct Comparator: Codable, Equatable, Sendable {
    package var configuration: UInt64 = 0
    package var value: UInt64 = .max
    package var period: UInt64 = 0
    /// An edge was sent and the line is still high from it.
    package var isEdgeHigh = false
  }

  /// The registers.
  public struct State: Codable, Equatable, Sendable {
    package var configuration: UInt64 = 0
    package var status: UInt64 = 0
    /// The main counter while halted, and what it was at tick `since` while running.
    package var counter: UInt64 = 0
    package var since: UInt64 = 0
    package var comparators = [Comparator](repeating: Comparator(), count: timerCount)
  }

  /// Where the comparators' interrupts go.
  public struct Lines {
    /// Pins of the I/O APIC the comparators can be routed to.
    public var routes: [Int: InterruptLine]
    /// Takes comparator 0's interrupt in legacy replacement mode, as IRQ 0.
    public var legacyTimer: InterruptLine
    /// Takes comparator 1's interrupt in legacy replacement mode, as IRQ 8.
    public var legacyClock: InterruptLine

    /// The lines of one HPET.
    public init(
      routes: [Int: InterruptLine], legacyTimer: InterruptLine, legacyClock: InterruptLine
    ) {
      self.routes = routes.filter { (0..<32).contains($0.key) }
      self.legacyTimer = legacyTimer
      self.legacyClock = legacyClock
    }
  }

  /// Runs when legacy replacement is switched; the PIT's and RTC's lines are then to be cut off.
  public var legacyReplacementChanged: (Bool) -> Void = { _ in }

  var registers = State()
  let lines: Lines
  let clock: VirtualClock
  private var timers: [VirtualTimer] = []

  /// Makes an HPET whose counter is halted at zero.
  public init(clock: VirtualClock, lines: Lines) {
    self.clock = clock
    self.lines = lines
    timers = (0..<Self.timerCount).map { VirtualTimer(clock, name: "HPET comparator \($0)") }
    for (index, timer) in timers.enumerated() {
      timer.handler = { [weak self] _ in self?.matched(index) }
    }
  }

  /// The registers.
  public var state: State {
    get { registers }
    set {
      registers = newValue
      for line in allLines { line.restore(level: level(of: line)) }
      armTimers()
    }
  }

  /// The power-up state.
  public func reset() {
    registers = State()
    legacyReplacementChanged(false)
    driveLines()
    armTimers()
  }

  // MARK: Counting

  var isRunning: Bool { registers.configuration & Configuration.enable != 0 }
  private var tick: UInt64 { clock.now / Self.tickTime }

  package var counter: UInt64 {
    isRunning ? registers.counter &+ (tick &- registers.since) : registers.counter
  }

  func setCounter(_ value: UInt64) {
    registers.counter = value
    registers.since = tick
  }

  /// Notes matches the clock has not yet announced.
  func catchUp() {
    for timer in timers { timer.fireIfDue() }
  }

  /// Arms each comparator for the next time the counter equals it.
  func armTimers() {
    for (index, timer) in timers.enumerated() {
      guard isRunning else {
        timer.disarm()
        continue
      }
      let comparator = registers.comparators[index]
      // Equal now is a match that was; the next is a whole turn of the counter away.
      let ticksBefore = (comparator.value &- counter &- 1) & comparator.width
      let (last, overflow) = tick.addingReportingOverflow(ticksBefore)
      let isNever = overflow || last >= .max / Self.tickTime
      timer.arm(at: isNever ? .max : (last + 1) * Self.tickTime)
    }
  }

  private func matched(_ index: Int) {
    var comparator = registers.comparators[index]
    if comparator.isPeriodic, comparator.period != 0 {
      let late = (counter &- comparator.value) & comparator.width
      let periods = late / comparator.period &+ 1
      comparator.value = (comparator.value &+ periods &* comparator.period) & comparator.width
    }
    registers.comparators[index] = comparator
    if comparator.isLevelTriggered {
      registers.status |= 1 << UInt64(index)
    } else if comparator.isEnabled {
      registers.comparators[index].isEdgeHigh = true
      line(of: index)?.lower()
    }
    driveLines()
    armTimers()
  }

  // MARK: Lines

  private var allLines: [InterruptLine] {
    [lines.legacyTimer, lines.legacyClock]
      + lines.routes.sorted { $0.key < $1.key }.map(\.value)
  }

  private func line(of index: Int) -> InterruptLine? {
    if registers.configuration & Configuration.legacyReplacement != 0, index < 2 {
      return index == 0 ? lines.legacyTimer : lines.legacyClock
    }
    return lines.routes[registers.comparators[index].route]
  }

  private func level(of line: InterruptLine) -> Bool {
    registers.comparators.indices.contains { index in
      let comparator = registers.comparators[index]
      guard comparator.isEnabled, self.line(of: index) === line else { return false }
      return comparator.isLevelTriggered
        ? registers.status & 1 << UInt64(index) != 0 : comparator.isEdgeHigh
    }
  }

  func driveLines() {
    for line in allLines { line.set(level(of: line)) }
  }
}
