import Emulator

/// Where a run under a debugger stops.
public struct Breakpoint {
  /// What has to happen.
  public enum Trigger: Equatable, Sendable {
    /// The instruction at a linear address is about to execute.
    case execution(LinearAddress)
    /// The bytes are accessed; the run stops behind the instruction.
    case access(Watchpoint)
    /// An exception or interrupt of one of the vectors was delivered; the run stops at its handler.
    case vector(ClosedRange<UInt8>)
    /// A processor entered another mode: real, protected, virtual-8086, compatibility or 64-bit.
    case modeChange
    /// A processor entered another privilege level.
    case privilegeChange
    /// CR3 was loaded with another value.
    case addressSpaceChange
    /// An I/O port was accessed; the run stops behind the instruction.
    case port(ClosedRange<UInt16>)
  }

  /// What has to happen.
  public var trigger: Trigger
  /// Whether its address is that of a name, and moves with the program.
  public var isNamed = false
  /// Only while CR3 holds this, control bits aside.
  public var addressSpace: UInt64?
  /// Only on this processor.
  public var processor: Int?
  /// Only where this answers true; it must not change the machine.
  public var condition: ((Machine) -> Bool)?
  /// How many more times to go on.
  public var ignoreCount: UInt64 = 0
  /// Whether it counts at all.
  public var isEnabled = true
  /// Whether it goes away at its first stop.
  public var isTemporary = false
  /// How often it was met, ignored ones included.
  public internal(set) var hitCount: UInt64 = 0

  /// Makes a breakpoint without conditions.
  public init(_ trigger: Trigger) { self.trigger = trigger }
}

/// Names a breakpoint of a `Debuggee`, from 1 on; numbers are not used again.
public typealias BreakpointNumber = Int
