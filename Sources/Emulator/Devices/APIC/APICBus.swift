/// Carries interrupt messages between local APICs and I/O APICs.
public final class APICBus {
  private var localAPICs: [LocalAPIC] = []
  private var ioAPICs: [IOAPIC] = []

  /// Makes a bus nobody listens to.
  public init() {}

  func attach(_ localAPIC: LocalAPIC) { localAPICs.append(localAPIC) }

  func attach(_ ioAPIC: IOAPIC) { ioAPICs.append(ioAPIC) }

  /// Delivers a message by its destination; false when no local APIC accepted it.
  @discardableResult
  public func send(_ message: InterruptMessage) -> Bool {
    deliver(message, to: localAPICs.filter { $0.matches(message) })
  }

  /// Delivers an IPI with the shorthand "all including self" or "all excluding self".
  @discardableResult
  func broadcast(_ message: InterruptMessage, excluding sender: LocalAPIC?) -> Bool {
    deliver(message, to: localAPICs.filter { $0 !== sender && $0.isGloballyEnabled })
  }

  /// Tells every I/O APIC that a level-triggered interrupt was serviced.
  func endOfInterrupt(_ vector: UInt8) {
    for ioAPIC in ioAPICs {
      ioAPIC.endOfInterrupt(vector)
    }
  }

  private func deliver(_ message: InterruptMessage, to targets: [LocalAPIC]) -> Bool {
    guard message.deliveryMode == .lowestPriority else {
      // Not `contains`: every target is to get the message.
      return targets.reduce(false) { accepted, target in target.accept(message) || accepted }
    }
    // Ties go to the processor attached first, so that runs repeat.
    let candidates = targets.filter(\.isSoftwareEnabled)
    guard let target = candidates.min(by: { $0.arbitrationPriority < $1.arbitrationPriority })
    else { return false }
    return target.accept(message)
  }
}
