/// The way of a device's interrupt to the processor: through the IOAPIC, with the 8259s silenced.
import KernelArch

/// The two 8259 interrupt controllers of the PC, which the kernel only switches off.
enum LegacyPIC {
  /// Moves them off the exceptions' vectors first: even masked, one may raise a spurious interrupt.
  static func silence() {
    outb(0x20, 0x11)  // ICW1: edge triggered, cascaded, ICW4 follows
    outb(0xa0, 0x11)
    outb(0x21, 0x20)  // ICW2: vectors 20h-27h and 28h-2Fh
    outb(0xa1, 0x28)
    outb(0x21, 0x04)  // ICW3: the second one is at input 2
    outb(0xa1, 0x02)
    outb(0x21, 0x01)  // ICW4: 8086 mode
    outb(0xa1, 0x01)
    outb(0x21, 0xff)  // all masked
    outb(0xa1, 0xff)
  }
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
  /// Finds the controllers in the MADT and connects COM1.
  static func start() {
    LegacyPIC.silence()
    LocalAPIC.start()
    guard let controllers = Firmware.interruptControllers, let address = controllers.ioAPIC else {
      log("irq", "no IOAPIC in the ACPI tables: there will be no console input")
      return
    }
    let chip = IOAPIC(base: PhysicalAddress(address))
    chip.start()
    let route = controllers.route(forISA: SerialPort.com1Interrupt)
    let input = route.input &- controllers.ioAPICBase
    guard input < chip.inputCount else { return }
    chip.connect(
      input: input, to: InterruptVector.serial, processor: LocalAPIC.id, route: route)
    SerialPort.com1.enableReceiveInterrupt()
    log(
      "irq",
      "local APIC \(LocalAPIC.id), IOAPIC at \(hex: address) with \(chip.inputCount) inputs; COM1 on input \(input), vector \(hex: InterruptVector.serial)"
    )
  }
}
