/// One frame of a backtrace.
public struct StackFrame: Equatable, Sendable {
  /// What made the code of a frame stop, other than a call.
  public enum Entry: Equatable, Sendable {
    /// An exception or interrupt; the vector where the processor's record tells it.
    case interrupt(vector: UInt8?)
    /// SYSCALL.
    case systemCall
  }

  /// The linear address of the instruction that goes on.
  public var address: UInt64
  /// The address of the code that is being executed: a call's last byte, or `address`.
  public var code: UInt64
  /// The stack pointer there.
  public var stackPointer: UInt64
  /// What led from this frame to the one inside it; nil for a call.
  public var entry: Entry?
  /// The privilege level, where it is known.
  public var privilege: UInt8?
}
