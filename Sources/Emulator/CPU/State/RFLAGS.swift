/// The flags register.
///
/// SDM volume 1, "EFLAGS Register".
public struct RFLAGS: OptionSet, Equatable, Sendable {
  /// The bits as PUSHF stores them.
  public var rawValue: UInt64

  /// Takes the bits as they are.
  @inline(__always) public init(rawValue: UInt64) { self.rawValue = rawValue }
  private init(bit: UInt64) { rawValue = 1 << bit }

  /// CF.
  public static let carry = RFLAGS(bit: 0)
  /// Bit 1, always one.
  public static let alwaysOne = RFLAGS(bit: 1)
  /// PF.
  public static let parity = RFLAGS(bit: 2)
  /// AF.
  public static let auxiliaryCarry = RFLAGS(bit: 4)
  /// ZF.
  public static let zero = RFLAGS(bit: 6)
  /// SF.
  public static let sign = RFLAGS(bit: 7)
  /// TF.
  public static let trap = RFLAGS(bit: 8)
  /// IF.
  public static let interruptEnable = RFLAGS(bit: 9)
  /// DF.
  public static let direction = RFLAGS(bit: 10)
  /// OF.
  public static let overflow = RFLAGS(bit: 11)
  /// IOPL, two bits.
  public static let ioPrivilegeLevel = RFLAGS(rawValue: 3 << 12)
  /// NT.
  public static let nestedTask = RFLAGS(bit: 14)
  /// RF.
  public static let resume = RFLAGS(bit: 16)
  /// VM.
  public static let virtual8086 = RFLAGS(bit: 17)
  /// AC.
  public static let alignmentCheck = RFLAGS(bit: 18)
  /// VIF.
  public static let virtualInterrupt = RFLAGS(bit: 19)
  /// VIP.
  public static let virtualInterruptPending = RFLAGS(bit: 20)
  /// ID.
  public static let identification = RFLAGS(bit: 21)

  /// CF, PF, AF, ZF, SF, OF: what arithmetic writes.
  public static let status: RFLAGS = [
    .carry, .parity, .auxiliaryCarry, .zero, .sign, .overflow,
  ]
  /// Every bit that exists.
  public static let defined: RFLAGS = [
    .status, .alwaysOne, .trap, .interruptEnable, .direction, .ioPrivilegeLevel, .nestedTask,
    .resume, .virtual8086, .alignmentCheck, .virtualInterrupt, .virtualInterruptPending,
    .identification,
  ]
}
