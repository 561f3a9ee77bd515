import CZydis
import Emulator

/// A way in which the decoder is meant to differ from Zydis.
struct IntendedDifference: Sendable {
  /// Which instructions.
  let name: String
  /// Why the decoder does it its way.
  let reason: String
  /// How the differences that are meant end.
  let what: [String]
  private let concerns: @Sendable (Instruction) -> Bool

  /// Whether this explains `difference`.
  func explains(_ difference: String, _ instruction: Instruction?) -> Bool {
    guard let instruction, what.contains(where: difference.hasSuffix) else { return false }
    return concerns(instruction)
  }

  /// All of them; one that explains nothing any more fails the test.
  static let all = [
    IntendedDifference(
      name: "NOP, PAUSE and PREFETCHh",
      reason: "Their operands name nothing that is read, and no two manuals agree on them.",
      what: ["operand count", "register", "size"],
      concerns: { [.nop, .pause, .prefetch].contains($0.mnemonic) }),
    IntendedDifference(
      name: "UD0 and UD1", reason: "They raise #UD before any operand is looked at.",
      what: ["size"], concerns: { $0.mnemonic == .ud0 || $0.mnemonic == .ud1 }),
    IntendedDifference(
      name: "LEA", reason: "It computes an offset; there is no segment.", what: ["segment"],
      concerns: { $0.mnemonic == .lea }),
    IntendedDifference(
      name: "LAR and LSL from a register",
      reason: "SDM: only the low 16 bits of the source are used, which is its size here.",
      what: ["operand 1 size"],
      concerns: { ($0.mnemonic == .lar || $0.mnemonic == .lsl) && !$0.hasMemory }),
    IntendedDifference(
      name: "MOVSXD with an operand-size prefix",
      reason: "SDM: MOVSXD r16, r/m16. Zydis has AMD's r/m32.", what: ["operand 1 size"],
      concerns: { $0.mnemonic == .movsxd && $0.operandSize == 2 }),
    IntendedDifference(
      name: "F3 REX.B 90", reason: "XCHG R8, RAX, as processors do; Zydis says PAUSE.",
      what: ["mnemonic"],
      concerns: {
        $0.mnemonic == .xchg && $0.opcode == 0x90 && $0.prefixes.contains([.rep, .rex])
      }),
    IntendedDifference(
      name: "CMPXCHG8B, INVLPG, INVPCID, CLFLUSHOPT, CLWB, ADCX and ADOX",
      reason: "The widths of their operands are fixed; the operand size has no say in them.",
      what: ["operand size"],
      concerns: {
        [.cmpxchg8b, .invlpg, .invpcid, .clflushopt, .clwb, .adcx, .adox].contains($0.mnemonic)
      }),
    IntendedDifference(
      name: "INS and OUTS with REX.W",
      reason: "There are no 64-bit ports. Zydis agrees about the operands, not about the size.",
      what: ["operand size"],
      concerns: {
        ($0.mnemonic == .ins || $0.mnemonic == .outs) && $0.prefixes.contains(.rexW)
      }),
    IntendedDifference(
      name: "VEX forms on general operands in 16-bit code",
      reason: """
        Their operands have 32 bits outside 64-bit mode, about which Zydis agrees; it calls 16 bits \
        the operand size. VLDMXCSR and VSTMXCSR ignore W.
        """,
      what: ["operand size"],
      concerns: { $0.isVEX && ($0.operandSize == 4 || [.ldmxcsr, .stmxcsr].contains($0.mnemonic)) }
    ),
    IntendedDifference(
      name: "SIB without a base, 67 and REX.B",
      reason: """
        SDM: with mod 0, base 101 means a displacement alone, not depending on REX.B. Zydis adds \
        R13D.
        """,
      what: ["base"],
      concerns: {
        $0.addressSize == 4 && $0.modRM < 0x40 && $0.modRM & 7 == 4 && $0.rm == 12
          && $0.base == UInt8(RegisterSlot.zero)
      }),
  ]
}
