/// The battery-backed clock of the PC, the MC146818: the date at boot, and a periodic interrupt.
///
/// The handler is the textbook's: it reads register C, because until that is done the chip raises no
/// other interrupt; counts; and wakes whoever waits. Everything else is left to the reader.
import KernelArch

enum RTC {
  /// The chip's registers: one is selected through the first port, and accessed through the second.
  private enum Register {
    static let second: UInt8 = 0
    static let minute: UInt8 = 2
    static let hour: UInt8 = 4
    static let day: UInt8 = 7
    static let month: UInt8 = 8
    static let year: UInt8 = 9
    static let statusA: UInt8 = 0x0a
    static let statusB: UInt8 = 0x0b
    static let statusC: UInt8 = 0x0c
    /// By convention; machines that have none read as no century.
    static let century: UInt8 = 0x32
  }
  private static let periodicEnable: UInt8 = 1 << 6
  static let line = 8

  private static let lock = SpinLock("rtc")
  /// The count of interrupts in the upper bits, what register C said last in the lowest byte.
  ///
  /// Zero when it has been read. Lock for these: `lock`, with interrupts off.
  nonisolated(unsafe) private static var data: UInt64 = 0
  nonisolated(unsafe) private static var total: UInt64 = 0
  nonisolated(unsafe) private static var handler: InterruptHandler?
  /// For the demonstration of what happens then.
  nonisolated(unsafe) static var forgetsRegisterC = false
  private static let arrived = WaitQueue()
  /// For `poll` and SIGIO.
  static let readiness = Readiness()

  /// Reads the date, once: from then on the processor's counter keeps the time.
  static func start() {
    _ = (arrived, readiness)  // not at their first use, in the handler
    guard let time = read() else {
      log("rtc", "the clock shows no date")
      return
    }
    Clock.setWallTime(seconds: time.secondsSince1970)
    log("rtc", "\(describe(time)) UTC")
    ProcFS.add("driver/rtc") { writeTable(to: &$0) }
  }

  /// The date; nil when the chip holds none.
  static func read() -> CMOSTime? {
    lock.withLockIRQ {
      // Two equal readings, so that no update came in between.
      var last = readRegisters()
      for _ in 0..<10 {
        let next = readRegisters()
        if next == last { return CMOSTime(next) }
        last = next
      }
      return nil
    }
  }

  private static func readRegisters() -> CMOSTime.Registers {
    let updateInProgress: UInt8 = 0x80
    Clock.poll(100_000) { get(Register.statusA) & updateInProgress == 0 }
    return CMOSTime.Registers(
      second: get(Register.second), minute: get(Register.minute), hour: get(Register.hour),
      day: get(Register.day), month: get(Register.month), year: get(Register.year),
      century: decimal(get(Register.century)), statusB: get(Register.statusB))
  }

  /// The century is in BCD, or absent.
  private static func decimal(_ byte: UInt8) -> UInt8 { byte == 0x20 || byte == 0x19 ? byte : 0 }

  private static func get(_ register: UInt8) -> UInt8 {
    outb(0x70, register)
    return inb(0x71)
  }

  private static func set(_ register: UInt8, _ value: UInt8) {
    outb(0x70, register)
    outb(0x71, value)
  }
}

// MARK: The periodic interrupt

extension RTC {
  /// Asks for `frequency` interrupts per second, a power of two from 2 to 8192; false when that cannot
  /// be, or somebody else has asked already.
  static func startPeriodic(_ frequency: Int) -> Bool {
    guard
      let rate = (3...15 as ClosedRange<UInt8>).first(where: { 32768 >> (Int($0) - 1) == frequency }
      )
    else { return false }
    guard let handler = IRQ.request(line, "rtc", [], interrupt) else { return false }
    lock.withLockIRQ {
      self.handler = handler
      data = 0
      set(Register.statusA, get(Register.statusA) & 0xf0 | rate)
      set(Register.statusB, get(Register.statusB) | periodicEnable)
      _ = get(Register.statusC)  // whatever was left
    }
    return true
  }

  static func stopPeriodic() {
    let old = lock.withLockIRQ {
      set(Register.statusB, get(Register.statusB) & ~periodicEnable)
      _ = get(Register.statusC)
      let old = handler
      handler = nil
      return old
    }
    if let old { IRQ.free(old) }
  }

  private static func interrupt() -> Bool {
    lock.withLockIRQ {
      let cause = forgetsRegisterC ? 0 : get(Register.statusC)
      data = (data &+ 0x100) & ~0xff | UInt64(cause & 0xf0)
      total &+= 1
    }
    arrived.wakeAll()
    readiness.notify()
    return true
  }

  /// Waits for the next interrupt; returns the word that holds the number of interrupts since the last
  /// reading above the lowest byte, or nil when the waiting was interrupted or too long.
  static func wait(until deadline: UInt64? = nil) -> UInt64? {
    var word: UInt64?
    let result = arrived.wait(until: deadline) {
      word = take()
      return word != nil
    }
    return result == .done ? word : nil
  }

  /// That word, if there is news: only one of several who wait gets it.
  static func take() -> UInt64? {
    lock.withLockIRQ {
      defer { data = 0 }
      return data == 0 ? nil : data
    }
  }

  /// Whether `wait` would return at once.
  static var hasNews: Bool { lock.withLockIRQ { data != 0 } }

  static var interruptCount: UInt64 { lock.withLockIRQ { total } }

  /// Lets the chip go on after `forgetsRegisterC`.
  static func acknowledge() { _ = lock.withLockIRQ { get(Register.statusC) } }
}

// MARK: Words

extension RTC {
  static func describe(_ time: CMOSTime) -> TextLine {
    var line: TextLine = "\(time.year)"
    for (mark, value) in [
      (0x2d, time.month), (0x2d, time.day), (0x20, time.hour), (0x3a, time.minute),
      (0x3a, time.second),
    ] as [(UInt8, Int)] {
      line.append(byte: mark)
      line.append(decimal: UInt64(value), width: 2, fill: 0x30)
    }
    return line
  }

  private static func writeTable(to text: inout Text) {
    if let time = read() { text.append("rtc_time\t: \(describe(time))\n") }
    text.append("interrupts\t: \(interruptCount)\n")
    let (a, b) = lock.withLockIRQ { (get(Register.statusA), get(Register.statusB)) }
    text.append("periodic_freq\t: \(32768 >> max(0, Int(a & 15) - 1))\n")
    text.append("periodic_IRQ\t: \(b & periodicEnable != 0 ? "yes" as StaticString : "no")\n")
    text.append("BCD\t\t: \(b & 0x04 == 0 ? "yes" as StaticString : "no")\n")
    text.append("24hr\t\t: \(b & 0x02 != 0 ? "yes" as StaticString : "no")\n")
  }
}
