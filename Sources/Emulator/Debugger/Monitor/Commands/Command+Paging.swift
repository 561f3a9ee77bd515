import Emulator

extension Command {
  /// Commands about address translation.
  static let paging: [Command] = [
    Command(
      name: "explain", aliases: ["walk"], arguments: "ADDRESS", topic: .memory,
      help:
        "Explain an address: the page walk level by level and bit by bit, who may do what there "
        + "and why not, and what answers at the physical address.",
      completion: .symbols
    ) { monitor, text throws(MonitorError) in
      let address = text.isEmpty ? monitor.instructionPointer : try monitor.value(text)
      return PageExplanation(
        address, monitor.machine, monitor.processor, monitor.symbols
      ).lines.joined(separator: "\n")
    },
    Command(
      name: "map", aliases: ["vmmap"], arguments: "[FIRST [LAST]]", topic: .memory,
      help:
        "Show what the paging structures map, equal neighbours together, with rights. Pages that "
        + "are writable and executable, and user pages with kernel symbols, are marked."
    ) { monitor, text throws(MonitorError) in
      let (first, last) = text.splitAtSpace
      let start = first.isEmpty ? 0 : try monitor.value(first)
      let end = last.isEmpty ? UInt64.max : try monitor.value(last)
      return AddressSpaceMap(
        monitor.machine, monitor.processor, monitor.symbols, start...max(start, end)
      )
      .lines.joined(separator: "\n")
    },
    Command(
      name: "translate", aliases: ["v2p"], arguments: "ADDRESS", topic: .memory,
      help: "Give the physical address behind a linear one.", completion: .symbols
    ) { monitor, text throws(MonitorError) in
      let address = try monitor.value(text)
      guard let physical = monitor.memory.physical(address) else {
        throw MonitorError("\(address.hex) is not mapped (`explain` says why)")
      }
      return "\(address.hex) is physical \(physical.hex)"
    },
    Command(
      name: "physical", aliases: ["memory-map"], arguments: "[ADDRESS]", topic: .memory,
      help: "Show what answers at physical addresses and ports: RAM, ROM and devices."
    ) { monitor, text throws(MonitorError) in
      if text.isEmpty {
        return PhysicalMapText(monitor.machine, monitor.processorNumber).lines.joined(
          separator: "\n")
      }
      return PhysicalMapText(monitor.machine, monitor.processorNumber).describe(
        try monitor.value(text))
    },
  ]
}
