import Emulator

/// A machine that can never make progress, and why.
public struct HangProof {
  /// The processors that go round, with the addresses of the instructions of their rounds.
  public let spins: [(processor: Int, places: [UInt64])]

  /// The sentences: where, and on what.
  ///
  /// - Parameters:
  ///   - machine: The machine, as it was left.
  ///   - symbols: Its names.
  ///   - lastWrite: Who wrote to an address last, if that can be found out.
  /// - Returns: The lines.
  public func lines(
    _ machine: Machine, _ symbols: ProgramSymbols,
    lastWrite: (_ physical: UInt64, _ size: Int) -> String? = { _, _ in nil }
  ) -> [String] {
    var lines: [String] = []
    for spin in spins {
      let processor = machine.processors[spin.processor]
      let name = machine.processors.count > 1 ? "processor \(spin.processor)" : "the processor"
      let first = spin.places.first ?? processor.cpu.state.pointee.rip
      let count = spin.places.count
      let isDisabled = !processor.cpu.rflags.contains(.interruptEnable)
      lines.append(
        "\(name) spins for ever in \(symbols.describe(first)): a round of \(count) "
          + (count == 1 ? "instruction" : "instructions") + " changes nothing, "
          + (isDisabled ? "interrupts are off (IF is 0)" : "and nothing is left to interrupt it"))
      for read in reads(spin, machine, processor) {
        lines.append(
          "  it waits for \(read.address.hex)" + describe(read, machine, processor, symbols))
        let memory = LinearMemory(machine, processor: processor)
        if let physical = memory.physical(read.address), let who = lastWrite(physical, read.size) {
          lines.append("    \(who)")
        }
      }
    }
    return lines
  }

  /// The loads of a round that may decide: none from the stack, where only its own calls write.
  private func reads(
    _ spin: (processor: Int, places: [UInt64]), _ machine: Machine, _ processor: Processor
  ) -> [Disassembler.MemoryOperand] {
    let memory = LinearMemory(machine, processor: processor)
    let disassembler = Disassembler(mode: processor.cpu.mode)
    let stack = processor.cpu[.rsp]
    var seen: Set<Disassembler.MemoryOperand> = []
    return spin.places.prefix(64).flatMap { place in
      disassembler.memoryOperands(memory.readable(place, count: 15)[...], at: place, processor.cpu)
    }.filter { read in
      read.isRead && (read.address &- stack &+ 256 > 512) && (1...8).contains(read.size)
        && seen.insert(read).inserted
    }
  }

  private func describe(
    _ read: Disassembler.MemoryOperand, _ machine: Machine, _ processor: Processor,
    _ symbols: ProgramSymbols
  ) -> String {
    let name = symbols.name(read.address).map { " <\($0)>" } ?? ""
    let memory = LinearMemory(machine, processor: processor)
    guard let value = memory.number(read.address, size: read.size) else { return name }
    return "\(name), which holds \(value.hex)"
  }
}
