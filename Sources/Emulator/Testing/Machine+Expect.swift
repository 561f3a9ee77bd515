import Debugger
import Emulator

extension Machine {
  /// Runs until the console shows `pattern` behind what the last expectation was met by.
  ///
  /// - Parameters:
  ///   - pattern: A text, or a line with a regular expression.
  ///   - limit: How long it may take.
  ///   - forbidden: What the console must not show before.
  /// - Throws: `ExpectationFailure` if the machine stops first, or shows what is forbidden.
  public func expect(
    console pattern: ConsolePattern, within limit: RunLimit = .usual,
    forbidding forbidden: [ConsolePattern] = []
  ) throws(ExpectationFailure) {
    let watch = ConsoleWatch(self, forbidding: forbidden)
    switch watch.run(until: pattern, within: limit) {
    case .found: return
    case .forbidden(let bad):
      throw ExpectationFailure(
        self, "expected the console to show \(pattern), but it shows \(bad)", stop: nil)
    case .stopped(let stop):
      throw ExpectationFailure(
        self, "expected the console to show \(pattern) within \(limit), but \(stop.sentence)",
        stop: stop)
    }
  }

  /// Types text on the console, which the guest sees at the rate of its serial line.
  public func type(_ text: String) { console.send(text) }

  /// Runs until the machine stops, which has to be for this reason.
  ///
  /// - Parameters:
  ///   - reason: The end that is expected, `.poweredOff` for one.
  ///   - limit: How long it may take.
  /// - Throws: `ExpectationFailure` if it stops for another reason.
  public func expect(
    stop reason: StopReason, within limit: RunLimit = .usual
  ) throws(ExpectationFailure) {
    let stop = run(limit: limit.instructions, timeLimit: limit.nanoseconds)
    guard stop != reason else { return }
    throw ExpectationFailure(
      self, "expected that \(reason.sentence) within \(limit), but \(stop.sentence)", stop: stop)
  }

  /// Runs until the code at `symbol` comes next: a function, or a label.
  ///
  /// - Parameters:
  ///   - symbol: A name of the image, as its author wrote it or as it is in the file.
  ///   - limit: How long it may take.
  /// - Throws: `ExpectationFailure` if there is no such symbol or the machine stops first.
  public func run(
    to symbol: String, within limit: RunLimit = .usual
  ) throws(ExpectationFailure) {
    let wanted: Set<UInt64>
    do throws(SymbolTable.NameError) {
      wanted = Set(try SymbolTable(image?.elf).meaning(of: symbol).addresses)
    } catch {
      throw ExpectationFailure(
        self, "expected to reach \(symbol), but \(error.description)", stop: nil)
    }
    let own = breakpoints
    breakpoints = own.union(wanted)
    defer { breakpoints = own }
    let stop = run(
      limit: limit.instructions, timeLimit: limit.nanoseconds, skipsBreakpoint: true)
    guard stop == .breakpoint, wanted.contains(processor.cpu.instructionPointer.value) else {
      throw ExpectationFailure(
        self, "expected to reach \(symbol) within \(limit), but \(stop.sentence)", stop: stop)
    }
  }

  /// Runs until `condition` holds, which is looked at every `interval` instructions.
  ///
  /// - Parameters:
  ///   - description: The condition in words, for the failure.
  ///   - interval: Instructions between two looks; 1 finds the first moment, slowly.
  ///   - limit: How long it may take.
  ///   - condition: What is waited for; it may look at the machine, and not change it.
  /// - Throws: `ExpectationFailure` if the machine stops first.
  public func run(
    until description: String, every interval: UInt64 = 1000, within limit: RunLimit = .usual,
    _ condition: (Machine) -> Bool
  ) throws(ExpectationFailure) {
    let start = (instructionCount, now)
    while !condition(self) {
      let left = rest(of: limit, from: start)
      let stop = run(
        limit: min(max(interval, 1), left.instructions), timeLimit: left.nanoseconds)
      let isOver = left.instructions == 0 || left.nanoseconds == 0
      guard stop == .instructionLimit, !isOver else {
        if condition(self) { return }
        throw ExpectationFailure(
          self, "expected \(description) within \(limit), but \(stop.sentence)", stop: stop)
      }
    }
  }
  /// Makes another machine that goes on from here.
  ///
  /// A machine that boots once and goes back with `restore` for each test is faster still.
  ///
  /// - Throws: What making a machine throws, as when the host is out of memory.
  public func fork() throws -> Machine { try fork(snapshot()) }
}
