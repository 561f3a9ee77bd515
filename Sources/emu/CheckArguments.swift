import ArgumentParser
import Debugger
import Emulator

/// Options that check a guest while it runs.
struct CheckArguments: ParsableArguments {
  @Option(
    name: .customLong("check"), parsing: .singleValue,
    help: ArgumentHelp(
      "Look for mistakes of the guest: all, or some of "
        + Check.allCases.map { "\($0.rawValue) (\($0.summary))" }.joined(separator: ", ") + ".",
      valueName: "name[,name...]"))
  var checks: [CheckList] = []

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "For --check heap: functions that allocate and free; which argument of the first is the "
        + "size, 1 unless told otherwise; which one points to the result, if it is not returned.",
      valueName: "alloc:free[:size[:result]]"))
  var allocator: [AllocatorOption] = []

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "For --check locks: functions that take and release a lock; which argument is the lock, 1 "
        + "unless told otherwise.", valueName: "lock:unlock[:argument]"))
  var locks: [LockOption] = []

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "For --check locks: a function that must not be called with a lock held, or by an interrupt "
        + "handler.", valueName: "function"))
  var sleeps: [String] = []

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "For --check locks: a variable that processors and interrupt handlers share.",
      valueName: "variable"))
  var shared: [String] = []

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "For --check stack: symbols or addresses of a stack's ends; stacks whose symbols say so are "
        + "known.", valueName: "low:high"))
  var stack: [StackOption] = []

  @Option(
    help: ArgumentHelp(
      "For --check stack: how large the stacks are that the TSS names.", valueName: "bytes"))
  var stackSize: UInt64?

  @Option(
    help: ArgumentHelp(
      "For --check interrupts: how many instructions they may be off.", valueName: "n"))
  var interruptsOff: UInt64 = CheckOptions().longestInterruptsOff

  @Option(
    help: ArgumentHelp(
      "Let the guest's timer interrupt it about every n instructions, "
        + "\(CheckOptions.Torture.defaultRate) unless told otherwise, where --seed says.",
      valueName: "irq[=n]"))
  var torture: TortureOption?

  /// Whether anything was asked for.
  var isAsked: Bool { !checks.isEmpty || torture != nil }

  /// Attaches what was asked for; nil if nothing was.
  func attach(to machine: Machine, seed: UInt64) throws -> CheckedRun? {
    var options = CheckOptions()
    options.checks = Set(checks.flatMap(\.checks))
    guard isAsked else { return nil }
    if !allocator.isEmpty { options.allocators = allocator.map(\.allocator) }
    if !locks.isEmpty { options.locks = locks.map(\.lock) }
    options.sleepers = sleeps
    options.sharedVariables = shared
    options.stacks = stack.map { ($0.low, $0.high) }
    options.stackSize = stackSize
    options.longestInterruptsOff = interruptsOff
    options.torture = torture.map { CheckOptions.Torture(rate: $0.rate, seed: seed) }
    options.travelCommand = Self.debugCommand
    let run = CheckedRun(machine, options: options, say: ExitStatus.say)
    if let error = run.nameError { throw Failure(error, status: ExitStatus.usage) }
    return run
  }

  /// Says what was found, and how to see it again.
  func conclude(_ run: CheckedRun, _ outcome: Result<Void, any Error>, quiet: Bool) throws {
    var mayHaveFailed = !run.findings.isEmpty
    if case .failure = outcome { mayHaveFailed = true }
    if mayHaveFailed, torture != nil, !quiet {
      ExitStatus.say(
        "\(run.tortureCount) timer interrupts were made; again: \(Self.command)")
    }
    guard !run.findings.isEmpty else { return }
    if !quiet {
      let count = run.findings.count
      ExitStatus.say("the checks found \(count == 1 ? "a mistake" : "\(count) mistakes")")
    }
    throw ExitCode(ExitStatus.findings)
  }

  /// The present command as a shell takes it.
  private static var command: String {
    CommandLine.arguments.map(\.quotedForShell).joined(separator: " ")
  }

  /// The command that debugs the same machine.
  private static var debugCommand: String {
    let own = [
      "--check", "--allocator", "--locks", "--sleeps", "--shared", "--stack", "--stack-size",
      "--interrupts-off", "--torture",
    ]
    var words: [String] = []
    var skipsNext = false
    for argument in CommandLine.arguments {
      let isOwn = own.contains(argument)
      let hasValue = own.contains { argument.hasPrefix("\($0)=") }
      if !isOwn && !hasValue && !skipsNext { words.append(argument) }
      skipsNext = isOwn
    }
    if let index = words.firstIndex(of: "boot") { words[index] = "debug" }
    return words.map(\.quotedForShell).joined(separator: " ")
  }
}

extension String {
  /// The text as one word of a shell's command.
  fileprivate var quotedForShell: String {
    let plain = allSatisfy {
      $0.isASCII && ($0.isLetter || $0.isNumber || "-_=./:,+@%".contains($0))
    }
    if plain && !isEmpty { return self }
    return "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
      + "'"
  }
}

/// `--check NAME[,NAME...]`.
struct CheckList: ExpressibleByArgument {
  let checks: [Check]

  init?(argument: String) {
    if argument == "all" {
      checks = Check.allCases
      return
    }
    let names = argument.split(separator: ",", omittingEmptySubsequences: false)
    checks = names.compactMap { Check(rawValue: String($0)) }
    guard checks.count == names.count, !checks.isEmpty else { return nil }
  }
}

/// `--allocator ALLOC:FREE[:SIZE[:RESULT]]`.
struct AllocatorOption: ExpressibleByArgument {
  let allocator: CheckOptions.Allocator

  init?(argument: String) {
    let parts = argument.split(separator: ":").map(String.init)
    guard (2...4).contains(parts.count), let size = parts.count > 2 ? Int(parts[2]) : 1,
      (1...6).contains(size)
    else { return nil }
    let result = parts.count > 3 ? Int(parts[3]) : nil
    guard parts.count < 4 || result.map({ (1...6).contains($0) }) == true else { return nil }
    allocator = CheckOptions.Allocator(
      parts[0], parts[1], sizeArgument: size, resultArgument: result)
  }
}

/// `--locks LOCK:UNLOCK[:ARGUMENT]`.
struct LockOption: ExpressibleByArgument {
  let lock: CheckOptions.Lock

  init?(argument: String) {
    let parts = argument.split(separator: ":").map(String.init)
    guard (2...3).contains(parts.count), let number = parts.count > 2 ? Int(parts[2]) : 1,
      (1...6).contains(number)
    else { return nil }
    lock = CheckOptions.Lock(parts[0], parts[1], argument: number)
  }
}

/// `--stack LOW:HIGH`.
struct StackOption: ExpressibleByArgument {
  let low: String
  let high: String

  init?(argument: String) {
    let parts = argument.split(separator: ":").map(String.init)
    guard parts.count == 2 else { return nil }
    low = parts[0]
    high = parts[1]
  }
}

/// `--torture irq[=RATE]`.
struct TortureOption: ExpressibleByArgument {
  let rate: UInt64

  init?(argument: String) {
    let parts = argument.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
    guard parts[0] == "irq", parts.count <= 2,
      let rate = parts.count == 2 ? UInt64(parts[1]) : CheckOptions.Torture.defaultRate, rate > 0
    else { return nil }
    self.rate = rate
  }
}
