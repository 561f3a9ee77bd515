/// How an operand is named by the instruction.
public enum OperandKind: UInt8, Sendable {
  case none
  /// General register `index`, low `size` bytes.
  case register
  /// AH, CH, DH or BH: bits 15:8 of register `index` (0-3).
  case highByte
  /// Memory at the instruction's effective address.
  case memory
  /// `Instruction.immediate`, already extended to 64 bits.
  case immediate
  /// `Instruction.immediate2`, the second immediate (ENTER).
  case immediate2
  /// The number one (shifts by opcode).
  case one
  /// Branch distance in `Instruction.immediate`, already sign-extended.
  case relative
  /// Selector in `immediate2`, offset in `immediate`.
  case farPointer
  /// Segment register `index`.
  case segment
  /// CRn
  case control
  /// DRn
  case debug
  /// XMMn
  case xmm
  /// MMn
  case mmx
  /// String source DS:rSI.
  case stringSource
  /// String destination ES:rDI.
  case stringDestination
}

/// One operand of a decoded instruction.
public struct Operand: Equatable, Sendable {
  /// How it is named.
  public var kind: OperandKind
  /// Register number, where the kind has one.
  public var index: UInt8
  /// Width in bytes: 1, 2, 4, 8, 16; 6 or 10 for far pointers and descriptor tables; 0 where the
  /// instruction has no use for one.
  public var size: UInt8

  /// Makes an operand.
  @inline(__always) public init(_ kind: OperandKind, index: UInt8 = 0, size: UInt8 = 0) {
    self.kind = kind
    self.index = index
    self.size = size
  }

  /// No operand.
  public static let none = Operand(.none)
}

/// Prefixes that matter after decoding.
public struct Prefixes: OptionSet, Equatable, Sendable {
  /// The bits.
  public var rawValue: UInt8
  /// Takes the bits as they are.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// F0.
  public static let lock = Prefixes(rawValue: 1)
  /// F3, last of F2 and F3.
  public static let rep = Prefixes(rawValue: 2)
  /// F2, last of F2 and F3.
  public static let repne = Prefixes(rawValue: 4)
  /// 66.
  public static let operandSize = Prefixes(rawValue: 8)
  /// 67.
  public static let addressSize = Prefixes(rawValue: 16)
  /// REX.W.
  public static let rexW = Prefixes(rawValue: 32)
  /// Any REX.
  public static let rex = Prefixes(rawValue: 64)
  /// Any segment override.
  public static let segment = Prefixes(rawValue: 128)
}

/// A decoded instruction: plain data, a pure function of bytes and mode.
public struct Instruction: Equatable, Sendable {
  /// What it does.
  public var mnemonic: Mnemonic
  /// Total length in bytes, 1-15.
  public var length: UInt8
  /// Effective operand size in bytes: 2, 4 or 8 (1 for the byte forms).
  public var operandSize: UInt8
  /// Effective address size in bytes: 2, 4 or 8.
  public var addressSize: UInt8
  /// The prefixes seen.
  public var prefixes: Prefixes
  /// Vector length in bytes by VEX.L: 16 or 32; 0 without a VEX prefix.
  ///
  /// With one, `prefixes` holds the mandatory prefix that VEX.pp stands for, and REX.W for VEX.W.
  public var vectorLength: UInt8 = 0
  /// The register that VEX.vvvv names; 0 without a VEX prefix.
  public var vvvv: UInt8 = 0
  /// Opcode map: 0 one-byte, 1 0F, 2 0F 38, 3 0F 3A.
  public var map: UInt8
  /// The opcode byte.
  public var opcode: UInt8
  /// The ModR/M byte, raw; zero where there is none.
  public var modRM: UInt8
  /// Condition code of Jcc, SETcc, CMOVcc (low opcode nibble).
  public var condition: UInt8 { opcode & 0xF }

  /// Whether the ModR/M operand is memory.
  public var hasMemory: Bool
  /// Segment of the memory operand (or of the string source), override applied.
  public var segment: SegmentName
  /// Base register number, `RegisterSlot.zero` if none, `ripBase` if RIP-relative.
  public var base: UInt8
  /// Index register number or `RegisterSlot.zero`.
  public var index: UInt8
  /// Shift of the index: 0-3.
  public var scale: UInt8
  /// `reg` field with REX.R.
  public var reg: UInt8
  /// `rm` field with REX.B.
  public var rm: UInt8
  /// Displacement, sign-extended.
  public var displacement: Int64
  /// Immediate, sign-extended to 64 bits (zero-extended where the manual says so).
  public var immediate: UInt64
  /// Second immediate: ENTER's level, a far pointer's selector.
  public var immediate2: UInt16

  /// Distance of the instruction from the start of its block, in bytes; the engine's.
  var offsetInBlock: UInt16 = 0

  /// First operand, the destination where there is one.
  public var operand0: Operand
  /// Second operand.
  public var operand1: Operand
  /// Third operand.
  public var operand2: Operand

  /// `base` of a RIP-relative operand.
  public static let ripBase: UInt8 = 255

  /// Whether a VEX prefix is there.
  @inline(__always) public var isVEX: Bool { vectorLength != 0 }
  /// Whether a LOCK prefix is there.
  public var isLocked: Bool { prefixes.contains(.lock) }
  /// Whether F2 or F3 is there.
  public var isRepeated: Bool { !prefixes.isDisjoint(with: [.rep, .repne]) }
}
