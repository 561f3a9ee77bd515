import Emulator

/// Which processor is looked at, and what the others do.
extension Examination {
  /// The number of the processor whose turn it was.
  var processorNumber: Int {
    machine.processors.firstIndex { $0 === machine.processor } ?? 0
  }

  /// The processor, by its number if there are several.
  var processorName: String {
    machine.processors.count == 1 ? "the processor" : "processor \(processorNumber)"
  }

  /// A line for each processor but the one that is looked at.
  func otherProcessors() -> [String] {
    guard machine.processors.count > 1 else { return [] }
    var lines = ["the other processors:"]
    for (number, processor) in machine.processors.enumerated() where number != processorNumber {
      let cpu = processor.cpu
      let interrupts = cpu.rflags.contains(.interruptEnable) ? "on" : "off"
      let activity =
        switch Activity(rawValue: cpu.state.pointee.activity) {
        case .running, nil: "runs"
        case .halted: "halted, interrupts \(interrupts)"
        case .monitorWait: "waits for a store or an interrupt, interrupts \(interrupts)"
        case .shutdown: "shut down"
        case .waitForSIPI: "was not started"
        }
      let place =
        cpu.state.pointee.activity == Activity.waitForSIPI.rawValue
        ? "" : ", at \(describe(Self.instructionPointer(cpu)))"
      lines.append("  \(number) \(activity)\(place)")
    }
    return lines
  }

  /// The linear address of the instruction that `cpu` executes next.
  static func instructionPointer(_ cpu: CPU) -> UInt64 {
    cpu.isLongMode ? cpu.state.pointee.rip : cpu[.cs].base &+ cpu.state.pointee.rip & 0xFFFF_FFFF
  }
}
