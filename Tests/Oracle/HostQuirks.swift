/// What a host does where the manual leaves a choice, or in a way of its own.
///
/// Each is a difference that says nothing about our processor; all of them concern cases that end
/// with an exception on the host.
enum HostQuirks {
  /// Whether the choice of the host explains that `expected` and `actual` differ.
  static func explain(
    _ item: Case, expected: Outcome, actual: Outcome, disassembler: inout Disassembler
  ) -> Bool {
    guard case .exception(let vector, _, _) = expected.ending,
      case .exception(let ours, _, _) = actual.ending
    else { return false }
    // The page of Linux's vsyscalls, whose faults Linux answers itself.
    if expected.after.rip & ~0xFFF == 0xFFFF_FFFF_FF60_0000 { return true }
    if ours == 13 && vector != 13 && setsMisalignedMask(item, actual, &disassembler) { return true }
    if ours == 13 && skipsAlignmentOfSHA(item, actual, &disassembler) { return true }
    if ours == 17 && skipsAlignmentCheck(item, actual, &disassembler) { return true }
    if (ours == 13 || ours == 14) && isUnneededAdjustment(item, actual, &disassembler) {
      return true
    }
    if vector == 6 && isQuadwordElement(expected, item) { return true }
    if vector == ours && asksForProcessorNumber(item, expected, actual, &disassembler) {
      return true
    }
    if (ours == 12 || ours == 13) && wrapsAround(item, actual, &disassembler) { return true }
    if ours == 6 && isNarrowVPERMQ(item, actual) { return true }
    guard let instruction = instruction(at: expected.after.rip, item, &disassembler) else {
      return false
    }
    let sameStop = expected.after.rip == actual.after.rip
    if isUnmaskedStore(instruction, actual) { return vector == 14 || vector == 17 }
    // AMD turns the x87 registers into MMX's even where the instruction then faults.
    if instruction.usesMMX && sameStop && vector == ours { return vector != 6 }
    switch (vector, ours) {
    case (14, 14) where instruction.mnemonic.hasPrefix("popa") && sameStop:
      // AMD keeps the registers that it popped before the missing page.
      return expected.after.registers[4] == actual.after.registers[4]
    case (1, 1):
      // AMD leaves RF clear in a trap between two iterations; the SDM sets it.
      return sameStop && instruction.hasRepeat
        && expected.after.rflags ^ actual.after.rflags == FlagBits.rf
    case (_, 13) where instruction.mnemonic == "call":
      // AMD pushes before it looks at the target.
      return sameStop && ([12, 14, 17].contains(vector) || instruction.isFar)
    case (_, _) where instruction.mnemonic.hasPrefix("cmps") && sameStop:
      // Which of the two operands is read first; repeated ones also for the flags.
      return isRepeatedCompare(instruction) && expected.ending == actual.ending
        ? differsInStatusFlagsOnly(expected, actual)
        : [13, 14, 17].contains(vector) && [13, 14, 17].contains(ours)
    case (_, _) where vector == ours && sameStop && isRepeatedCompare(instruction):
      return differsInStatusFlagsOnly(expected, actual)
    case (14, _) where isMaskedStore(instruction):
      // Whether a byte that the mask leaves out may fault is the processor's choice.
      return true
    case (14, _) where instruction.isaSet == "XSAVE":
      // AMD looks at more of the area than it is asked for.
      return true
    case (14, 14):
      return sameStop && wideStates.contains(instruction.mnemonic)
    case (14, 13) where sameStop && wideStates.contains(instruction.mnemonic),
      (13, 14) where sameStop && wideStates.contains(instruction.mnemonic):
      // Where such an operand begins on a missing page and ends beyond canonical addresses.
      return crossesCanonicalBoundary(instruction, expected.after)
    case (1, 13) where instruction.isaSet == "AVX2GATHER",
      (1, 14) where instruction.isaSet == "AVX2GATHER":
      // A gather may let a pending trap in between two of its elements; AMD does.
      return sameStop
    case (13, 12), (12, 13):
      return sameStop && isMisalignedOutside(instruction, expected.after)
    case (13, _):
      return hasNonCanonicalOffset(instruction, expected.after, actual.ending)
    case (17, _):
      // AMD checks the alignment of MASKMOVDQU's operand; FXSAVE may raise either exception.
      // AMD checks the alignment of the place that ENTER leaves RSP at.
      return isMaskedStore(instruction) || instruction.mnemonic == "enter"
        || instruction.isaSet == "X87" || instruction.mnemonic == "fisttp"
        || wideStates.contains(instruction.mnemonic)
    default:
      return false
    }
  }

