import Emulator

/// A machine that is debugged: it runs forwards and backwards, and stops where it was told.
///
/// Positions are the machine's instruction counts; a stop is at the boundary before the next
/// instruction, with interrupts that are due there already delivered. Time travel needs no
/// preparation: checkpoints are taken while the machine runs, input is in the machine's log, and
/// going back is going forward again from a checkpoint.
public final class Debuggee {
  /// The machine.
  public let machine: Machine
  /// Bytes that checkpoints may take.
  public var checkpointBudget: Int
  /// The breakpoints, by number.
  public private(set) var breakpoints: [BreakpointNumber: Breakpoint] = [:]
  /// The last stop; nil before the first.
  public private(set) var lastStop: Stop?
  /// The earliest and the latest position in history.
  public var history: ClosedRange<UInt64>

  /// Takes over a machine, with its present as the beginning of history.
  public init(_ machine: Machine, checkpointBudget: Int = 256 << 20)

  /// Where the machine stands.
  public var position: UInt64 { machine.instructionCount }
  /// Whether the machine stands in the past of its own history, so that going on replays input.
  public var isReplaying: Bool

  // MARK: Breakpoints

  /// Adds a breakpoint.
  public func add(_ breakpoint: Breakpoint) -> BreakpointNumber
  /// Changes a breakpoint; false if there is none of that number.
  public func change(_ number: BreakpointNumber, _ body: (inout Breakpoint) -> Void) -> Bool
  /// Removes a breakpoint; false if there is none of that number.
  public func remove(_ number: BreakpointNumber) -> Bool

  // MARK: Running

  /// Runs until a breakpoint, the end, an interruption, or `limit` further instructions.
  ///
  /// A breakpoint at the present position is not met again.
  public func resume(_ direction: Direction = .forward, limit: UInt64 = .max) -> Stop
  /// Executes instructions of the processor `number` (nil: whichever comes next), or undoes them.
  ///
  /// One iteration of a repeated string instruction is one; so is an interrupt's delivery with the
  /// instruction before it.
  public func step(_ direction: Direction = .forward, count: UInt64 = 1, processor: Int? = nil) -> Stop
  /// Goes to a position, forwards or backwards, past breakpoints.
  public func go(to position: UInt64) -> Stop
  /// Makes a running `resume` stop soon; from any thread.
  public func interrupt()
  /// The last write to physical bytes before the present; the machine stays where it is.
  public func lastWrite(physical address: UInt64, count: UInt64) -> WatchHit?
  /// The last write to linear bytes before the present, in the present address space.
  public func lastWrite(linear address: UInt64, count: UInt64) -> WatchHit?
}
