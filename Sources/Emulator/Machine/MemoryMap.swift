/// Every physical address and I/O port of the machine, on one page.
///
/// ```
/// 0000_0000  RAM: boot structures up to 0008_0000 at the most (see BootLayout)
/// 0009_FC00  reserved, as a PC's extended BIOS data area
/// 000A_0000  VGA memory
/// 000C_0000  nobody answers; RAM or ROM as firmware switches it
/// 000E_0000  ACPI tables, the RSDP first; RAM that cannot be written, as firmware leaves it
/// 000F_0000  reserved, as a PC's firmware; the same
/// 0010_0000  RAM: the kernel, then its modules
/// B000_0000  PCI configuration space (ECAM, where the host bridge says)
/// C000_0000  base address registers of PCI functions; nobody else answers, except
/// FEC0_0000  I/O APIC
/// FED0_0000  HPET
/// FED8_0000  virtio devices that are not on PCI, a page each
/// FEE0_0000  local APIC (IA32_APIC_BASE may move it)
/// 1_0000_0000  RAM, what did not fit below B000_0000
/// 80_0000_0000  64-bit base address registers, where a system moves them
/// ```
public enum MemoryMap {
  /// Where RAM below 640 KiB ends for a kernel.
  public static let extendedBIOSData: UInt64 = 0x9_FC00
  /// Where VGA memory begins.
  public static let legacyVideo: UInt64 = 0xA_0000
  /// Where option ROMs would begin.
  public static let optionROMs: UInt64 = 0xC_0000
  /// Where the ACPI tables begin, with the RSDP.
  public static let acpiTables: UInt64 = 0xE_0000
  /// Behind the ACPI tables.
  public static let acpiTablesEnd: UInt64 = 0xF_0000
  /// 1 MiB: where kernels are loaded.
  public static let highMemory: UInt64 = 0x10_0000
  /// I/O APIC.
  public static let ioAPIC: UInt64 = 0xFEC0_0000
  /// HPET.
  public static let hpet: UInt64 = 0xFED0_0000
  /// Local APIC, until the guest moves it.
  public static let localAPIC: UInt64 = 0xFEE0_0000
  /// PCI configuration space, 256 MiB.
  public static let pciExpress: UInt64 = 0xB000_0000
  /// Bytes of PCI configuration space.
  public static let pciExpressSize: UInt64 = 0x1000_0000
  /// Where base address registers may point below 4 GiB.
  public static let pciWindow: Range<UInt64> = 0xC000_0000..<0xFEC0_0000
  /// Where 64-bit base address registers may point.
  public static let pciHighWindow: Range<UInt64> = 0x80_0000_0000..<0xC0_0000_0000
  /// The first virtio device that is not on PCI.
  public static let virtioMMIO: UInt64 = 0xFED8_0000
  /// Bytes of each device page.
  public static let devicePageSize: UInt64 = 0x1000
  /// Bytes of the HPET's registers.
  public static let hpetSize: UInt64 = 0x400

  /// The ranges that a kernel is told, in ascending order.
  static func ranges(of memory: PhysicalMemory) -> [MemoryRange] {
    var ranges = [
      MemoryRange(start: 0, size: extendedBIOSData, kind: .usable),
      MemoryRange(start: extendedBIOSData, size: 0xA_0000 - extendedBIOSData, kind: .reserved),
      MemoryRange(start: acpiTables, size: acpiTablesEnd - acpiTables, kind: .acpi),
      MemoryRange(start: acpiTablesEnd, size: highMemory - acpiTablesEnd, kind: .reserved),
      MemoryRange(start: highMemory, size: memory.lowSize - highMemory, kind: .usable),
      MemoryRange(start: pciExpress, size: pciExpressSize, kind: .reserved),
      MemoryRange(start: ioAPIC, size: devicePageSize, kind: .reserved),
      MemoryRange(start: hpet, size: devicePageSize, kind: .reserved),
      MemoryRange(start: localAPIC, size: devicePageSize, kind: .reserved),
    ]
    if memory.highSize > 0 {
      ranges.append(
        MemoryRange(start: PhysicalMemory.highStart, size: memory.highSize, kind: .usable))
    }
    return ranges
  }
}

/// The I/O ports of the machine.
public enum PortMap {
  /// 8237, channels 0 to 3.
  public static let legacyDMA: UInt16 = 0x00
  /// Pages of the 8237s; port 80h, which nobody needs, shows how far firmware came.
  public static let legacyDMAPages: UInt16 = 0x80
  /// 8237, channels 4 to 7.
  public static let wideLegacyDMA: UInt16 = 0xC0
  /// 8259A, master.
  public static let masterPIC: UInt16 = 0x20
  /// 8254.
  public static let pit: UInt16 = 0x40
  /// i8042 data.
  public static let keyboardData: UInt16 = 0x60
  /// System control port B: speaker and channel 2 gate.
  public static let systemControlB: UInt16 = 0x61
  /// i8042 command and status.
  public static let keyboardCommand: UInt16 = 0x64
  /// CMOS index and data.
  public static let rtc: UInt16 = 0x70
  /// System control port A: A20 and fast reset.
  public static let systemControlA: UInt16 = 0x92
  /// 8259A, slave.
  public static let slavePIC: UInt16 = 0xA0
  /// A byte written here appears on the debug console.
  public static let debugConsole: UInt16 = 0xE9
  /// A value written here ends the run.
  public static let debugExit: UInt16 = 0xF4
  /// The four serial ports, COM1 first.
  public static let serial: [UInt16] = [0x3F8, 0x2F8, 0x3E8, 0x2E8]
  /// The interrupt requests of the serial ports.
  public static let serialIRQ = [4, 3, 4, 3]
  /// The pins of the I/O APIC for PIRQA to PIRQD.
  public static let pciPins = 16..<20
  /// The pins of the I/O APIC that virtio devices outside of PCI share.
  public static let virtioPins = 20..<22
  /// PCI configuration address, and four ports on the window.
  public static let pciConfiguration: UInt16 = 0xCF8
  /// Where base address registers may point.
  public static let pciWindow: Range<UInt32> = 0xC000..<0x1_0000
  /// Display interface of Bochs: index and data.
  public static let frameBuffer: UInt16 = 0x1CE
  /// The two channels of the IDE controller.
  public static let ide: [(command: UInt16, control: UInt16)] = [(0x1F0, 0x3F6), (0x170, 0x376)]
  /// The interrupt requests of the IDE channels.
  public static let ideIRQ = [14, 15]
  /// VGA.
  public static let vga: UInt16 = 0x3B0
  /// What firmware writes here goes to its log.
  public static let firmwareLog: UInt16 = 0x402
  /// Firmware configuration.
  public static let firmwareConfiguration: UInt16 = 0x510
  /// 8259A edge/level control.
  public static let edgeLevel: UInt16 = 0x4D0
  /// Reset control register.
  public static let resetControl: UInt16 = 0xCF9
  /// SMI command and status.
  public static let smiCommand: UInt16 = 0xB2
  /// ACPI PM1 event, PM1 control and timer: 16 ports.
  public static let powerManagement: UInt16 = 0x600
  /// The ISA interrupt of ACPI events.
  public static let systemControlIRQ = 9
}
