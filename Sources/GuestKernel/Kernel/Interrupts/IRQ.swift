/// Interrupt lines: a driver requests one by its number and gives a handler; several drivers may share
/// one, and each handler says whether the interrupt was its device's.
///
/// Lines below 16 are those of ISA, wherever the firmware's tables say that they arrive; from 16 on they
/// are inputs of the IOAPIC. Each used line has a vector, whose upper four bits are its level: the
/// processor takes an interrupt only when it serves none of the same or a higher level.
import KernelArch

enum IRQ {
  struct Flags: OptionSet {
    let rawValue: UInt8
    /// Others may use the line too.
    static let shared = Flags(rawValue: 1 << 0)
    static let levelTriggered = Flags(rawValue: 1 << 1)
    static let activeLow = Flags(rawValue: 1 << 2)
    /// Interrupts of higher levels may interrupt the handler.
    static let nesting = Flags(rawValue: 1 << 3)
  }

  static let defaultLevel: UInt8 = 5
  private static let lock = SpinLock("irq lines", usesReserve: true)
  /// By vector; interrupts read it without the lock, since lines never go away.
  nonisolated(unsafe) private static var lines: [InterruptLine?] = []
  /// In the order of their inputs; none without IOAPIC.
  nonisolated(unsafe) private static var chips: [IOAPIC] = []

  /// Finds the controllers and silences all lines.
  static func start() {
    lines = [InterruptLine?](repeating: nil, count: 256)
    InterruptStatistics.start()
    LegacyPIC.silence()
    LocalAPIC.start()
    if !Power.options.avoidsIOAPIC { findChips() }
    if chips.isEmpty {
      LocalAPIC.acceptLegacyInterrupts()
      log("irq", "no IOAPIC: interrupts through the 8259s")
    }
  }

  private static func findChips() {
    for entry in Firmware.interruptControllers?.ioAPICs ?? [] {
      let chip = IOAPIC(base: PhysicalAddress(entry.address), firstInput: entry.firstInput)
      chip.start()
      chips.append(chip)
      var line: TextLine = "IOAPIC at \(hex: entry.address) with \(chip.inputCount) inputs"
      if entry.firstInput > 0 { line.append(line: " from \(entry.firstInput)") }
      log("irq", line)
    }
  }

  /// Calls `handler` for every interrupt of the line from now on; nil when the line does not exist, or
  /// is used and not to be shared.
  ///
  /// The handler runs in the interrupt; it returns false when its device did not ask.
  static func request(
    _ number: Int, _ name: StaticString, _ flags: Flags = [], level: UInt8 = defaultLevel,
    _ handler: @escaping () -> Bool
  ) -> InterruptHandler? {
    lock.withLockIRQ {
      guard let line = find(number) ?? connect(number, flags, level) else { return nil }
      let handler = InterruptHandler(name, flags, line, handler)
      guard line.add(handler) else { return nil }
      line.setMasked(false)
      return handler
    }
  }

  /// Does not return before the handler has ended on every processor; may not be called from it.
  static func free(_ handler: InterruptHandler) { handler.line.remove(handler) }

  /// A device that signals by writing to memory gets a vector of its own: what it has to write, and
  /// where.
  static func requestMessage(
    _ name: StaticString, _ flags: Flags = [], level: UInt8 = defaultLevel,
    _ handler: @escaping () -> Bool
  ) -> (handler: InterruptHandler, address: UInt64, data: UInt32)? {
    lock.withLockIRQ {
      guard let line = unusedMessage(level) ?? newMessage(level) else { return nil }
      let handler = InterruptHandler(name, flags, line, handler)
      guard line.add(handler) else { return nil }
      // SDM Vol. 3A, "Message Signalled Interrupts": to one processor, edge, fixed.
      return (handler, 0xfee0_0000 | UInt64(LocalAPIC.id) << 12, UInt32(line.vector))
    }
  }

  private static func unusedMessage(_ level: UInt8) -> InterruptLine? {
    for line in lines[Int(level) << 4..<(Int(level) + 1) << 4] {
      if let line, line.number < 0, line.handlers.isEmpty { return line }
    }
    return nil
  }

  private static func newMessage(_ level: UInt8) -> InterruptLine? {
    guard let vector = freeVector(level) else { return nil }
    let line = InterruptLine(number: -1, vector: vector, kind: .message)
    lines[Int(vector)] = line
    return line
  }

  /// Sends a line's interrupts to that processor from now on; false when that cannot be.
  static func setAffinity(_ number: Int, _ processor: Int) -> Bool {
    guard processor >= 0, processor < CPU.count else { return false }
    return lock.withLockIRQ { find(number)?.setProcessor(processor) ?? false }
  }

  /// The line of a vector, for the interrupt itself.
  static func line(at vector: UInt8) -> InterruptLine? { lines[Int(vector)] }

  static var allLines: [InterruptLine] {
    lock.withLockIRQ {
      var result: [InterruptLine] = []
      for line in lines { if let line { result.append(line) } }
      return result
    }
  }

  private static func find(_ number: Int) -> InterruptLine? {
    for line in lines { if let line, line.number == number { return line } }
    return nil
  }

  private static func connect(_ number: Int, _ flags: Flags, _ level: UInt8) -> InterruptLine? {
    guard !chips.isEmpty else {
      guard number >= 0, number < LegacyPIC.lineCount, number != 2 else { return nil }
      let vector = LegacyPIC.firstVector + UInt8(number)
      let line = InterruptLine(number: number, vector: vector, kind: .legacy)
      lines[Int(vector)] = line
      return line
    }
    guard let vector = freeVector(level), let route = route(number, flags) else { return nil }
    // An input below a chip's first one is no input of it: the difference becomes very large.
    guard let chip = chips.first(where: { route.input &- $0.firstInput < $0.inputCount }) else {
      return nil
    }
    let input = route.input &- chip.firstInput
    var bits: UInt32 = 0
    if route.isActiveLow { bits |= IOAPIC.activeLow }
    if route.isLevelTriggered { bits |= IOAPIC.levelTriggered }
    let line = InterruptLine(
      number: number, vector: vector, kind: .ioAPIC(chip, input: input, bits: bits))
    lines[Int(vector)] = line
    return line
  }

  private static func route(_ number: Int, _ flags: Flags) -> InterruptControllers.Override? {
    guard number >= 0, number < 1 << 16 else { return nil }
    if number < 16, let controllers = Firmware.interruptControllers {
      return controllers.route(forISA: UInt8(number))
    }
    return InterruptControllers.Override(
      source: 0, input: UInt32(number), isActiveLow: flags.contains(.activeLow),
      isLevelTriggered: flags.contains(.levelTriggered))
  }

  private static func freeVector(_ level: UInt8) -> UInt8? {
    guard level >= 3, level <= 13 else { return nil }
    for vector in level << 4...level << 4 | 15 where lines[Int(vector)] == nil { return vector }
    return nil
  }
}
