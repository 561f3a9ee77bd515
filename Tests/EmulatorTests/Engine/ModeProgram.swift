import Emulator

/// A random program in some mode other than 64-bit mode.
struct ModeProgram {
  /// Offset of the code in its segment.
  static let offset: UInt64 = 0x0F80
  static let size = 0x200

  let mode: ModeEngineTests.Mode
  var code: [UInt8]
  var registers: [UInt64]
  var segments: [SegmentRegister] = []
  var flags: UInt64

  private static let opcodes: [[UInt8]] = {
    var all: [[UInt8]] = []
    for row in stride(from: UInt8(0), to: 0x40, by: 8) {
      for low in UInt8(0)..<6 { all.append([row + low]) }
    }
    for opcode in UInt8(0x40)...0x61 { all.append([opcode]) }
    for opcode in [0x68, 0x69, 0x6A, 0x6B] as [UInt8] { all.append([opcode]) }
    for opcode in UInt8(0x80)...0x8D { all.append([opcode]) }
    for opcode in UInt8(0x90)...0x99 { all.append([opcode]) }
    for opcode in UInt8(0xA0)...0xBF { all.append([opcode]) }
    for opcode in [0xC0, 0xC1, 0xC3, 0xC6, 0xC7, 0xC9, 0xD0, 0xD1, 0xD2, 0xD3] as [UInt8] {
      all.append([opcode])
    }
    for opcode in [0xF6, 0xF7, 0xFE, 0xFF, 0x8F, 0xC4, 0x9C, 0x07, 0x1F] as [UInt8] {
      all.append([opcode])
    }
    for low in UInt8(0)..<16 { all.append([0x0F, 0x90 + low]) }
    for opcode in [0xB6, 0xB7, 0xBE, 0xBF, 0xAF, 0xA3, 0xAB, 0xA4, 0x44, 0x4C, 0xC8] as [UInt8] {
      all.append([0x0F, opcode])
    }
    return all
  }()

  init(_ mode: ModeEngineTests.Mode, _ numbers: inout SystemNumbers) {
    self.mode = mode
    code = []
    while code.count < ModeProgram.size { ModeProgram.append(&code, &numbers) }
    code.removeLast(code.count - ModeProgram.size)
    registers = (0..<8).map { _ in
      switch numbers.below(4) {
      case 0: numbers.below(0x100)
      case 1: numbers.next() & 0xFFFF
      case 2: numbers.next() & 0x1F_FFFF
      default: numbers.next() & 0xFFFF_FFFF
      }
    }
    if numbers.below(8) != 0 { registers[4] = 0x4000 + numbers.below(0x1000) }
    flags = 2 | numbers.next() & 0x8D5
    for number in 0..<6 { segments.append(segment(number, &numbers)) }
  }

  private static func append(_ code: inout [UInt8], _ numbers: inout SystemNumbers) {
    switch numbers.below(12) {
    case 0:
      // A short jump, loop or call that stays near.
      let opcode: [UInt8] = [0x74, 0x75, 0x72, 0x7C, 0xEB, 0xE2, 0xE3, 0xE1, 0x7F]
      code.append(opcode[Int(numbers.below(9))])
      code.append(UInt8(truncatingIfNeeded: Int(numbers.below(80)) - 40))
    case 1:
      code += [0xE8, UInt8(numbers.below(60)), 0, 0, 0].prefix(numbers.below(2) == 0 ? 3 : 5)
    default:
      for prefix in [0x66, 0x67, 0x26, 0x2E, 0x64, 0x36] as [UInt8]
      where numbers.below(8) == 0 { code.append(prefix) }
      code += opcodes[Int(numbers.below(UInt64(opcodes.count)))]
      for _ in 0..<Int(numbers.below(5)) { code.append(numbers.byte()) }
    }
  }

  private func segment(_ number: Int, _ numbers: inout SystemNumbers) -> SegmentRegister {
    let isCode = number == 1
    let selector = UInt16(truncatingIfNeeded: numbers.below(0x2000) + 0x100)
    let access: UInt16 = isCode ? 0x9B : 0x93
    var segment = SegmentRegister(
      selector: selector, attributes: access, limit: 0xFFFF, base: UInt64(selector) << 4)
    switch mode {
    case .real: break
    case .unreal: if !isCode { segment.limit = .max }
    case .virtual8086: segment.attributes = 0xF3
    case .protected16, .segmented:
      let limits: [UInt32] = [0xFFFF, 0x4FFF, 0x7FFF, .max, 0x1_FFFF]
      segment.limit = limits[Int(numbers.below(5))]
      let kinds: [UInt16] = [0x93, 0x93, 0x93, 0x97, 0x91, 0x9B, 0x99]
      if !isCode { segment.attributes = kinds[Int(numbers.below(number == 2 ? 4 : 7))] }
      if mode == .segmented || numbers.below(4) == 0 && !isCode { segment.attributes |= 0x4000 }
      segment.base = numbers.below(0x2_0000)
      segment.selector = isCode ? 8 : 16
    case .flat:
      segment = SegmentRegister(
        selector: isCode ? 8 : 16, attributes: access | 0xC000, limit: .max, base: 0)
      // FS and GS may be anything.
      if number > 3 { segment.base = numbers.below(0x1_0000) }
    }
    return segment
  }

