import Emulator

/// A run of a machine under checks: it reports mistakes of the guest, and changes nothing.
///
/// It listens to the machine's events, and stops it at functions and at accesses that a check wants
/// to know of, only to let it go on at once.
public final class CheckedRun {
  /// What a check does when a function is entered or left, or watched bytes are accessed.
  typealias CallHandler = (CPU) -> Void
  typealias AccessHandler = (WatchHit) -> Void

  /// Instructions between two looks.
  static let interval: UInt64 = 200_000
  /// Findings that are shown.
  private static let findingLimit = 100

  /// The machine.
  public let machine: Machine
  /// What was found, once for each place.
  public private(set) var findings: [Finding] = []
  /// Interrupts that were made.
  public internal(set) var tortureCount = 0

  let options: CheckOptions
  let programSymbols: ProgramSymbols
  var symbols: SymbolTable { programSymbols.table }
  /// The interrupts that each processor is handling.
  var interrupts: [InterruptStack]
  /// The interrupt that the IRET which is being reported has returned from.
  var finishedInterrupt: InterruptStack.Entry?
  var torture: Torture?
  var calls = CallHooks()
  var watches = WatchHooks()
  /// CR3 before the machine ran.
  let givenSpace: UInt64
  /// Whether a debugger steers the machine, for which a finding is a stop.
  var isSteeredByDebugger = false
  /// Whether nothing counts now: the machine is in the past, which has been checked.
  var isResting = false
  private let say: (String) -> Void
  private var checkers: [any Checker] = []
  private var known: Set<String> = []
  private var newFindings: [Finding] = []
  private var nextLook: UInt64
  private var hasRunApplications = false
  private var hasMoved = false

  /// Attaches the checks to a machine that has not run.
  ///
  /// - Parameters:
  ///   - machine: The machine.
  ///   - options: What is checked.
  ///   - say: Shows a finding as it is made.
  public init(_ machine: Machine, options: CheckOptions, say: @escaping (String) -> Void) {
    self.machine = machine
    self.options = options
    self.say = say
    programSymbols = ProgramSymbols(machine.image?.elf)
    interrupts = machine.processors.map { _ in InterruptStack() }
    givenSpace = machine.processor.cpu.state.pointee.cr3 & PageTableEntry.addressMask
    nextLook = machine.instructionCount + Self.interval
    torture = options.torture.map { Torture($0, at: machine.instructionCount) }
    let previous = machine.observer
    checkers = Check.allCases.filter(options.checks.contains).map(makeChecker)
    guard !checkers.isEmpty else { return }
    machine.observer = { [unowned self] event in
      previous?(event)
      observe(event)
    }
  }

  private func makeChecker(_ check: Check) -> any Checker {
    switch check {
    case .stack: StackChecker(self)
    case .eoi: InterruptEndChecker(self)
    case .interrupts: InterruptsOffChecker(self)
    case .code: CodeChecker(self)
    case .mapping: MappingChecker(self)
    case .heap: HeapChecker(self)
    case .locks: LockChecker(self)
    }
  }

  /// Lets the checks know what happens.
  func observe(_ event: ExecutionEvent) {
    guard !isResting else { return }
    finishedInterrupt = nil
    lookForImage(event)
    if interrupts.indices.contains(event.processor) {
      finishedInterrupt = interrupts[event.processor].follow(event, machine)
    }
    for checker in checkers { checker.observe(event) }
  }

  /// Finds out whether the kernel has moved itself, which it does before it runs applications.
  private func lookForImage(_ event: ExecutionEvent) {
    switch event.kind {
    case .reset: hasRunApplications = false
    case .controlRegister(0, _), .controlRegister(3, _):
      guard programSymbols.mayMove, !hasRunApplications,
        machine.processors.indices.contains(event.processor)
      else { return }
      let old = symbols.slide
      programSymbols.follow(machine.processors[event.processor].cpu)
      guard symbols.slide != old else { return }
      hasMoved = true
      machine.stopSoon()
    case _ where event.target.cpl == 3: hasRunApplications = true
    default: break
    }
  }

  /// Begins anew where the kernel is now, if it has moved: the checks go by addresses of its names.
  func followImage() {
    guard hasMoved else { return }
    hasMoved = false
    calls.removeAll()
    watches.removeAll()
    checkers = Check.allCases.filter(options.checks.contains).map(makeChecker)
  }

  /// What is wrong with a name in the options: the image has none like it, or several.
  public var nameError: SymbolTable.NameError? {
    var names = options.sleepers + options.sharedVariables
    names += options.stacks.flatMap { [$0.low, $0.high] }
    if options.allocators != CheckOptions.knownAllocators {
      names += options.allocators.flatMap { [$0.allocate, $0.free] }
    }
    if options.locks != CheckOptions.knownLocks {
      names += options.locks.flatMap { [$0.take, $0.release] }
    }
    for name in names where Self.number(name) == nil {
      do throws(SymbolTable.NameError) {
        _ = try symbols.meaning(of: name)
      } catch {
        return error
      }
    }
    return nil
  }

  // MARK: What checks say

