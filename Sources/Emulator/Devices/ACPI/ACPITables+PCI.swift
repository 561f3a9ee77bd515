extension ACPITables {
  /// PCI as the MCFG and the DSDT show it.
  public struct PCI: Sendable {
    /// Configuration space for 256 buses.
    public var configurationSpace: UInt64
    /// Where base address registers may point below 4 GiB, and above.
    public var window: Range<UInt64>
    /// Where 64-bit base address registers may point.
    public var highWindow: Range<UInt64>
    /// The I/O APIC's pins of PIRQA to PIRQD.
    public var pins: [UInt8]
    /// The ISA interrupts of PIRQA to PIRQD for a system that uses the 8259s.
    public var isaInterrupts: [UInt8]
    /// The slots with functions that interrupt.
    public var slots: [Int]

    /// PCI with everything where a Q35 chipset has it, and interrupts from `slots`.
    public init(
      configurationSpace: UInt64, window: Range<UInt64>, highWindow: Range<UInt64>,
      pins: [UInt8], isaInterrupts: [UInt8], slots: [Int]
    ) {
      self.configurationSpace = configurationSpace
      self.window = window
      self.highWindow = highWindow
      self.pins = pins
      self.isaInterrupts = isaInterrupts
      self.slots = slots
    }
  }

  /// A virtio device that has its registers at an address of its own.
  public struct VirtIODevice: Sendable {
    /// The page of its registers.
    public var address: UInt32
    /// The pin of the I/O APIC, level-triggered and shared.
    public var pin: UInt8

    /// A device at `address`.
    public init(address: UInt32, pin: UInt8) {
      self.address = address
      self.pin = pin
    }
  }
}

extension ACPITables.PCI {
  /// The memory-mapped configuration table.
  func mcfg() -> [UInt8] {
    let body =
      [UInt8](repeating: 0, count: 8) + configurationSpace.littleEndianBytes(8)
      // Segment group 0, buses 0 to 255.
      + [0, 0, 0, 0xFF] + [0, 0, 0, 0]
    return ACPITables.table("MCFG", revision: 1, body)
  }

  /// The root bridge.
  var device: [UInt8] {
    AML.device(
      "PCI0",
      [
        AML.name("_HID", AML.eisaID("PNP0A08")), AML.name("_CID", AML.eisaID("PNP0A03")),
        AML.name("_UID", AML.integer(0)), AML.name("_BBN", AML.integer(0)),
        AML.name("_SEG", AML.integer(0)),
        // The system may control whatever it asks for: there is no firmware that would.
        AML.method("_OSC", arguments: 4, [AML.returnArgument(3)]),
        resources,
        AML.name("PRTA", AML.packageOf(routes(pins))),
        AML.name("PRTP", AML.packageOf(routes(isaInterrupts))),
        AML.method(
          "_PRT", arguments: 0,
          [AML.ifTrue("\\PICM", [AML.returnName("PRTA")]), AML.returnName("PRTP")]),
      ])
  }

  private var resources: [UInt8] {
    AML.resources([
      AML.busNumbers(0...0xFF), AML.ports(0xCF8, 8), AML.portRange(0...0xCF7),
      AML.portRange(0xD00...0xFFFF), AML.memoryRange32(0xA_0000..<0xC_0000),
      AML.memoryRange32(window), AML.memoryRange64(highWindow),
    ])
  }

  /// _PRT: each slot's pins and the interrupt they reach.
  private func routes(_ interrupts: [UInt8]) -> [[UInt8]] {
    slots.flatMap { slot in
      interrupts.indices.map { pin in
        AML.packageOf([
          AML.integer(UInt64(slot) << 16 | 0xFFFF), AML.integer(UInt64(pin)), AML.integer(0),
          AML.integer(UInt64(interrupts[PCIBus.wire(slot: slot, pin: pin)])),
        ])
      }
    }
  }
}

extension ACPITables.VirtIODevice {
  /// The device by its name of the ACPI registry.
  func device(_ index: Int) -> [UInt8] {
    AML.device(
      "VM" + String(index / 10 % 10) + String(index % 10),
      [
        AML.name("_HID", AML.string("LNRO0005")), AML.name("_UID", AML.integer(UInt64(index))),
        AML.name("_CCA", AML.integer(1)),
        AML.resources([AML.memory(address, 0x200), AML.interrupt(UInt32(pin))]),
      ])
  }
}