  /// MASKMOVQ, MASKMOVDQU, VMASKMOVDQU.
  private static func isMaskedStore(_ instruction: Decoded) -> Bool {
    instruction.mnemonic.hasPrefix("maskmov") || instruction.mnemonic == "vmaskmovdqu"
  }

  /// Which of the many bytes of such an operand faults first is the processor's choice.
  private static let wideStates: Set<String> = [
    "fxsave", "fxsave64", "fxrstor", "fxrstor64", "xsave", "xsave64", "xrstor", "xrstor64",
    "fnsave", "frstor", "fnstenv", "fldenv",
  ]

  /// AMD checks the alignment of such operands, but not by all of their parts.
  private static func skipsAlignmentCheck(
    _ item: Case, _ actual: Outcome, _ disassembler: inout Disassembler
  ) -> Bool {
    guard let instruction = instruction(at: actual.after.rip, item, &disassembler) else {
      return false
    }
    // The SDM has #AC for the elements of gathers too.
    return wideStates.contains(instruction.mnemonic) || instruction.isaSet == "AVX2GATHER"
  }

  /// AMD asks ARPL's operand for write access only where its RPL has to change; the SDM wants it
  /// writable.
  private static func isUnneededAdjustment(
    _ item: Case, _ actual: Outcome, _ disassembler: inout Disassembler
  ) -> Bool {
    instruction(at: actual.after.rip, item, &disassembler)?.mnemonic == "arpl"
  }

  /// AMD raises #UD for VPINSRQ and VPEXTRQ outside 64-bit mode; the SDM has VEX.W ignored there.
  private static func isQuadwordElement(_ expected: Outcome, _ item: Case) -> Bool {
    let start = Int(truncatingIfNeeded: expected.after.rip &- item.before.rip)
    guard item.before.width == .compatibility, item.code.indices.contains(start),
      let escape = item.code[start...].firstIndex(of: 0xC4), escape + 3 < item.code.count
    else { return false }
    return item.code[escape + 1] & 0x1F == 3 && item.code[escape + 2] & 0x83 == 0x81
      && (item.code[escape + 3] == 0x16 || item.code[escape + 3] == 0x22)
  }

  /// Linux keeps the number of the processor in the limit of a segment, where LSL finds it.
  private static func asksForProcessorNumber(
    _ item: Case, _ expected: Outcome, _ actual: Outcome, _ disassembler: inout Disassembler
  ) -> Bool {
    var offset = 0
    while let decoded = disassembler.decode(item.code, at: offset) {
      offset += decoded.length
      guard decoded.mnemonic == "lsl", let target = decoded.writtenRegisters.first else { continue }
      return actual.after.registers[target] & 0xFFFF == 0
        && expected.after.registers[target] & 0xFFFF < 1024
    }
    return false
  }

  /// What an access does that goes on at zero behind a limit of 4 GiB is the processor's choice.
  ///
  /// SDM volume 3, "Limit Checking". Ours faults.
  private static func wrapsAround(
    _ item: Case, _ actual: Outcome, _ disassembler: inout Disassembler
  ) -> Bool {
    guard item.before.width == .compatibility,
      let instruction = instruction(at: actual.after.rip, item, &disassembler),
      var memory = instruction.memory
    else { return false }
    memory.segment = "cs"
    let next = actual.after.rip &+ UInt64(instruction.length)
    let offset = memory.address(actual.after, next: next)
    return offset + UInt64(max(memory.size, 8)) > 0x1_0000_0000
  }

  /// AMD ignores VEX.W of VPERMQ and VPERMPD, which the SDM has at W1 only.
  private static func isNarrowVPERMQ(_ item: Case, _ actual: Outcome) -> Bool {
    let start = Int(truncatingIfNeeded: actual.after.rip &- item.before.rip)
    guard item.code.indices.contains(start),
      let escape = item.code[start...].firstIndex(of: 0xC4), escape + 3 < item.code.count
    else { return false }
    return item.code[escape + 1] & 0x1F == 3 && item.code[escape + 2] & 0x83 == 1
      && item.code[escape + 3] <= 1
  }

