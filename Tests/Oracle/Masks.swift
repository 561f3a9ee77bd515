/// What of a case's outcome the manual leaves undefined, found from the code alone.
package struct Masks {
  /// Status flags to leave out, by the offset in the code at which execution ended.
  private var flagsAt: [Int: UInt64] = [:]
  private var conditionsAt: [Int: UInt8] = [:]
  private var anywhereFlags: UInt64 = 0
  private var anywhereConditions: UInt8 = 0
  /// Bytes of data memory to leave out: pointers that x87 environments hold.
  package private(set) var memory: [Range<Int>] = []

  /// Reads the instructions of `item`; nil where something undefined decides what happens.
  package init?(of item: Case, disassembler: inout Disassembler) {
    let instructions = Masks.decode(item.code, &disassembler)
    var flags: UInt64 = 0
    var conditions: UInt8 = 0
    var unsettled: UInt8 = 0
    if Masks.branchesIntoInstructions(instructions) { return nil }
    let branches = instructions.contains { $0.instruction.isBranch }
    if Masks.asksForOtherComponents(item, instructions, branches: branches) { return nil }
    for (offset, instruction) in instructions {
      let cl = instructions.count == 1 ? UInt8(truncatingIfNeeded: item.before.registers[1]) : nil
      if UndefinedFlags.hasUndefinedResult(instruction, cl: cl) { return nil }
      if instruction.reads(branches ? anywhereFlags : flags) { return nil }
      if conditions != 0 && Masks.readsConditions.contains(instruction.mnemonic) { return nil }
      note(at: offset, flags, conditions)
      if !UndefinedFlags.mayKeep(instruction) && !branches { flags &= ~instruction.writtenFlags }
      flags |= UndefinedFlags.after(instruction, cl: cl)
      if !branches { conditions &= ~instruction.writtenConditions }
      unsettled |= Masks.unsettledConditions(instruction)
      conditions |= instruction.undefinedConditions & 0xF | unsettled
      if !memory.isEmpty { return nil }
      if offset != 0 && Masks.storesEnvironment(instruction, item) { return nil }
      noteEnvironment(instruction, item, end: offset + instruction.length)
    }
    let end = (instructions.last?.offset ?? 0) + (instructions.last?.instruction.length ?? 0)
    note(at: end, flags, conditions)
    // The INT3 behind the code is a trap: it reports the address after itself.
    note(at: end + 1, flags, conditions)
    if branches {
      // A backward branch brings flags from the end to the start.
      for (_, instruction) in instructions where instruction.reads(anywhereFlags) { return nil }
      flagsAt = [:]
      conditionsAt = [:]
    }
  }

  /// Whether a branch leads into the middle of an instruction, so that others than these run.
  private static func branchesIntoInstructions(
    _ instructions: [(offset: Int, instruction: Decoded)]
  ) -> Bool {
    let starts = Set(instructions.map(\.offset))
    guard let last = instructions.last else { return false }
    let end = last.offset + last.instruction.length
    return instructions.contains { offset, instruction in
      guard instruction.isBranch, let distance = instruction.immediate else { return false }
      let target = offset + instruction.length &+ Int(truncatingIfNeeded: distance)
      return (0..<end).contains(target) && !starts.contains(target)
    }
  }

  /// Whether an instruction of the XSAVE family may be asked for a state component that the host has
  /// enabled and our processor lacks, as AVX-512's and the protection keys are.
  private static func asksForOtherComponents(
    _ item: Case, _ instructions: [(offset: Int, instruction: Decoded)], branches: Bool
  ) -> Bool {
    guard let last = instructions.lastIndex(where: { $0.instruction.isaSet.hasPrefix("XSAVE") })
    else { return false }
    if item.before.registers[0] & 0xFFFF_FFFF & ~Masks.comparableComponents != 0 { return true }
    let earlier = branches ? instructions[...] : instructions[..<last]
    return earlier.contains { $0.instruction.writtenRegisters.contains(0) }
  }

  /// x87, SSE and AVX state, and the two of MPX, which processors no longer have.
  static let comparableComponents: UInt64 = 0x1F

  private static let readsConditions: Set<String> = [
    "fnstsw", "fstsw", "fnstenv", "fnsave", "fxsave", "fxsave64", "xsave", "xsave64",
  ]

  /// C1 after comparisons into RFLAGS: cleared by the SDM, left alone by AMD's processors.
  private static func unsettledConditions(_ instruction: Decoded) -> UInt8 {
    ["fcomi", "fcomip", "fucomi", "fucomip"].contains(instruction.mnemonic) ? 2 : 0
  }

  private static func decode(
    _ code: [UInt8], _ disassembler: inout Disassembler
  ) -> [(offset: Int, instruction: Decoded)] {
    var all: [(offset: Int, instruction: Decoded)] = []
    var offset = 0
    while let instruction = disassembler.decode(code, at: offset) {
      all.append((offset, instruction))
      offset += instruction.length
    }
    return all
  }

  private mutating func note(at offset: Int, _ flags: UInt64, _ conditions: UInt8) {
    flagsAt[offset] = flags
    conditionsAt[offset] = conditions
    anywhereFlags |= flags
    anywhereConditions |= conditions
  }

  /// The flags to leave out of the comparison of an outcome that ended at `rip`.
  package func flags(at rip: UInt64, start: UInt64) -> UInt64 {
    flagsAt[Int(truncatingIfNeeded: rip &- start)] ?? anywhereFlags
  }

  /// The bits of FSW to leave out.
  package func conditions(at rip: UInt64, start: UInt64) -> UInt16 {
    let bits = UInt16(conditionsAt[Int(truncatingIfNeeded: rip &- start)] ?? anywhereConditions)
    return (bits & 7) << 8 | (bits & 8) << 11
  }

  /// Whether `instruction` stores what `noteEnvironment` leaves out.
  ///
  /// Where that stands is known only while registers are as they were, in the first instruction.
  private static func storesEnvironment(_ instruction: Decoded, _ item: Case) -> Bool {
    switch instruction.mnemonic {
    case "fnstenv", "fnsave", "fxsave", "fxsave64", "xsave", "xsave64": true
    case "xsavec", "xsavec64", "xsaveopt", "xsaveopt64": item.before.registers[0] & 3 != 0
    default: false
    }
  }

  /// Hosts keep the last instruction's and operand's addresses only as far as they like.
  private mutating func noteEnvironment(_ instruction: Decoded, _ item: Case, end: Int) {
    let fields: [Range<Int>]
    switch instruction.mnemonic {
    case "fnstenv", "fnsave":
      fields = instruction.operandWidth == 16 ? [6..<14] : [2..<4, 6..<8, 10..<28]
    case "fxsave", "fxsave64": fields = [6..<24, 28..<32]
    // Reserved bytes, and in XSTATE_BV what the host tracks as in use.
    case "xsave", "xsave64": fields = [6..<24, 28..<32, 416..<464, 512..<513]
    // The compacted and the optimized forms write nothing of these where they leave x87 and SSE out.
    case "xsavec", "xsavec64", "xsaveopt", "xsaveopt64":
      guard item.before.registers[0] & 3 != 0 else { return }
      fields = [6..<24, 28..<32]
    default: return
    }
    guard let operand = instruction.memory else { return }
    let address = operand.address(item.before, next: item.before.rip &+ UInt64(end))
    let offset = Int(truncatingIfNeeded: address &- DataImage.address)
    guard (0..<DataImage.size).contains(offset) else { return }
    memory += fields.map { ($0.lowerBound + offset)..<($0.upperBound + offset) }
  }
}

extension Decoded.MemoryOperand {
  /// The linear address of the operand in `state`.
  package func address(_ state: UserState, next: UInt64) -> UInt64 {
    var sum = UInt64(bitPattern: displacement)
    switch base {
    case .none: break
    case .general(let number): sum &+= state.registers[number]
    case .instructionPointer: sum &+= next
    }
    if case .general(let number) = index { sum &+= state.registers[number] &* scale }
    switch addressSize {
    case 2: sum &= 0xFFFF
    case 4: sum &= 0xFFFF_FFFF
    default: break
    }
    if state.width == .compatibility {
      let register = UserState.segmentNames.firstIndex(of: segment) ?? 3
      return (sum &+ UserSegments.base(of: state.segments[register])) & 0xFFFF_FFFF
    }
    switch segment {
    case "fs": return sum &+ state.fsBase
    case "gs": return sum &+ state.gsBase
    default: return sum
    }
  }
}
