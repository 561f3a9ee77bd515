import Debugger
import Emulator

/// Runs a machine until its console shows what is expected, or what is forbidden.
final class ConsoleWatch {
  /// How a run ended.
  enum Outcome {
    /// The console shows the pattern.
    case found
    /// The console shows what it must not.
    case forbidden(ConsolePattern)
    /// The machine stopped first.
    case stopped(StopReason)
  }

  private let machine: Machine
  private var forbidden: [PatternScanner]
  private var wanted: PatternScanner?
  /// Bytes of output in which forbidden patterns were looked for.
  private var scannedCount: Int
  private var result: Outcome?

  /// Watches a machine from the last output that an expectation was met by.
  init(_ machine: Machine, forbidding patterns: [ConsolePattern] = []) {
    self.machine = machine
    forbidden = patterns.map(PatternScanner.init)
    scannedCount = machine.console.examinedCount
  }

  /// Runs until `pattern` is found; without one until the machine stops.
  func run(until pattern: ConsolePattern?, within limit: RunLimit) -> Outcome {
    wanted = pattern.map(PatternScanner.init)
    result = nil
    let console = machine.console
    var position = console.examinedCount
    for byte in console.output[position...] {
      position += 1
      examine(byte, at: position)
      if let result { return result }
    }
    let stop = run(
      until: .output { [unowned self] byte in
        position += 1
        if result == nil { examine(byte, at: position) }
        return result != nil
      }, within: limit)
    return result ?? finish(stop)
  }

  /// Runs until the condition, the limit, or the proof that the machine goes round for ever.
  private func run(until condition: StopCondition, within limit: RunLimit) -> StopReason {
    let watch = HangWatch(machine)
    let end = machine.instructionCount.addingClamped(limit.instructions)
    let endTime = machine.now.addingClamped(limit.nanoseconds)
    while true {
      let stop = watch.run(
        until: condition, limit: end - min(end, machine.instructionCount),
        timeLimit: endTime - min(endTime, machine.now))
      guard stop == .instructionLimit, machine.instructionCount < end, machine.now < endTime else {
        return stop
      }
    }
  }

  /// Looks at the byte behind which `position` is.
  private func examine(_ byte: UInt8, at position: Int) {
    if position > scannedCount {
      scannedCount = position
      for index in forbidden.indices where forbidden[index].matches(next: byte) {
        result = .forbidden(forbidden[index].pattern)
      }
    }
    machine.console.examinedCount = position
    if result == nil, wanted?.matches(next: byte) ?? false { result = .found }
  }

  /// What a stop means, now that the last line is whole.
  private func finish(_ stop: StopReason) -> Outcome {
    for index in forbidden.indices where forbidden[index].matchesLastLine() {
      return .forbidden(forbidden[index].pattern)
    }
    return wanted?.matchesLastLine() ?? false ? .found : .stopped(stop)
  }
}
