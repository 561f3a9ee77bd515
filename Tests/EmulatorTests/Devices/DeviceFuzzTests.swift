import Emulator
import Testing

/// Random accesses, as a guest gone wild would make them: nothing may trap or hang, and the same
/// accesses after a restore give the same state.
@Suite struct DeviceFuzzTests {
  /// Every device of a PC, wired as in a machine.
  final class Machine {
    let clock = VirtualClock()
    let bus = APICBus()
    let apics: [LocalAPIC]
    let ioAPIC: IOAPIC
    let pic: PIC8259Pair
    let pit: PIT8254
    let uart: UART16550
    let rtc: RTC
    let hpet: HPET
    let power: PowerManagement
    let keyboard: I8042
    let portA: SystemControlPortA
    let portB: SystemControlPortB
    let smi: SMICommandPort
    let reset: ResetControl

    init() {
      apics = (0..<2).map { [clock, bus] id in
        LocalAPIC(id: UInt32(id), isBootstrap: id == 0, clock: clock, bus: bus)
      }
      ioAPIC = IOAPIC(id: 2, bus: bus)
      pic = PIC8259Pair(output: InterruptLine(to: apics[0], pin: 0))
      apics[0].externalController = pic
      apics[0].enterVirtualWireMode()
      let (pic, ioAPIC) = (pic, ioAPIC)
      func line(_ irq: Int) -> InterruptLine {
        let line = InterruptLine(to: pic, pin: irq)
        line.connect(to: ioAPIC, pin: irq == 0 ? 2 : irq)
        return line
      }
      pit = PIT8254(clock: clock, line: line(0))
      uart = UART16550(clock: clock, line: line(4), transmit: { _ in })
      rtc = RTC(RTC.Configuration(memoryBelow4GiB: 1 << 30), clock: clock, line: line(8))
      hpet = HPET(
        clock: clock,
        lines: HPET.Lines(
          routes: [20: InterruptLine(to: ioAPIC, pin: 20), 21: InterruptLine(to: ioAPIC, pin: 21)],
          legacyTimer: line(0), legacyClock: line(8)))
      power = PowerManagement(clock: clock, line: line(9), sleepRequested: { _ in })
      keyboard = I8042(
        keyboardLine: line(1), mouseLine: line(12), setA20: { _ in }, resetRequested: {})
      portA = SystemControlPortA(setA20: { _ in }, resetRequested: {})
      portB = SystemControlPortB(pit: pit)
      smi = SMICommandPort(powerManagement: power)
      reset = ResetControl {}
    }

    /// Each device with the size of its region.
    var devices: [(name: String, device: any BusDevice, size: UInt64)] {
      [
        ("local APIC 0", apics[0], 0x1000), ("local APIC 1", apics[1], 0x1000),
        ("I/O APIC", ioAPIC, 0x60), ("8259 master", pic.master, 2), ("8259 slave", pic.slave, 2),
        ("ELCR", pic.levelControl, 2), ("8254", pit, 4), ("UART", uart, 8), ("RTC", rtc, 2),
        ("HPET", hpet, 0x400), ("ACPI", power, 16), ("8042", keyboard, 2), ("port 92h", portA, 1),
        ("port 61h", portB, 1), ("SMI", smi, 2), ("CF9", reset, 1),
        ("E9", DebugConsole { _ in }, 1), ("F4", DebugExit { _ in }, 4),
      ]
    }

    func digest() throws -> [UInt64] {
      let encoder = StateEncoder()
      return [
        try encoder.digest(apics[0].state), try encoder.digest(apics[1].state),
        try encoder.digest(ioAPIC.state), try encoder.digest(pic.state),
        try encoder.digest(pit.state), try encoder.digest(uart.state),
        try encoder.digest(rtc.state), try encoder.digest(hpet.state),
        try encoder.digest(power.state), try encoder.digest(keyboard.state),
      ]
    }