  /// Linear address of the code.
  var codeAddress: UInt64 { segments[1].base + ModeProgram.offset }
}

/// A processor that runs mode programs: every exception ends in a HLT.
final class ModeMachine {
  private static let size = 2 << 20
  private static let table: UInt64 = 0x18_0000
  private static let tables: UInt64 = 0x18_1000
  private static let task: UInt64 = 0x18_2000
  private static let handlers: UInt64 = 0x18_3000
  private static let ring0Stack: UInt64 = 0x18_5000

  let memory: PhysicalMemory
  let processor: Processor
  var cpu: CPU { processor.cpu }
  private let blank: [UInt8]

  init?(stepsOnly: Bool) {
    guard let memory = PhysicalMemory(size: UInt64(Self.size)) else { return nil }
    self.memory = memory
    processor = Processor(
      memory: memory, bus: EmptyBus(), interrupts: QuietInterrupts(), clock: FreeClock(),
      identification: ProcessorIdentification())
    processor.stepsOnly = stepsOnly
    blank = Self.image()
  }

  private static func image() -> [UInt8] {
    var image = [UInt8](repeating: 0, count: size)
    func put(_ value: UInt64, _ address: UInt64) {
      for byte in 0..<8 {
        image[Int(address) + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte))
      }
    }
    put(0x00CF_9B00_0000_FFFF, tables + 8)
    put(0x00CF_9300_0000_FFFF, tables + 16)
    for vector in UInt64(0)..<256 {
      let handler = handlers + vector
      image[Int(handler)] = 0xF4
      put(handler & 0xFFFF | 8 << 16 | 0x8E00 << 32 | (handler >> 16) << 48, table + vector * 8)
    }
    put(ring0Stack, task + 4)
    put(16, task + 8)
    return image
  }

  func write(_ bytes: [UInt8], at address: UInt64) {
    bytes.withUnsafeBytes { processor.writeMemory(PhysicalAddress(address), $0) }
  }

  func load(_ program: ModeProgram) {
    processor.reset()
    write(blank, at: 0)
    write(program.code, at: program.codeAddress)
    for number in 0..<8 { cpu[number] = program.registers[number] }
    for (number, segment) in program.segments.enumerated() {
      cpu.state.pointee.segments[number] = segment
    }
    let state = cpu.state
    state.pointee.rip = ModeProgram.offset
    state.pointee.cr0 = 0x10
    state.pointee.idtr = DescriptorTableRegister(base: 0, limit: 0x3FF)
    cpu.rflags = RFLAGS(rawValue: program.flags)
    if program.mode == .real || program.mode == .unreal {
      // Every vector leads to a HLT above the table.
      for vector in UInt64(0)..<256 { write([0, 5, 0, 0], at: vector * 4) }
      write([0xF4], at: 0x500)
    } else {
      state.pointee.cr0 |= 1
      state.pointee.idtr = DescriptorTableRegister(base: Self.table, limit: 0x7FF)
      state.pointee.gdtr = DescriptorTableRegister(base: Self.tables, limit: 0x17)
      cpu[.tr] = SegmentRegister(selector: 0x18, attributes: 0x8B, limit: 0x67, base: Self.task)
    }
    if program.mode == .virtual8086 {
      cpu.rflags = RFLAGS(rawValue: program.flags | 1 << 17 | 3 << 12)
      state.pointee.cpl = 3
    }
    processor.stateWasReplaced()
  }

  /// Runs `count` instructions, or to a HLT.
  func run(_ count: UInt64) {
    let limit = cpu.instructionCount + count
    while cpu.instructionCount < limit {
      switch processor.run(until: limit) {
      case .lookup: continue
      default: return
      }
    }
  }

  private var description: String {
    let registers = (0..<8).map { String(cpu[$0], radix: 16) }
    let segments = (0..<6).map { "\(cpu.state.pointee.segments[$0])" }
    return "\(registers) \(String(cpu.state.pointee.rip, radix: 16)) "
      + "\(String(cpu.rflags.rawValue, radix: 16)) \(segments) \(processor.isHalted)"
  }

  /// How the two machines differ, nil if they do not.
  func difference(from other: ModeMachine) -> String? {
    if description != other.description { return "\(description)\n\(other.description)" }
    guard let one = memory.read(PhysicalAddress(0), count: Self.size),
      let two = other.memory.read(PhysicalAddress(0), count: Self.size)
    else { return "memory cannot be read" }
    if one == two { return nil }
    let at = zip(one, two).enumerated().first { $1.0 != $1.1 }?.offset ?? 0
    return "memory at \(String(at, radix: 16)) of\n\(description)"
  }
}
