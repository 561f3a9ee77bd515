/// The way of a device's interrupt to the processor: through the IOAPIC, with the 8259s silenced.
import KernelArch

/// The two 8259 interrupt controllers of the PC: silent where there is an IOAPIC.
enum LegacyPIC {
  private static let command: UInt16 = 0x20
  private static let mask: UInt16 = 0x21
  private static let secondCommand: UInt16 = 0xa0
  private static let secondMask: UInt16 = 0xa1
  static let firstVector: UInt8 = 0x20

  /// Moves them off the exceptions' vectors: even masked, one may raise a spurious interrupt.
  static func silence() {
    outb(command, 0x11)  // ICW1: edge triggered, cascaded, ICW4 follows
    outb(secondCommand, 0x11)
    outb(mask, firstVector)  // ICW2: the first vector
    outb(secondMask, firstVector + 8)
    outb(mask, 0x04)  // ICW3: the second one is at input 2
    outb(secondMask, 0x02)
    outb(mask, 0x01)  // ICW4: 8086 mode
    outb(secondMask, 0x01)
    outb(mask, 0xff)
    outb(secondMask, 0xff)
  }

  /// Lets one of the first eight interrupts through.
  static func connect(_ interrupt: UInt8) { outb(mask, ~(1 << interrupt)) }

  static func endOfInterrupt() { outb(command, 0x20) }
}

/// The I/O APIC: a table of inputs, each with the vector it raises and the processor it goes to.
///
/// 82093AA data sheet, "I/O Redirection Table Registers".
struct IOAPIC {
  let base: PhysicalAddress

  private func select(_ register: UInt32) {
    mmio_write32(base.value &+ Layout.directMap, register)
  }
  private func read(_ register: UInt32) -> UInt32 {
    select(register)
    return mmio_read32(base.value &+ Layout.directMap &+ 0x10)
  }
  private func write(_ register: UInt32, _ value: UInt32) {
    select(register)
    mmio_write32(base.value &+ Layout.directMap &+ 0x10, value)
  }

  var inputCount: UInt32 { (read(1) >> 16 & 0xff) + 1 }

  /// Masks every input.
  func start() {
    KernelSpace.ensureMapped(base, length: pageSize, isDevice: true)
    for input in 0..<inputCount { write(0x10 + input * 2, 1 << 16) }
  }

  func connect(
    input: UInt32, to vector: UInt8, processor: UInt32, route: InterruptControllers.Override
  ) {
    var low = UInt32(vector)
    if route.isActiveLow { low |= 1 << 13 }
    if route.isLevelTriggered { low |= 1 << 15 }
    write(0x11 + input * 2, processor << 24)
    write(0x10 + input * 2, low)
  }
}

enum InterruptRouting {
  /// Written at boot only.
  nonisolated(unsafe) private static var usesLegacyPIC = false

  /// Connects COM1: through the IOAPIC that the MADT describes, or else through the 8259.
  static func start() {
    LegacyPIC.silence()
    LocalAPIC.start()
    if let controllers = Firmware.interruptControllers, let address = controllers.ioAPIC {
      connect(IOAPIC(base: PhysicalAddress(address)), controllers)
    } else {
      usesLegacyPIC = true
      LocalAPIC.acceptLegacyInterrupts()
      LegacyPIC.connect(SerialPort.com1Interrupt)
      log("irq", "local APIC \(LocalAPIC.id), no IOAPIC known; COM1 through the 8259")
    }
    SerialPort.com1.enableReceiveInterrupt()
  }

  /// Tells the controllers that a device's interrupt has been served.
  static func endOfInterrupt() {
    if usesLegacyPIC { LegacyPIC.endOfInterrupt() } else { LocalAPIC.endOfInterrupt() }
  }

  private static func connect(_ chip: IOAPIC, _ controllers: InterruptControllers) {
    chip.start()
    let route = controllers.route(forISA: SerialPort.com1Interrupt)
    let input = route.input &- controllers.ioAPICBase
    guard input < chip.inputCount else {
      log("irq", "COM1 is on input \(route.input), which is not the IOAPIC's")
      return
    }
    chip.connect(
      input: input, to: InterruptVector.serial, processor: LocalAPIC.id, route: route)
    var line: TextLine = "local APIC \(LocalAPIC.id), IOAPIC at \(hex: chip.base.value)"
    line.append(line: " with \(chip.inputCount) inputs; COM1 on input \(input)")
    log("irq", "\(line), vector \(hex: InterruptVector.serial)")
  }
}
