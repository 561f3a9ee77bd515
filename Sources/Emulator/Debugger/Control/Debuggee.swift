import Emulator

/// A machine that is debugged: it runs forwards and backwards, and stops where it was told.
///
/// Positions are the machine's instruction counts; a stop is at the boundary before the next
/// instruction, with interrupts that are due there already delivered. Time travel needs no
/// preparation: checkpoints are taken while the machine runs, input is in the machine's log, and
/// going back is going forward again from a checkpoint.
public final class Debuggee {
  /// Instructions between checkpoints.
  static let checkpointInterval: UInt64 = 4_000_000

  /// The machine.
  public let machine: Machine
  /// Bytes that checkpoints may take.
  public var checkpointBudget: Int
  /// The breakpoints, by number.
  public internal(set) var breakpoints: [BreakpointNumber: Breakpoint] = [:]
  /// The last stop; nil before the first.
  public internal(set) var lastStop: Stop?
  /// Where a replay was not the same execution again, which is a defect of the emulator; nil as
  /// long as all is well.
  public internal(set) var divergence: UInt64?

  /// Whether a run ends where it is proven that the machine can never make progress.
  public var looksForHangs = false
  /// Why it cannot, if that was found out where it stands.
  public var hang: HangProof? { proof?.position == position ? proof?.hang : nil }

  /// What was proven, and where.
  var proof: (position: UInt64, hang: HangProof)?
  /// When the machine is looked at next.
  var nextHangLook: UInt64
  /// The execution breakpoints that the engine knows, by address.
  var armedNumbers: [UInt64: [BreakpointNumber]] = [:]
  /// The watchpoints that the engine knows for breakpoints.
  var armedWatchpoints: [Watchpoint] = []
  var timeline: Timeline
  /// Breakpoints that events have met since the machine ran on.
  var eventHits: [BreakpointNumber] = []
  /// CR3 of each processor, as far as events told.
  var addressSpaces: [UInt64] = []
  /// Whether this is the machine's observer.
  var isListening = false
  /// The program whose names breakpoints have; it may move.
  public var program: ProgramSymbols?
  /// Where the program was when named breakpoints got the addresses that they have.
  var placed: ImageSlide?
  /// Whether the machine has executed code of ring 3, before which kernels move.
  var hasRunApplications = false
  /// How often the machine had been reset when it was looked at last.
  var resetCount = 0
  /// What looks for mistakes of the guest as long as the machine makes history.
  ///
  /// In the past it rests: it has seen that already, and goes on where history ends.
  public private(set) var checks: CheckedRun?
  /// Where a change of the past has ended the checks, which know what has not happened now.
  public private(set) var checksEnd: UInt64?
  /// Where, and on which processor, the checks were last told of a function's entry or return.
  var checked: (position: UInt64, processor: Int)?
  private var nextNumber = 1

  /// Takes over a machine, with its present as the beginning of history.
  ///
  /// - Parameters:
  ///   - machine: The machine.
  ///   - checkpointBudget: Bytes that checkpoints may take.
  ///   - input: What is to come from outside, for one that repeats a recorded run.
  public init(
    _ machine: Machine, checkpointBudget: Int = 256 << 20, replaying input: InputLog? = nil
  ) {
    self.machine = machine
    self.checkpointBudget = checkpointBudget
    nextHangLook = machine.instructionCount.addingClamped(HangWatch.distance(at: 0))
    timeline = Timeline(start: machine.snapshot())
    timeline.inputs = machine.inputLog
    guard let input else { return }
    for entry in input.entries.dropFirst(machine.inputLog.entries.count) {
      timeline.inputs.append(entry)
    }
    restore(timeline.checkpoints[0])
  }

  /// Where the machine stands.
  public var position: UInt64 { machine.instructionCount }
  /// The earliest and the latest position in history.
  public var history: ClosedRange<UInt64> {
    timeline.start...max(timeline.start, timeline.end, position)
  }
  /// Whether the machine stands in the past of its own history, so that going on replays input.
  public var isReplaying: Bool { position < timeline.end || machine.isReplaying }

  // MARK: Breakpoints

  /// Adds a breakpoint.
  @discardableResult
  public func add(_ breakpoint: Breakpoint) -> BreakpointNumber {
    defer { nextNumber += 1 }
    placeBreakpoints()
    breakpoints[nextNumber] = breakpoint
    return nextNumber
  }

  /// Changes a breakpoint; false if there is none of that number.
  @discardableResult
  public func change(_ number: BreakpointNumber, _ body: (inout Breakpoint) -> Void) -> Bool {
    guard var breakpoint = breakpoints[number] else { return false }
    body(&breakpoint)
    breakpoints[number] = breakpoint
    return true
  }

  /// Removes a breakpoint; false if there is none of that number.
  @discardableResult
  public func remove(_ number: BreakpointNumber) -> Bool {
    breakpoints.removeValue(forKey: number) != nil
  }

  // MARK: Checks

  /// Lets checks go on here, which are attached to the machine: their findings are stops.
  public func attach(_ checks: CheckedRun) {
    self.checks = checks
    checks.isSteeredByDebugger = true
  }

  /// The checks, while the machine makes history.
  var activeChecks: CheckedRun? { checksEnd == nil && !isReplaying ? checks : nil }

  // MARK: Changing the machine

  /// Changes registers, memory or devices, now.
  ///
  /// What history has behind this moment is no longer what would happen, and is forgotten. The
  /// change is made again whenever the machine passes here.
  public func modify(_ body: @escaping (Machine) -> Void) {
    if isReplaying {
      if checks != nil, checksEnd == nil { checksEnd = position }
      timeline.cut(at: position, inputCount: machine.inputLog.entries.count)
      goLive()
    }
    proof = nil
    body(machine)
    let pages = machine.writtenPages
    timeline.inputs = machine.inputLog
    timeline.append(
      Timeline.Modification(position: position, body: body), snapshot: machine.snapshot(),
      pages: pages)
    timeline.end = position
  }

  /// Makes a running `resume` stop soon; from any thread.
  public func interrupt() { machine.requestStop() }

  /// Lets the machine go on into the unknown: input comes from outside, output reaches it.
  func goLive() {
    machine.stopReplay()
    machine.repeatsOutput = false
  }
}
