/// What is delivered through the IDT.
///
/// SDM volume 3A, "Sources of Interrupts and Exceptions".
public struct InterruptEvent {
  /// Where an event comes from.
  public enum Source: Equatable, Sendable {
    /// A fault: the instruction is executed again.
    case fault
    /// A trap: execution goes on behind the instruction.
    case trap
    /// INT n, INT3 and INTO: the gate's DPL is checked and EXT is clear in error codes.
    case software
    /// INT1: like a trap, but met by an instruction.
    case privilegedSoftware
    /// A maskable interrupt.
    case external
    /// NMI.
    case nonMaskable
  }

  /// The vector.
  public var vector: UInt8
  /// Where it comes from.
  public var source: Source
  /// The error code to push, for the exceptions that have one.
  public var errorCode: UInt32?
  /// RIP to push.
  public var returnRIP: UInt64
  /// Whether RF is set in the pushed flags whatever it is now.
  ///
  /// SDM volume 3B, "Debug Exceptions".
  public var setsResumeFlag: Bool

  /// EXT of the error codes of exceptions met during delivery.
  var external: UInt32 { source == .software ? 0 : 1 }

  /// The error code that blames the event's IDT entry.
  var gateErrorCode: UInt32 { UInt32(vector) << 3 | 2 | external }
}
