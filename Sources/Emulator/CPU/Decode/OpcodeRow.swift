/// An operand as SDM volume 2, Appendix A, "Key to Abbreviations" names it: addressing method, then
/// operand type.
public enum OperandCode: UInt8, Sendable {
  case none
  // E: register or memory by ModR/M.
  case eb, ew, ed, ev, ey
  // G: register by the reg field.
  case gb, gw, gv, gy
  // B: register by VEX.vvvv.
  case by
  // I: immediates; `ibs` is a byte extended to the operand size.
  case ib, ibs, iw, iz, iv
  // I: the second immediate byte of ENTER.
  case ib2
  // J: branch distances.
  case jb, jz
  // M: memory only.
  case m, mb, mw, mq, mdq, my, ma, mp, ms
  // O: an absolute offset.
  case ob, ov
  // A: a far pointer in the instruction.
  case ap
  // R: a register by the rm field, whatever mod says.
  case ry
  // S, C, D: segment, control and debug registers by the reg field.
  case sw, cd, dd
  // Z: a register in the low opcode bits.
  case zb, zv
  // Fixed operands.
  case al, ax, dx, cl, one, es, cs, ss, ds, fs, gs
  // X and Y: string source and destination.
  case xb, xv, yb, yv

  /// Whether the operand needs a ModR/M byte.
  var needsModRM: Bool {
    switch self {
    case .eb, .ew, .ed, .ev, .ey, .gb, .gw, .gv, .gy, .m, .mb, .mw, .mq, .mdq, .my, .ma, .mp, .ms,
      .ry, .sw, .cd, .dd:
      true
    default: false
    }
  }

  /// Whether the operand must be memory.
  var isMemoryOnly: Bool {
    switch self {
    case .m, .mb, .mw, .mq, .mdq, .my, .ma, .mp, .ms: true
    default: false
    }
  }
}

/// What decides about an opcode beyond its operands; the superscripts of Appendix A.
public struct OpcodeAttributes: OptionSet, Sendable {
  /// The bits.
  public var rawValue: UInt32
  /// Takes the bits as they are.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// LOCK is allowed if the destination is memory.
  public static let lock = OpcodeAttributes(rawValue: 1)
  /// i64: invalid in 64-bit mode.
  public static let i64 = OpcodeAttributes(rawValue: 2)
  /// o64: only in 64-bit mode.
  public static let o64 = OpcodeAttributes(rawValue: 4)
  /// d64: operand size defaults to 64 bits in 64-bit mode.
  public static let d64 = OpcodeAttributes(rawValue: 8)
  /// f64: operand size is 64 bits in 64-bit mode.
  public static let f64 = OpcodeAttributes(rawValue: 16)
  /// A ModR/M byte follows though no operand names it.
  public static let modRM = OpcodeAttributes(rawValue: 32)
  /// The reg field and mod choose the row: `group` is the index of sixteen rows.
  public static let group = OpcodeAttributes(rawValue: 64)
  /// An immediate byte follows that no operand names.
  public static let imm8 = OpcodeAttributes(rawValue: 128)
  /// Byte operands.
  public static let byte = OpcodeAttributes(rawValue: 256)
  /// REX.W changes nothing: ports are at most 32 bits wide.
  public static let port = OpcodeAttributes(rawValue: 1024)

  // Of VEX forms
  /// VEX.vvvv must be 1111.
  public static let noVVVV = OpcodeAttributes(rawValue: 1 << 11)
  /// VEX.vvvv must be 1111 if rm is memory.
  public static let vvvvWithRegister = OpcodeAttributes(rawValue: 1 << 12)
  /// VEX.L must be 0.
  public static let l0 = OpcodeAttributes(rawValue: 1 << 13)
  /// VEX.L must be 1.
  public static let l1 = OpcodeAttributes(rawValue: 1 << 14)
  /// LIG: VEX.L is ignored, the operation is scalar.
  public static let scalar = OpcodeAttributes(rawValue: 1 << 15)
  /// VEX.W must be 0.
  public static let w0 = OpcodeAttributes(rawValue: 1 << 16)
  /// VEX.W must be 1.
  public static let w1 = OpcodeAttributes(rawValue: 1 << 17)
  /// VEX.W is the size of a general operand, and ignored outside 64-bit mode.
  public static let generalW = OpcodeAttributes(rawValue: 1 << 18)
  /// rm must be memory.
  public static let memoryOnly = OpcodeAttributes(rawValue: 1 << 19)
  /// rm must be a register.
  public static let registerOnly = OpcodeAttributes(rawValue: 1 << 20)
  /// The memory operand has a vector of indices.
  public static let vsib = OpcodeAttributes(rawValue: 1 << 21)
}

/// One opcode: what the decoder, the tests and a translator know about it.
public struct OpcodeRow: Sendable {
  /// What it does.
  public var mnemonic: Mnemonic = .invalid
  /// First operand.
  public var operand0: OperandCode = .none
  /// Second operand.
  public var operand1: OperandCode = .none
  /// Third operand.
  public var operand2: OperandCode = .none
  /// What else decides.
  public var attributes: OpcodeAttributes = []
  /// What CPUID must report for it to be there.
  public var feature = ProcessorFeature.baseline
  /// First of sixteen rows of a group: eight for memory, eight for registers.
  var groupBase: UInt16 = 0

  /// Whether a ModR/M byte follows.
  var needsModRM: Bool {
    !attributes.isDisjoint(with: [.modRM, .group]) || operand0.needsModRM || operand1.needsModRM
  }
}
