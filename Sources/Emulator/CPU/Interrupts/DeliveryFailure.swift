/// Which check of a delivery failed; beside the exception that it raised, for a diagnosis.
public enum DeliveryFailure: Equatable, Sendable {
  /// What is wrong with a selector or the descriptor it names.
  public enum SelectorReason: Equatable, Sendable {
    /// It is null.
    case null
    /// It lies beyond the limit of its table.
    case beyondLimit
    /// The descriptor has the wrong type.
    case type
    /// DPL or RPL do not fit.
    case privilege
    /// IA-32e mode needs a code segment with L set and D clear.
    case notLong
    /// The descriptor is not present.
    case notPresent
  }

  /// The vector's gate lies beyond IDTR.limit.
  case gateBeyondLimit(vector: UInt8, idtLimit: UInt16)
  /// The gate is no interrupt, trap or task gate.
  case gateBadType(vector: UInt8, type: UInt8)
  /// INT n, INT3 or INTO through a gate whose DPL is below CPL.
  case gatePrivilege(vector: UInt8, dpl: UInt8)
  /// The gate's P flag is clear.
  case gateNotPresent(vector: UInt8)
  /// The gate's code selector.
  case badCodeSelector(UInt16, SelectorReason)
  /// The stack selector that the TSS gave.
  case badStackSelector(UInt16, SelectorReason)
  /// The TSS, or rather TR.limit, does not hold the stack pointer; or there is no TSS.
  case tssTooSmall(offset: UInt64, limit: UInt32)
  /// The TSS gave a stack pointer that is not canonical.
  case nonCanonicalStack(rsp: UInt64)
  /// The gate's offset is not canonical or beyond the code segment's limit.
  case badTarget(offset: UInt64)
  /// A push failed at this stack pointer.
  case push(rsp: UInt64)
}
