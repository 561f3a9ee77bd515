/// The error code of a page fault.
///
/// SDM volume 3A, "Page-Fault Exceptions".
public struct PageFaultErrorCode: OptionSet, Equatable, Sendable {
  /// The bits as pushed.
  public var rawValue: UInt32
  /// Takes the bits as they are.
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  private init(bit: UInt32) { rawValue = 1 << bit }

  /// P: the page was present and the access broke a right.
  public static let protection = PageFaultErrorCode(bit: 0)
  /// W/R: the access was a write.
  public static let write = PageFaultErrorCode(bit: 1)
  /// U/S: the access was a user-mode access.
  public static let user = PageFaultErrorCode(bit: 2)
  /// RSVD: a reserved bit was set in a paging-structure entry.
  public static let reservedBit = PageFaultErrorCode(bit: 3)
  /// I/D: the access was an instruction fetch.
  public static let instructionFetch = PageFaultErrorCode(bit: 4)
  /// PK: the page's protection key forbids the access.
  public static let protectionKey = PageFaultErrorCode(bit: 5)
}

/// An exception that an instruction raises.
///
/// SDM volume 3A, "Exception and Interrupt Reference".
public enum Exception: Error, Equatable, Sendable {
  /// #DE
  case divideError
  /// #DB, a fault (instruction breakpoint, general detect) with the DR6 bits to set.
  case debugFault(dr6: UInt64)
  /// #BP, a trap: RIP is already behind INT3.
  case breakpoint
  /// #OF, a trap.
  case overflow
  /// #BR
  case boundRangeExceeded
  /// #UD
  case invalidOpcode
  /// #NM
  case deviceNotAvailable
  /// #DF
  case doubleFault
  /// #TS
  case invalidTSS(errorCode: UInt32)
  /// #NP
  case segmentNotPresent(errorCode: UInt32)
  /// #SS
  case stackFault(errorCode: UInt32)
  /// #GP
  case generalProtection(errorCode: UInt32)
  /// #PF; CR2 is loaded at delivery.
  case pageFault(address: UInt64, code: PageFaultErrorCode)
  /// #MF
  case x87FloatingPoint
  /// #AC
  case alignmentCheck
  /// #XM
  case simdFloatingPoint

  /// The vector.
  public var vector: UInt8 {
    switch self {
    case .divideError: 0
    case .debugFault: 1
    case .breakpoint: 3
    case .overflow: 4
    case .boundRangeExceeded: 5
    case .invalidOpcode: 6
    case .deviceNotAvailable: 7
    case .doubleFault: 8
    case .invalidTSS: 10
    case .segmentNotPresent: 11
    case .stackFault: 12
    case .generalProtection: 13
    case .pageFault: 14
    case .x87FloatingPoint: 16
    case .alignmentCheck: 17
    case .simdFloatingPoint: 19
    }
  }

  /// The error code that delivery pushes, if the vector has one.
  public var errorCode: UInt32? {
    switch self {
    case .doubleFault, .alignmentCheck: 0
    case .invalidTSS(let code), .segmentNotPresent(let code), .stackFault(let code),
      .generalProtection(let code):
      code
    case .pageFault(_, let code): code.rawValue
    default: nil
    }
  }
}
