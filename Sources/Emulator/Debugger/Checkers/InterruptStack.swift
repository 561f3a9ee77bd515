import Emulator

/// The interrupts that a processor is handling, as far as deliveries and returns show it.
///
/// A return belongs to the delivery that interrupted the same place on the same stack.
struct InterruptStack {
  /// An interrupt that was taken.
  struct Entry {
    let vector: UInt8
    /// The interrupted stack pointer.
    let stackPointer: UInt64
    /// The interrupted instruction.
    let address: UInt64
    let position: UInt64
    /// Who serves it, nil for a spurious one.
    let controller: String?
  }

  private static let limit = 64

  private(set) var entries: [Entry] = []

  /// Whether a handler runs.
  var isActive: Bool { !entries.isEmpty }

  /// Notes a delivery or a return.
  ///
  /// - Returns: The interrupt that was returned from.
  mutating func follow(_ event: ExecutionEvent, _ machine: Machine) -> Entry? {
    switch event.kind {
    case .delivery(let delivery) where delivery.source == .external && delivery.failure == nil:
      let cpu = machine.processors[event.processor].cpu
      if entries.count == Self.limit { entries.removeFirst() }
      entries.append(
        Entry(
          vector: delivery.vector, stackPointer: Self.interruptedStack(event, machine, cpu),
          address: event.source.address, position: event.position,
          controller: machine.serviceController(of: delivery.vector, processor: event.processor)))
    case .interruptReturn:
      let stackPointer = machine.processors[event.processor].cpu[.rsp]
      if let index = entries.lastIndex(where: { $0.stackPointer == stackPointer }) {
        defer { entries.removeSubrange(index...) }
        return entries[index]
      }
      // Another context goes on; in user mode none is in a handler.
      if event.target.cpl == 3 {
        defer { entries.removeAll() }
        return entries.last
      }
    case .reset: entries.removeAll()
    default: break
    }
    return nil
  }

  /// RSP as it was before the frame of a delivery was pushed.
  private static func interruptedStack(
    _ event: ExecutionEvent, _ machine: Machine, _ cpu: CPU
  ) -> UInt64 {
    let top = cpu[.rsp]
    switch event.target.mode {
    case .long: return machine.peek(cpu, linear: top &+ 24, count: 8) ?? 0
    case .real: return top &+ 6
    case _ where event.source.cpl != event.target.cpl:
      return machine.peek(cpu, linear: cpu[.ss].base &+ top &+ 12, count: 4) ?? 0
    default: return top &+ 12
    }
  }
}
