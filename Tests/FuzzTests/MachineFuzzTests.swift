import Emulator
import Testing

/// Random programs against every device of a whole machine.
///
/// Registers, rings, tables, DMA over the program itself, input meanwhile. Nothing may end or hang
/// the host, and the same programs and input do the same, however a run is sliced.
@Suite struct MachineFuzzTests {
  private typealias Layout = DeviceProgram.Layout

  /// Instructions that a program may take, loops and handlers included.
  private static let limit: UInt64 = 120_000
  /// Nanoseconds that it may wait in all.
  private static let timeLimit: UInt64 = 50_000_000

  private static func configuration(_ generator: inout SeededGenerator) throws
    -> MachineConfiguration
  {
    var configuration = MachineConfiguration(memory: Layout.memory)
    // A reset starts the firmware, which halts.
    let rom = [UInt8](repeating: 0xF4, count: 0xFFFF) + [0]
    configuration.firmware = try FirmwareImage(rom, name: "fuzz")
    configuration.display = DisplayAdapter(
      rom: try OptionROM([0x55, 0xAA, 1] + [UInt8](repeating: 0, count: 509), name: "fuzz"))
    configuration.processors = Bool.random(using: &generator) ? 2 : 1
    configuration.quantum = 500
    configuration.resetBehavior = Bool.random(using: &generator) ? .stop : .restart
    let disk = PatternDisk()
    var optical = DiskDrive(disk, bus: .ide, access: .readOnly)
    optical.isOptical = true
    configuration.disks = [
      DiskDrive(disk, bus: .ide), optical, DiskDrive(disk, bus: .ide, access: .readOnly),
      DiskDrive(disk), DiskDrive(disk, bus: .virtioMMIO),
    ]
    configuration.entropy = Bool.random(using: &generator) ? .pci : .mmio
    configuration.virtioConsole = Bool.random(using: &generator) ? .pci : .mmio
    configuration.network = NetworkInterface(bus: Bool.random(using: &generator) ? .pci : .mmio)
    return configuration
  }

  private static func write(_ bytes: [UInt8], _ address: UInt32, _ machine: Machine) {
    _ = bytes.withUnsafeBytes { machine.memory.write(PhysicalAddress(UInt64(address)), $0) }
  }

  private static func number(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
  }

  /// Gates for all vectors: exceptions end the program, NMI is ignored, interrupts are acknowledged
  /// everywhere and return with interrupts off, so that a line that stays high is no trap.
  private static func writeTables(_ machine: Machine) {
    write([0xFA, 0xF4, 0xEB, 0xFC], Layout.handlers, machine)
    write([0xCF], Layout.handlers + 0x10, machine)
    // PUSH EAX; MOV AL, 20h; OUT 20h; OUT A0h; MOV [EOI], 0; AND [ESP+12], ~IF; POP EAX; IRET.
    write(
      [0x50, 0xB0, 0x20, 0xE6, 0x20, 0xE6, 0xA0, 0xC7, 0x05, 0xB0, 0x00, 0xE0, 0xFE, 0, 0, 0, 0]
        + [0x81, 0x64, 0x24, 0x0C, 0xFF, 0xFD, 0xFF, 0xFF, 0x58, 0xCF],
      Layout.handlers + 0x20, machine)
    let gates = (0..<256).flatMap { vector -> [UInt8] in
      let handler =
        UInt64(Layout.handlers) + (vector == 2 ? 0x10 : vector < 32 ? 0 : 0x20)
      return number(
        handler & 0xFFFF | 8 << 16 | 0x8E00 << 32 | (handler >> 16) << 48)
    }
    write(gates, Layout.interruptTable, machine)
    write(
      [0, 0x00CF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF].flatMap(number), Layout.descriptorTable,
      machine)
  }

  /// A processor in protected mode with flat segments, about to run the prologue.
  private static func enter(_ cpu: CPU) {
    cpu.state.pointee.cr0 = 0x11
    cpu.state.pointee.cr4 = 0x600
    cpu[.cs] = SegmentRegister(selector: 8, attributes: 0xC09B, limit: .max, base: 0)
    for name in [SegmentName.ds, .es, .ss, .fs, .gs] {
      cpu[name] = SegmentRegister(selector: 16, attributes: 0xC093, limit: .max, base: 0)
    }
    cpu.state.pointee.gdtr = DescriptorTableRegister(
      base: UInt64(Layout.descriptorTable), limit: 23)
    cpu.state.pointee.idtr = DescriptorTableRegister(
      base: UInt64(Layout.interruptTable), limit: 0x7FF)
    cpu[.rsp] = UInt64(Layout.stackTop)
    cpu.state.pointee.rip = UInt64(Layout.prologue)
    cpu.state.pointee.nextRIP = UInt64(Layout.prologue)
    cpu.updateMode()
  }

  /// A machine whose functions have their addresses.
  private static func makeMachine(_ configuration: MachineConfiguration) throws -> Machine {
    let machine = try Machine(image: nil, configuration: configuration)
    writeTables(machine)
    let prologue = DeviceProgram.prologue()
    write(prologue.code, Layout.prologue, machine)
    enter(machine.processor.cpu)
    // All but the jump at its end.
    let stop = machine.run(limit: prologue.count - 1)
    #expect(stop == .instructionLimit)
    return machine
  }