    /// Restores another machine's devices; the clock first, then in any order.
    func restore(_ other: Machine) {
      clock.now = other.clock.now
      for (own, theirs) in zip(apics, other.apics) { own.state = theirs.state }
      ioAPIC.state = other.ioAPIC.state
      pic.state = other.pic.state
      pit.state = other.pit.state
      uart.state = other.uart.state
      rtc.state = other.rtc.state
      hpet.state = other.hpet.state
      power.state = other.power.state
      keyboard.state = other.keyboard.state
      portA.state = other.portA.state
      portB.state = other.portB.state
      smi.state = other.smi.state
      reset.state = other.reset.state
    }

    /// Makes one random access to one device.
    func poke(
      _ device: any BusDevice, size: UInt64, using generator: inout SeededGenerator
    ) -> UInt64 {
      let width: AccessSize = [.byte, .word, .doubleword, .quadword][
        Int.random(in: 0..<4, using: &generator)]
      let span = Int.random(in: 0..<64, using: &generator) == 0 ? UInt64.max : size - 1
      var offset = UInt64.random(in: 0...span, using: &generator)
      if Bool.random(using: &generator) { offset &= ~0xF | 8 }
      guard Bool.random(using: &generator) else { return device.read(offset: offset, size: width) }
      var value = UInt64.random(in: 0 ... .max, using: &generator)
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: value &= 0xFF
      case 1: value = 1 << UInt64.random(in: 0..<64, using: &generator)
      default: break
      }
      device.write(offset: offset, size: width, value: value & width.mask)
      return 0
    }

    /// What a processor and a user do besides: time, interrupts, MSRs, input.
    func disturb(using generator: inout SeededGenerator) -> UInt64 {
      switch Int.random(in: 0..<6, using: &generator) {
      case 0:
        clock.now &+= UInt64.random(in: 0..<2_000_000, using: &generator)
        clock.runDueEvents()
      case 1:
        for apic in apics where apic.hasPendingInterrupt {
          return UInt64(apic.acknowledgeInterrupt())
        }
      case 2:
        let index = UInt32.random(in: 0x800...0x83F, using: &generator)
        return apics[1].readMSR(index) ?? 1
      case 3:
        let index: UInt32 =
          [0x1B, 0x6E0, 0x80F, 0x830, 0x832, 0x838].randomElement(
            using: &generator) ?? 0
        let value = UInt64.random(in: 0 ... .max, using: &generator)
        return apics[1].writeMSR(index, value & 0x7F_0F00_0000_0FFF) ? 1 : 0
      case 4:
        uart.receive(UInt8.random(in: 0...255, using: &generator))
      default:
        keyboard.press(Key(UInt8.random(in: 0...255, using: &generator)))
      }
      return 0
    }
  }

  @Test(arguments: 0..<18)
  func noDeviceTrapsWhateverIsDoneToIt(index: Int) {
    let machine = Machine()
    let target = machine.devices[index]
    var generator = SeededGenerator(seed: UInt64(index))
    for step in 0..<100_000 {
      _ = machine.poke(target.device, size: target.size, using: &generator)
      if step % 8 == 0 { _ = machine.disturb(using: &generator) }
    }
    #expect(machine.clock.now > 0)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func aRestoredMachineBehavesTheSame(seed: UInt64) throws {
    let first = Machine()
    var generator = SeededGenerator(seed: seed)
    let devices = first.devices
    func step(_ machine: Machine, _ devices: [(name: String, device: any BusDevice, size: UInt64)])
      -> UInt64
    {
      let target = devices[Int.random(in: 0..<devices.count, using: &generator)]
      let seen = machine.poke(target.device, size: target.size, using: &generator)
      return seen &+ 31 &* machine.disturb(using: &generator)
    }
    for _ in 0..<5000 { _ = step(first, devices) }
    // A snapshot is taken between instructions, when nothing is due.
    first.clock.runDueEvents()
    let second = Machine()
    second.restore(first)
    #expect(try second.digest() == first.digest())
    #expect(second.clock.nextDeadline == first.clock.nextDeadline)
    let fork = generator
    var seen: [[UInt64]] = []
    for machine in [first, second] {
      generator = fork
      let devices = machine.devices
      seen.append((0..<5000).map { _ in step(machine, devices) })
    }
    #expect(seen[0] == seen[1])
    #expect(try second.digest() == first.digest())
  }
}