  /// Notes a finding, unless there is one like it.
  ///
  /// - Parameters:
  ///   - check: Who found it.
  ///   - address: The guilty instruction.
  ///   - cpu: Its processor; the one whose turn it is, unless told otherwise.
  ///   - key: What is the same for findings that are alike, beside the address.
  ///   - isAnywhere: Whether findings are alike whatever the address.
  ///   - position: The instruction count to go back to; the present one, unless told otherwise.
  ///   - text: What is wrong.
  ///   - details: More lines.
  func report(
    _ check: Check, at address: UInt64, cpu: CPU? = nil, key: String = "",
    isAnywhere: Bool = false, position: UInt64? = nil, _ text: String, details: [String] = []
  ) {
    guard known.insert("\(check.rawValue) \(isAnywhere ? 0 : address) \(key)").inserted,
      findings.count < Self.findingLimit
    else { return }
    let cpu = cpu ?? machine.processor.cpu
    let processor = machine.processors.firstIndex { $0.cpu.state == cpu.state } ?? 0
    let position = position ?? machine.instructionCount
    var lines = [
      "check \(check.rawValue): \(text), at \(describe(address)), "
        + "after \(position) instructions, processor \(processor)"
    ]
    lines +=
      Backtrace(
        machine, processor: machine.processors[processor], symbols: programSymbols, limit: 16
      ).lines
    lines += details
    let way = isSteeredByDebugger ? "" : "\(options.travelCommand), then "
    lines.append("  go back: \(way)goto \(position)")
    let finding = Finding(
      check: check, position: position, processor: processor, address: address, text: text,
      lines: lines)
    findings.append(finding)
    if isSteeredByDebugger {
      newFindings.append(finding)
      return machine.stopSoon()
    }
    say(lines.joined(separator: "\n"))
    if findings.count == Self.findingLimit { say("further findings are not shown") }
  }

  /// An address with its symbol.
  func describe(_ address: UInt64) -> String {
    let number = "0x" + String(address, radix: 16)
    return symbols.describe(address).map { "\(number) <\($0)>" } ?? number
  }

  /// Where a function is, with its copies; `isExact` takes names only as they are in the image, or as
  /// whole paths.
  func addresses(of name: String, isExact: Bool = false) -> [UInt64] {
    let found = isExact ? symbols.symbols(exactly: name) : symbols.symbols(named: name)
    guard found.isEmpty, !isExact else { return Set(found.map(\.address)).sorted() }
    return Self.number(name).map { [$0] } ?? []
  }

  /// The address that a symbol's name or a number stands for.
  func address(of name: String) -> UInt64? { addresses(of: name).first }

  private static func number(_ text: String) -> UInt64? {
    text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
  }

  /// The findings since the last call.
  func takeNewFindings() -> [Finding] {
    defer { newFindings = [] }
    return newFindings
  }

  // MARK: Running

  /// The instruction count at which the checks want to look next.
  func nextLook(after position: UInt64) -> UInt64 {
    max(min(nextLook, torture?.next ?? .max), position + 1)
  }

  /// Does what is due at an instruction count where the machine was stopped.
  func arrive() {
    let position = machine.instructionCount
    if position >= nextLook {
      for checker in checkers { checker.look() }
      nextLook = position + Self.interval
    }
    guard torture?.isDue(machine) == true else { return }
    if machine.fireTimerEarly() { tortureCount += 1 }
  }

  private func handle(_ reason: StopReason, _ condition: StopCondition) -> StopReason? {
    switch reason {
    case .instructionLimit:
      arrive()
      return nil
    case .watchpoint(let hits):
      handleAccesses(hits)
      return nil
    case .breakpoint:
      // Another processor's turn or an interrupt may come first.
      machine.settle()
      guard machine.isAtBreakpoint else { return nil }
      handleCalls()
      applyHooks()
      return handle(machine.run(until: condition, limit: 1, skipsBreakpoint: true), condition)
    default: return reason
    }
  }

  private func applyHooks() {
    followImage()
    if calls.takeChange() { machine.breakpoints = calls.addresses }
    if watches.takeChange() { machine.watchpoints = watches.all }
  }

  /// Whether the machine must stop elsewhere than at the last call.
  func takeHookChange() -> Bool {
    let calls = calls.takeChange()
    return watches.takeChange() || calls
  }

  /// Makes checks look once more, at the end.
  public func finish() {
    guard !isResting else { return }
    for checker in checkers { checker.look() }
  }
}

extension CheckedRun: SessionController {
  /// Always: it runs as it would without checks.
  public var acceptsInput: Bool { true }
  /// Never.
  public var usesTerminal: Bool { false }

  /// Runs the machine as `Machine.run` does, with checks.
  public func run(
    until condition: StopCondition, limit: UInt64, timeLimit: UInt64
  ) -> StopReason {
    let end = machine.instructionCount.addingClamped(limit)
    let endTime = machine.now.addingClamped(timeLimit)
    while true {
      applyHooks()
      let position = machine.instructionCount
      let next = min(end, nextLook(after: position))
      let reason = machine.run(
        until: condition, limit: next - min(next, position),
        timeLimit: endTime - min(endTime, machine.now))
      if let stop = handle(reason, condition) { return stop }
      if machine.instructionCount >= end || machine.now >= endTime { return .instructionLimit }
    }
  }

  /// Lets the session end as it would without checks.
  public func decide(_ stop: StopReason) -> SessionDecision { .end }

  /// There is nothing to look at.
  public func attention() {}
}
