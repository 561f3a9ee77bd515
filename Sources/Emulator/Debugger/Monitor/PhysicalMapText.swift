import Emulator

/// What answers at physical addresses, in words.
struct PhysicalMapText {
  private let machine: Machine
  private let processor: Int

  init(_ machine: Machine, _ processor: Int) {
    self.machine = machine
    self.processor = processor
  }

  /// What is at an address.
  func describe(_ address: UInt64) -> String {
    if machine.memory.contains(PhysicalAddress(address), count: 1) { return "RAM" }
    let state = machine.chipset.localAPICs[processor].state
    if state.base & 1 << 11 != 0, address &- (state.base & ~0xFFF) < 4096 {
      return "the local APIC, register \((address & 0xFFF).hex)"
    }
    guard let region = machine.chipset.bus.placement(of: PhysicalAddress(address)) else {
      return machine.memory.read(PhysicalAddress(address), count: 1) == nil
        ? "nothing: reads give all ones, writes are lost" : "ROM"
    }
    return
      "\(Self.name(region.device)), offset \((address - region.start + region.firstOffset).hex)"
  }

  /// A device's name: that of its type, as the sources have it.
  static func name(_ device: any BusDevice) -> String { "\(type(of: device))" }

  /// RAM, then devices by address, then by port.
  var lines: [String] {
    var lines = ["RAM: \(machine.memory.lowSize >> 10) KiB from 0"]
    if machine.memory.highSize > 0 {
      lines.append("RAM: \(machine.memory.highSize >> 10) KiB from 0x100000000")
    }
    let regions = machine.chipset.bus.placements
    for region in regions.filter({ $0.space == .memory }).sorted(by: { $0.start < $1.start }) {
      lines.append(
        "\(region.start.hex)-\((region.start &+ (region.size &- 1)).hex)  \(Self.name(region.device))"
      )
    }
    for region in regions.filter({ $0.space == .ports }).sorted(by: { $0.start < $1.start }) {
      lines.append(
        "port \(region.start.hex)-\((region.start &+ (region.size &- 1)).hex)  "
          + Self.name(region.device))
    }
    return lines
  }
}