  /// What somebody outside does between two slices.
  private static func disturb(_ machine: Machine, _ generator: inout SeededGenerator) {
    let bytes = (0..<Int.random(in: 1..<100, using: &generator)).map { _ in
      UInt8.random(in: 0...255, using: &generator)
    }
    switch Int.random(in: 0..<5, using: &generator) {
    case 0: machine.console.send(bytes)
    case 1: machine.typeKeys(bytes)
    case 2: machine.virtioConsole.send(bytes)
    case 3: machine.network.send(bytes + bytes)
    default: break
    }
  }

  private struct Outcome {
    let machine: Machine
    var stop = StopReason.instructionLimit
  }

  private static func run(
    _ configuration: MachineConfiguration, _ code: [UInt8], slices: ClosedRange<UInt64>,
    generator: inout SeededGenerator, replaying log: InputLog? = nil
  ) throws -> Outcome {
    var outcome = Outcome(machine: try makeMachine(configuration))
    let machine = outcome.machine
    write(code, Layout.code, machine)
    if let log { machine.replay(log) }
    let (end, endTime) = (machine.instructionCount + limit, machine.now + timeLimit)
    var goesOn = true
    while goesOn {
      let slice = UInt64.random(in: slices, using: &generator)
      outcome.stop = machine.run(
        limit: min(slice, end - machine.instructionCount), timeLimit: endTime - machine.now)
      goesOn =
        outcome.stop == .instructionLimit && machine.instructionCount < end
        && machine.now < endTime
      if goesOn, log == nil { disturb(machine, &generator) }
    }
    return outcome
  }

  /// What devices answered in the machines, and which of their states ever changed.
  private struct Coverage {
    var kinds: Set<String> = []
    var parts: Set<String> = []
    var changed: Set<String> = []
    var stops: [String: Int] = [:]

    mutating func add(_ outcome: Outcome, since digests: [(name: String, digest: UInt64)]) {
      for (old, new) in zip(digests, outcome.machine.partDigests()) {
        parts.insert(Self.name(old.name))
        if old.digest != new.digest { changed.insert(Self.name(old.name)) }
      }
      let stop = "\(outcome.stop)".prefix { $0 != "(" }
      stops[String(stop), default: 0] += 1
    }

    /// A part's kind, without its number.
    private static func name(_ part: String) -> String {
      String(part.drop { $0.isNumber || $0 == " " })
    }
  }

  @Test func randomProgramsMeetEveryDevice() throws {
    let budget = FuzzBudget()
    var generator = SeededGenerator(seed: budget.seed &+ 4)
    var coverage = Coverage()
    var programs = 0
    var instructions: UInt64 = 0
    while !budget.isSpent {
      programs += 1
      let seed = generator.next()
      guard budget.first <= programs else { continue }
      var own = SeededGenerator(seed: seed)
      let configuration = try Self.configuration(&own)
      let fresh = try Self.makeMachine(configuration)
      let regions = fresh.deviceRegions
      for region in regions { coverage.kinds.insert("\(type(of: region.device))") }
      var builder = DeviceProgramBuilder(regions: regions, seed: own.next())
      let code = builder.build()
      let whole = try Self.run(configuration, code, slices: 1000...30_000, generator: &own)
      instructions += whole.machine.instructionCount
      coverage.add(whole, since: fresh.partDigests())
      guard programs % 4 == 0 else { continue }
      let sliced = try Self.run(
        configuration, code, slices: 1...3000, generator: &own, replaying: whole.machine.inputLog)
      let difference = zip(whole.machine.partDigests(), sliced.machine.partDigests())
        .filter { $0.digest != $1.digest }.map(\.0.name)
      #expect(
        whole.stop == sliced.stop && difference.isEmpty,
        "program \(programs) of seed \(budget.seed): \(whole.stop), \(sliced.stop), \(difference)")
    }
    print(
      "device fuzzing: \(programs) programs, \(instructions) instructions, "
        + "\(coverage.kinds.count) kinds of registers; ends \(coverage.stops.sorted { $0 < $1 }); "
        + "unchanged \(coverage.parts.subtracting(coverage.changed).sorted())")
    #expect(coverage.kinds.count >= 30, "\(coverage.kinds.sorted())")
    #expect(coverage.changed.count >= 25, "\(coverage.changed.sorted())")
  }
}

/// A disk whose sectors follow from their numbers.
private final class PatternDisk: BlockBackend, Sendable {
  let isReadOnly = true
  let size: UInt64 = 256 * 512

  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    guard contains(offset, count: UInt64(buffer.count)) else { return false }
    for index in buffer.indices {
      let place = offset &+ UInt64(index)
      buffer[index] = UInt8(truncatingIfNeeded: place / 512 &+ place)
    }
    return true
  }

  func write(at offset: UInt64, _ source: UnsafeRawBufferPointer) -> Bool { false }

  func flush() -> Bool { true }
}
