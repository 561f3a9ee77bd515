/// The ways out: power-off, restart, and the debug port of virtual machines.
import KernelArch

enum Power {
  nonisolated(unsafe) static var options = BootOptions()
  /// Whoever ends the machine takes it, and never gives it back: a second one would meet the registers
  /// in between.
  private static let lock = SpinLock("power")

  /// ACPI Specification, "Transitioning from the Working to the Soft Off State".
  static func off() -> Never {
    log("power", "power-off")
    if options.usesDebugExit { debugExit(0x10) }
    _ = lock.lockIRQ()
    if let power = Firmware.power, let type = Firmware.softOff, power.controlPortA != 0 {
      enableACPI(power)
      let sleepEnable: UInt16 = 1 << 13
      outw(power.controlPortA, UInt16(type.typeA) << 10 | sleepEnable)
      if power.controlPortB != 0 {
        outw(power.controlPortB, UInt16(type.typeB) << 10 | sleepEnable)
      }
    }
    Console.write("It is now safe to turn the machine off.\n")
    while true { cpu_hlt() }
  }

  /// Tries the reset register, then the keyboard controller, then a triple fault.
  static func reboot() -> Never {
    log("power", "restart")
    let reset = Firmware.power?.reset
    if let reset, !reset.isPort {
      KernelSpace.ensureMapped(PhysicalAddress(reset.address), length: 1, isDevice: true)
    }
    _ = lock.lockIRQ()
    if let reset {
      if reset.isPort {
        outb(UInt16(truncatingIfNeeded: reset.address), reset.value)
      } else {
        mmio_write8(reset.address &+ Layout.directMap, reset.value)
      }
      pause()
    }
    let keyboardCommand: UInt16 = 0x64
    let pulseReset: UInt8 = 0xfe
    outb(keyboardCommand, pulseReset)
    pause()
    triple_fault()
    while true { cpu_hlt() }
  }

  /// Ends a virtual machine that has the device; its exit status is `value << 1 | 1`.
  static func debugExit(_ value: UInt32) -> Never {
    outl(0xf4, value)
    while true {
      cpu_cli()
      cpu_hlt()
    }
  }

  /// Takes the power registers over from firmware, if it still has them (SCI_EN is clear).
  private static func enableACPI(_ power: PowerRegisters) {
    let systemControl: UInt16 = 1
    guard inw(power.controlPortA) & systemControl == 0, power.commandPort != 0,
      power.enableCommand != 0
    else { return }
    outb(power.commandPort, power.enableCommand)
    Clock.poll(100_000) { inw(power.controlPortA) & systemControl != 0 }
  }

  /// A write to the unused port 80h takes about a microsecond on real machines.
  private static func pause() {
    for _ in 0..<10_000 { outb(0x80, 0) }
  }
}
