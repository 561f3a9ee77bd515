/// One interrupt line (or message) and the handlers that share it.
import KernelArch

/// What `IRQ.request` returns, and `IRQ.free` takes back.
final class InterruptHandler {
  let name: StaticString
  let flags: IRQ.Flags
  let line: InterruptLine
  fileprivate let function: () -> Bool

  init(
    _ name: StaticString, _ flags: IRQ.Flags, _ line: InterruptLine,
    _ function: @escaping () -> Bool
  ) {
    self.name = name
    self.flags = flags
    self.line = line
    self.function = function
  }
}

final class InterruptLine {
  enum Kind {
    case legacy
    case ioAPIC(IOAPIC, input: UInt32, bits: UInt32)
    case message
  }

  let number: Int
  let vector: UInt8
  let kind: Kind
  private let lock = SpinLock("irq line", usesReserve: true)
  /// Lock for all of these: `lock`, with interrupts off.
  private(set) var handlers: [InterruptHandler] = []
  /// Where the IOAPIC sends it.
  private(set) var processor = 0
  private var isMasked = true
  /// On how many processors its handlers run.
  private var running = 0
  /// How often it was disabled and not enabled again.
  private var disableDepth = 0
  private(set) var unclaimed: UInt64 = 0
  private var unclaimedInARow = 0

  /// Beyond this nobody will ever claim it: the line stays masked, so that the machine can go on.
  private static let mostUnclaimed = 1000

  init(number: Int, vector: UInt8, kind: Kind) {
    self.number = number
    self.vector = vector
    self.kind = kind
  }

  var isLevelTriggered: Bool {
    if case .ioAPIC(_, _, let bits) = kind { return bits & IOAPIC.levelTriggered != 0 }
    return false
  }

  func add(_ handler: InterruptHandler) -> Bool {
    lock.withLockIRQ {
      let allShare = handlers.allSatisfy { $0.flags.contains(.shared) }
      guard handlers.isEmpty || (handler.flags.contains(.shared) && allShare) else { return false }
      handlers.append(handler)
      return true
    }
  }

  func remove(_ handler: InterruptHandler) {
    lock.withLockIRQ {
      handlers.removeAll { $0 === handler }
      if handlers.isEmpty { setMasked(true) }
    }
    synchronize()
  }

  /// Waits until no processor runs the line's handlers.
  func synchronize() {
    while lock.withLockIRQ({ running > 0 }) { cpu_pause() }
  }

  /// Masks the line until `enable` has been called as often.
  func disable() {
    lock.withLockIRQ {
      disableDepth += 1
      if disableDepth == 1 { setMasked(true) }
    }
  }

  func enable() {
    lock.withLockIRQ {
      guard disableDepth > 0 else { panic("interrupt line \(number) enabled once too often") }
      disableDepth -= 1
      if disableDepth == 0, !handlers.isEmpty { setMasked(false) }
    }
  }

  /// False for lines that can only go to the boot processor.
  func setProcessor(_ number: Int) -> Bool {
    guard case .ioAPIC = kind else { return false }
    return lock.withLockIRQ {
      processor = number
      setMasked(isMasked)
      return true
    }
  }

  /// The lock is held, by the caller or because nobody else knows the line yet.
  func setMasked(_ isMasked: Bool) {
    self.isMasked = isMasked
    switch kind {
    case .legacy:
      LegacyPIC.setMasked(number, isMasked)
    case .ioAPIC(let chip, let input, let bits):
      chip.route(
        input, to: vector, processor: CPU(processor).apicID, isMasked ? bits | IOAPIC.masked : bits)
    case .message:
      break  // the device itself must be told
    }
  }
}

// MARK: Delivery

extension InterruptLine {
  /// Runs the handlers, with interrupts off unless one of them allows nesting.
  ///
  /// An edge is acknowledged first, so that the next one is not lost; a level last, since until the
  /// device has been served it would only interrupt again.
  func deliver() {
    if case .legacy = kind, LegacyPIC.isSpurious(number) { return }
    let (handlers, isNesting) = lock.withLockIRQ {
      running += 1
      return (self.handlers, self.handlers.contains { $0.flags.contains(.nesting) })
    }
    let isLate = isNesting || isLevelTriggered
    if !isLate { endOfInterrupt() }
    var isClaimed = false
    if isNesting { cpu_sti() }
    for handler in handlers where handler.function() { isClaimed = true }
    if isNesting { cpu_cli() }
    if isLate { endOfInterrupt() }
    lock.withLockIRQ {
      running -= 1
      note(isClaimed)
    }
  }

  private func note(_ isClaimed: Bool) {
    unclaimedInARow = isClaimed ? 0 : unclaimedInARow + 1
    if isClaimed { return }
    unclaimed &+= 1
    guard unclaimedInARow == Self.mostUnclaimed else { return }
    setMasked(true)
    log("irq", "line \(number): nobody claims its interrupts; masked")
  }

  private func endOfInterrupt() {
    if case .legacy = kind { LegacyPIC.endOfInterrupt(number) } else { LocalAPIC.endOfInterrupt() }
  }
}
