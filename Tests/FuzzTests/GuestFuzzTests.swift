import Emulator
import TestImages
import Testing

/// Random bytes as code, in ring 0 and ring 3, with paging on: nothing a guest executes may end or
/// hang the host, and how a run is sliced may not change what happens.
@Suite struct GuestFuzzTests {
  private enum Layout {
    static let code: UInt64 = 0x10_0000
    static let codeSize = 0x4000
    static let idt: UInt64 = 0x11_0000
    static let stubs: UInt64 = 0x11_2000
    static let userStack: UInt64 = 0x11_8000
    static let kernelStack: UInt64 = 0x11_C000
    static let end: UInt64 = 0x12_0000
  }

  /// First bytes of instructions that random bytes rarely hit: system ones, far transfers, strings.
  private static let seeds: [[UInt8]] = [
    [0x0F, 0x01], [0x0F, 0x00], [0x0F, 0x20], [0x0F, 0x22], [0x0F, 0x21], [0x0F, 0x23],
    [0x0F, 0x30], [0x0F, 0x32], [0x0F, 0xA2], [0x0F, 0xAE], [0x0F, 0xC7], [0x0F, 0x05],
    [0x0F, 0x07], [0x0F, 0x34], [0x0F, 0x35], [0x0F, 0x0D], [0xF3, 0xA4], [0xF2, 0xAE],
    [0xF3, 0x48, 0xAB], [0x8E], [0x9D], [0xCF], [0x48, 0xCF], [0xCB], [0xFF], [0xE4], [0xE6],
    [0xEC], [0xEE], [0x6C], [0x6E], [0xFB, 0xF4], [0xF4], [0xCD], [0xD9], [0xDB], [0x66, 0x0F],
    [0xF2, 0x0F], [0xF3, 0x0F], [0x0F, 0xB2], [0x0F, 0x18], [0xF0], [0x0F, 0x06], [0xC8],
  ]