  /// AMD's SHA instructions take memory at any address; the SDM has them in exception class 4, which
  /// wants it aligned.
  private static func skipsAlignmentOfSHA(
    _ item: Case, _ actual: Outcome, _ disassembler: inout Disassembler
  ) -> Bool {
    guard let instruction = instruction(at: actual.after.rip, item, &disassembler),
      instruction.isaSet == "SHA", let memory = instruction.memory
    else { return false }
    let next = actual.after.rip &+ UInt64(instruction.length)
    return memory.address(actual.after, next: next) & 15 != 0
  }

  /// AMD probes memory for an x87 store that an unmasked exception keeps from storing.
  private static func isUnmaskedStore(_ instruction: Decoded, _ actual: Outcome) -> Bool {
    let isStore = ["fst", "fstp", "fist", "fistp", "fisttp", "fbstp"].contains(instruction.mnemonic)
    return isStore && actual.after.fsw & 0x80 != 0
  }

  private static func instruction(
    at rip: UInt64, _ item: Case, _ disassembler: inout Disassembler
  ) -> Decoded? {
    let offset = rip &- item.before.rip
    guard offset < UInt64(item.code.count) else { return nil }
    return disassembler.decode(item.code, at: Int(offset))
  }

  /// AMD leaves the flags of the last iteration; the SDM restores those before the instruction.
  private static func isRepeatedCompare(_ instruction: Decoded) -> Bool {
    let name = instruction.mnemonic
    return instruction.hasRepeat && (name.hasPrefix("cmps") || name.hasPrefix("scas"))
  }

  private static func differsInStatusFlagsOnly(_ expected: Outcome, _ actual: Outcome) -> Bool {
    var same = actual.after
    same.rflags = expected.after.rflags
    return expected.ending == actual.ending
      && (expected.after.rflags ^ actual.after.rflags) & ~FlagBits.status == 0
      && same.changes(from: expected.after, undefinedFlags: 0, undefinedConditions: 0x4700).isEmpty
  }

  /// AMD has bit 17 in MXCSR (misaligned exception mask).
  private static func setsMisalignedMask(
    _ item: Case, _ actual: Outcome, _ disassembler: inout Disassembler
  ) -> Bool {
    guard let instruction = instruction(at: actual.after.rip, item, &disassembler) else {
      return false
    }
    return ["ldmxcsr", "vldmxcsr", "fxrstor", "fxrstor64", "xrstor", "xrstor64"].contains(
      instruction.mnemonic)
  }

  private static func isCanonical(_ address: UInt64) -> Bool {
    let top = Int64(bitPattern: address) >> 47
    return top == 0 || top == -1
  }

  /// Alignment and canonical form are checked in no given order.
  private static func isMisalignedOutside(_ instruction: Decoded, _ state: UserState) -> Bool {
    guard let memory = instruction.memory, [16, 32, 512, 576].contains(memory.size) else {
      return false
    }
    let address = memory.address(state, next: state.rip &+ UInt64(instruction.length))
    let last = address &+ UInt64(memory.size) &- 1
    let alignment = memory.size >= 512 ? 64 : UInt64(memory.size)
    return address & (alignment - 1) != 0 && !(isCanonical(address) && isCanonical(last))
  }

  /// Whether the memory operand has canonical addresses and others.
  private static func crossesCanonicalBoundary(
    _ instruction: Decoded, _ state: UserState
  ) -> Bool {
    guard let memory = instruction.memory else { return false }
    let first = memory.address(state, next: state.rip &+ UInt64(instruction.length))
    return isCanonical(first) != isCanonical(first &+ UInt64(memory.size) &- 1)
  }

  /// AMD wants the offset to be canonical as well as its sum with the base of FS or GS.
  private static func hasNonCanonicalOffset(
    _ instruction: Decoded, _ state: UserState, _ ours: Ending
  ) -> Bool {
    guard var memory = instruction.memory, memory.segment == "fs" || memory.segment == "gs" else {
      return false
    }
    // Bit offsets and vector indices are not in `memory`, but in the address at which ours faults.
    if case .exception(14, _, let fault) = ours {
      return !isCanonical(fault &- (memory.segment == "fs" ? state.fsBase : state.gsBase))
    }
    let next = state.rip &+ UInt64(instruction.length)
    let linear = memory.address(state, next: next)
    memory.segment = "ds"
    return !isCanonical(memory.address(state, next: next)) && isCanonical(linear)
  }
}
