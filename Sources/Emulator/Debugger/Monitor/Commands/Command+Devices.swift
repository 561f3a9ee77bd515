import Emulator

extension Command {
  /// Commands that show devices; none of them touches what it shows.
  static let devices: [Command] = [
    device("apic", "Show the local APIC of the processor: registers, vectors, timer.") {
      DeviceText.localAPIC($0, $1)
    },
    device("ioapic", "Show the I/O APIC's redirection entries.") { machine, _ in
      DeviceText.ioAPIC(machine)
    },
    device("pic", "Show the two 8259s.") { machine, _ in DeviceText.pics(machine) },
    device("pit", "Show the 8254's counters.") { machine, _ in DeviceText.pit(machine) },
    device("hpet", "Show the HPET.") { machine, _ in DeviceText.hpet(machine) },
    device("rtc", "Show the clock and its registers.") { machine, _ in DeviceText.rtc(machine) },
    device("uart", "Show the serial ports.") { machine, _ in DeviceText.uarts(machine) },
    device("pci", "List PCI functions with their registers and interrupts.") { machine, _ in
      DeviceText.pci(machine)
    },
    Command(
      name: "devices", aliases: ["device"], arguments: "[NAME]", topic: .tables,
      help: "List every device that remembers anything; with a name, everything it remembers."
    ) { monitor, text throws(MonitorError) in
      try DeviceText.devices(monitor.machine, named: text).joined(separator: "\n")
    },
  ]

  private static func device(
    _ name: String, _ help: String, _ lines: @escaping @Sendable (Machine, Int) -> [String]
  ) -> Command {
    Command(name: name, topic: .tables, help: help) { monitor, _ throws(MonitorError) in
      lines(monitor.machine, monitor.processorNumber).joined(separator: "\n")
    }
  }
}