  private static func randomCode(_ generator: inout SeededGenerator) -> [UInt8] {
    var code: [UInt8] = []
    while code.count < Layout.codeSize {
      if UInt8.random(in: 0..<3, using: &generator) == 0 {
        code += seeds.randomElement(using: &generator) ?? []
      }
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        code.append(UInt8.random(in: 0...255, using: &generator))
      }
    }
    return Array(code.prefix(Layout.codeSize))
  }

  /// A handler for every vector that skips one byte of the interrupted code and goes on.
  private static func handlers() -> (table: [UInt8], stubs: [UInt8]) {
    var table: [UInt8] = []
    var stubs: [UInt8] = []
    let withCode: Set<Int> = [8, 10, 11, 12, 13, 14, 17]
    for vector in 0..<256 {
      let address = Layout.stubs + UInt64(stubs.count)
      // ADD RSP, 8 drops the error code; INC QWORD [RSP]; IRETQ.
      stubs += withCode.contains(vector) ? [0x48, 0x83, 0xC4, 8] : [0x90, 0x90, 0x90, 0x90]
      stubs += [0x48, 0xFF, 0x04, 0x24, 0x48, 0xCF, 0x90, 0x90]
      let low = number(address & 0xFFFF, 2)
      table += low + [0x08, 0, 0, 0xEE] + number(address >> 16, 2)
      table += number(address >> 32, 4) + [0, 0, 0, 0]
    }
    return (table, stubs)
  }

  private static func number(_ value: UInt64, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
  }

  private static func write(_ bytes: [UInt8], _ address: UInt64, _ machine: Machine) {
    _ = bytes.withUnsafeBytes { machine.memory.write(PhysicalAddress(address), $0) }
  }

  /// How many processors run a program, and how long their turns are.
  private struct Turns {
    var processors = 1
    var quantum: UInt64 = 1
  }

  private static func makeMachine(
    isUser: Bool, code: [UInt8], seed: UInt64, turns: Turns
  ) throws -> Machine {
    var builder = ELFBuilder(code: code, at: Layout.code)
    builder.segments[0].memorySize = Layout.end - Layout.code
    var configuration = MachineConfiguration(memory: 4 << 20)
    configuration.processors = turns.processors
    configuration.quantum = turns.quantum
    let machine = try Machine(
      image: KernelImage(builder.build(), name: "fuzz"), configuration: configuration)
    let (table, stubs) = handlers()
    write(table, Layout.idt, machine)
    write(stubs, Layout.stubs, machine)
    let cpu = machine.processor.cpu
    var generator = SeededGenerator(seed: seed)
    for register in Register.allCases where register != .rsp {
      // Small numbers, addresses in the image, and anything.
      switch UInt8.random(in: 0..<3, using: &generator) {
      case 0: cpu[register] = UInt64.random(in: 0..<0x1000, using: &generator)
      case 1: cpu[register] = UInt64.random(in: Layout.code..<Layout.end, using: &generator)
      default: cpu[register] = generator.next()
      }
    }
    cpu[.rsp] = Layout.userStack
    cpu.state.pointee.idtr = DescriptorTableRegister(base: Layout.idt, limit: 0xFFF)
    // RSP0 of the task-state segment.
    write(number(Layout.kernelStack, 8), cpu[.tr].base + 4, machine)
    cpu.state.pointee.efer |= EFER.syscallEnable.rawValue
    if isUser { enterUserMode(machine) }
    for other in machine.processors.dropFirst() { start(other.cpu, like: cpu, &generator) }
    return machine
  }

  /// Puts another processor somewhere in the same program.
  private static func start(_ other: CPU, like cpu: CPU, _ generator: inout SeededGenerator) {
    other.state.pointee.cr0 = cpu.state.pointee.cr0
    other.state.pointee.cr3 = cpu.state.pointee.cr3
    other.state.pointee.cr4 = cpu.state.pointee.cr4
    other.state.pointee.efer = cpu.state.pointee.efer
    other.state.pointee.gdtr = cpu.state.pointee.gdtr
    other.state.pointee.idtr = cpu.state.pointee.idtr
    other.state.pointee.cpl = cpu.state.pointee.cpl
    for name in SegmentName.allCases { other[name] = cpu[name] }
    for register in Register.allCases {
      other[register] = UInt64.random(in: Layout.code..<Layout.end, using: &generator)
    }
    other[.rsp] = Layout.userStack - 0x2000
    other.state.pointee.rip = Layout.code + UInt64.random(in: 0..<1024, using: &generator)
    other.state.pointee.activity = Activity.running.rawValue
    other.updateMode()
  }

  private static func enterUserMode(_ machine: Machine) {
    let cpu = machine.processor.cpu
    // The loader's map is for the supervisor: U/S in the two upper levels opens it.
    for (table, count) in [(cpu.state.pointee.cr3, 1), (cpu.state.pointee.cr3 + 0x1000, 512)] {
      for index in 0..<count {
        let address = table + UInt64(index * 8)
        let entry = machine.memory.read(PhysicalAddress(address), count: 1)?[0] ?? 0
        write([entry | 4], address, machine)
      }
    }
    cpu[.cs] = SegmentRegister(selector: 0x0B, attributes: 0xA0FB, limit: .max, base: 0)
    cpu[.ss] = SegmentRegister(selector: 0x13, attributes: 0xC0F3, limit: .max, base: 0)
    cpu.state.pointee.cpl = 3
    cpu.updateMode()
  }

  /// Runs one program to its limit, in slices if told to.
  private static func run(
    isUser: Bool, code: [UInt8], seed: UInt64, slice: UInt64, turns: Turns = Turns()
  ) throws -> (stop: StopReason, machine: Machine) {
    let machine = try makeMachine(isUser: isUser, code: code, seed: seed, turns: turns)
    var stop = StopReason.instructionLimit
    while stop == .instructionLimit, machine.instructionCount < 30_000 {
      stop = machine.run(limit: min(slice, 30_000 - machine.instructionCount))
    }
    return (stop, machine)
  }

  /// Where two runs of a program differ, nil if they do not.
  private static func difference(
    _ one: (stop: StopReason, machine: Machine), _ other: (stop: StopReason, machine: Machine)
  ) -> String? {
    if one.stop != other.stop { return "stopped for \(one.stop) and \(other.stop)" }
    guard one.machine.stateDigest() != other.machine.stateDigest() else { return nil }
    let parts = zip(one.machine.partDigests(), other.machine.partDigests())
    let names = parts.filter { $0.digest != $1.digest }.map(\.0.name)
    let registers = Register.allCases.filter {
      one.machine.processor.cpu[$0] != other.machine.processor.cpu[$0]
    }
    let ends = [one, other].map {
      "count \($0.machine.instructionCount), time \($0.machine.now), "
        + "RIP \($0.machine.processor.cpu.state.pointee.rip), "
        + "RFLAGS \($0.machine.processor.cpu.rflags.rawValue), "
        + "CR2 \($0.machine.processor.cpu.state.pointee.cr2)"
    }
    return "parts \(names), registers \(registers), \(ends)"
  }

  @Test(arguments: [false, true]) func randomCodeRunsToItsLimit(isUser: Bool) throws {
    let budget = FuzzBudget()
    var generator = SeededGenerator(seed: budget.seed &+ (isUser ? 1 : 0))
    var programs = 0
    var instructions: UInt64 = 0
    while !budget.isSpent {
      let seed = generator.next()
      let code = Self.randomCode(&generator)
      programs += 1
      let slice = UInt64.random(in: 1..<200, using: &generator)
      guard budget.first <= programs else { continue }
      let whole = try Self.run(isUser: isUser, code: code, seed: seed, slice: 30_000)
      instructions += whole.machine.instructionCount
      guard programs % 4 == 0 else { continue }
      let sliced = try Self.run(isUser: isUser, code: code, seed: seed, slice: slice)
      let difference = Self.difference(whole, sliced)
      #expect(
        difference == nil, "program \(programs) of seed \(budget.seed), slices of \(slice)")
    }
    print(
      "guest fuzzing, ring \(isUser ? 3 : 0): \(programs) programs, \(instructions) instructions")
    #expect(instructions > UInt64(programs))
  }

  /// Two processors in one program, over the same data and rewriting the same code.
  @Test(arguments: [false, true]) func twoProcessorsShareAProgram(isUser: Bool) throws {
    let budget = FuzzBudget()
    var generator = SeededGenerator(seed: budget.seed &+ (isUser ? 3 : 2))
    var programs = 0
    var others: UInt64 = 0
    while !budget.isSpent {
      let seed = generator.next()
      let code = Self.randomCode(&generator)
      programs += 1
      let slice = UInt64.random(in: 1..<200, using: &generator)
      let turns = Turns(processors: 2, quantum: UInt64.random(in: 1..<300, using: &generator))
      guard budget.first <= programs else { continue }
      let whole = try Self.run(
        isUser: isUser, code: code, seed: seed, slice: 30_000, turns: turns)
      others += whole.machine.processors[1].cpu.instructionCount
      let sliced = try Self.run(
        isUser: isUser, code: code, seed: seed, slice: slice, turns: turns)
      let difference = Self.difference(whole, sliced)
      #expect(
        difference == nil,
        "program \(programs) of seed \(budget.seed), quantum \(turns.quantum), slices of \(slice)")
    }
    print("guest fuzzing, two processors, ring \(isUser ? 3 : 0): \(programs) programs")
    #expect(others > UInt64(programs))
  }
}
