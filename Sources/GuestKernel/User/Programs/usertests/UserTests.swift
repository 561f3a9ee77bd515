/// usertests [-q] [NAME...]: does the kernel keep its promises to programs?
///
/// Each test runs in a process of its own, so that one that crashes fails alone. Around each, the
/// frame compares free memory, processes and descriptors: what a test took must be back afterwards.
/// -q leaves out the storms, which take most of the time; a NAME may be a pattern.
import Apus

struct UserTest {
  let name: StaticString
  /// A storm: memory, processes or files to exhaustion.
  var isSlow = false
  let run: (Check) -> Void
}

/// What a test claims with; it counts what was not so.
final class Check {
  private(set) var failures: Int32 = 0
  private(set) var lacksCall = false

  func expect(_ condition: Bool, _ claim: TextLine) {
    if condition { return }
    failures += 1
    say("    NO: \(claim)\n")
  }

  /// False when this kernel is without it; then there is nothing to test.
  func has(_ option: StaticString) -> Bool {
    guard KernelOptions.isLeftOut(option) else { return true }
    lacksCall = true
    return false
  }

  /// The call must fail with that error.
  func fails(_ outcome: Outcome, _ error: SystemError, _ what: TextLine) {
    switch outcome {
    case .success(let value):
      failures += 1
      say("    NO: \(what): returned \(value) instead of \(error.symbol)\n")
    case .failure(.noSuchCall) where error != .noSuchCall: lacksCall = true
    case .failure(let found):
      if found == error { return }
      failures += 1
      say("    NO: \(what): \(found.symbol) instead of \(error.symbol)\n")
    }
  }

  /// The call must succeed; its result.
  @discardableResult
  func succeeds(_ outcome: Outcome, _ what: TextLine) -> UInt64 {
    switch outcome {
    case .success(let value): return value
    case .failure(.noSuchCall): lacksCall = true
    case .failure(let error):
      failures += 1
      say("    NO: \(what): \(error.symbol)\n")
    }
    return 0
  }
}

@main
struct UserTests: Program {
  private enum Result {
    case passed
    case failed
    case skipped
  }

  static var all: [UserTest] {
    argumentTests + coverageTests + permissionTests + entryTests + fileTests + storageTests
      + directoryTests + pipeTests + processTests + signalTests + signalQueueTests
      + limitTests + atTests + eventPollTests + eventFileTests + memoryTests + pressureTests
      + refusalTests + deviceTests + threadTests + timeTests + machineTests + toolTests + stormTests
      + exhaustionTests
  }

  static func run(_ arguments: [[UInt8]]) -> Int32 {
    Usage.describe("usertests [-ql] [NAME...]", "does the kernel keep its promises to programs?")
    let options = Options(arguments, known: "ql")
    let begin = Time.sinceBoot
    var counts = (passed: 0, failed: 0, skipped: 0)
    for test in all where isChosen(test, options) {
      if options.has("l") {
        say("\(test.name)\n")
        continue
      }
      switch perform(test) {
      case .passed: counts.passed += 1
      case .failed: counts.failed += 1
      case .skipped: counts.skipped += 1
      }
    }
    if options.has("l") { return 0 }
    let milliseconds = (Time.sinceBoot - begin) / 1_000_000
    say(
      "usertests: \(counts.passed) passed, \(counts.failed) failed, \(counts.skipped) skipped, \(milliseconds) ms\n"
    )
    return counts.failed == 0 ? 0 : 1
  }

  private static func isChosen(_ test: UserTest, _ options: Options) -> Bool {
    if options.operands.isEmpty { return !(test.isSlow && options.has("q")) }
    for operand in options.operands where Glob.matches(operand, [UInt8](text: test.name)) {
      return true
    }
    return false
  }

  /// Runs a test; when memory is missing afterwards, again, to tell a leak from a cache that grew.
  private static func perform(_ test: UserTest) -> Result {
    let before = Possessions()
    let result = runOnce(test)
    var missing = before.missing()
    var rounds = 0
    while result == .passed, missing > 0, rounds < 10 {
      rounds += 1
      let again = Possessions()
      _ = runOnce(test)
      missing = again.missing()
    }
    let leaks = result == .passed && missing > 0
    let word: StaticString =
      switch result {
      case .passed: leaks ? "FAILED" : "passed"
      case .failed: "FAILED"
      case .skipped: "skipped: the kernel lacks what it needs"
      }
    if leaks { say("    NO: \(missing) bytes did not come back, every time\n") }
    let others = before.others()
    if others != 0 { say("    NO: \(others) processes are left\n") }
    let descriptors = before.descriptors()
    if descriptors != 0 { say("    NO: \(descriptors) descriptors are left\n") }
    say("  \(test.name, padded: 24) \(word)\n")
    if leaks || others != 0 || descriptors != 0 { return .failed }
    return result
  }

  /// Runs it in a child, which says by a pipe what it found.
  ///
  /// Not by its exit code: a kernel that gets those wrong must not seem to pass.
  private static func runOnce(_ test: UserTest) -> Result {
    do throws(SystemError) {
      let pipe = try Descriptor.pipe(.nonBlocking)
      defer {
        _ = Call.close(pipe.reading.rawValue)
        _ = Call.close(pipe.writing.rawValue)
      }
      let pid = try Process.fork()
      if pid == 0 {
        let check = Check()
        test.run(check)
        let verdict: UInt8 = check.failures > 0 ? 1 : check.lacksCall ? 2 : 0
        _ = Call.write(pipe.writing.rawValue, [verdict], 1)
        System.exit(Int32(verdict))
      }
      let (_, status) = try Process.wait(for: pid)
      if case .killed(let signal) = status { say("    NO: it was killed by \(signal.name)\n") }
      var verdict: UInt8 = 1
      guard case .success(1) = Call.read(pipe.reading.rawValue, &verdict, 1) else {
        return .failed
      }
      return verdict == 0 ? .passed : verdict == 2 ? .skipped : .failed
    } catch {
      say("    NO: it could not be run: \(error.name)\n")
      return .failed
    }
  }
}

/// What the system has at one moment, and what is missing of it later.
private struct Possessions {
  private let free: UInt64
  private let processes: Int
  private let nextDescriptor: Int32

  init() {
    free = System.memory().free
    processes = System.processes().filter { $0.isUser == 1 }.count
    nextDescriptor = Self.lowestFree()
  }

  private static func lowestFree() -> Int32 {
    guard case .success(let number) = Call.dup(0) else { return -1 }
    _ = Call.close(Int32(truncatingIfNeeded: number))
    return Int32(truncatingIfNeeded: number)
  }

  /// Bytes that are not free any more; what ended gets some time to be cleared away.
  func missing() -> UInt64 {
    var now = System.memory().free
    var patience = 0
    while now < free, patience < 10 {
      Time.sleep(nanoseconds: 10_000_000)
      let next = System.memory().free
      patience = next == now ? patience + 1 : 0
      now = next
    }
    return now < free ? free - now : 0
  }

  func others() -> Int {
    var count = 0
    for _ in 0..<1000 {
      count = System.processes().filter { $0.isUser == 1 }.count - processes
      if count <= 0 { return 0 }
      Time.sleep(nanoseconds: 10_000_000)
    }
    return count
  }

  func descriptors() -> Int32 { Self.lowestFree() - nextDescriptor }
}

// MARK: What several subjects use

/// Addresses that no program may pass: nothing there, the kernel's, not canonical, about to wrap.
let badAddresses: [UInt64] = [
  0, 0x7000_0000, 0x7fff_8010_0000, 0x4000_0000_0000, 0x8000_0000_0000_0000, UInt64.max - 8,
]

func literal(_ text: StaticString) -> [UInt8] { [UInt8](text: text) }

/// Runs `body` in a child, and waits; nil when there could be none.
func inChild(_ body: () -> Int32) -> WaitStatus? {
  do throws(SystemError) {
    let pid = try Process.fork()
    if pid == 0 { System.exit(body()) }
    return try Process.wait(for: pid).status
  } catch {
    return nil
  }
}

/// A directory of the test's own, gone again after `body`.
func inScratch(_ check: Check, _ body: () throws(SystemError) -> Void) {
  let place = literal("/tmp/ut") + [UInt8]("\(Process.id)" as TextLine)
  do throws(SystemError) {
    try FileTree.makeDirectory(place)
    try FileTree.changeDirectory(to: place)
    do throws(SystemError) {
      try body()
    } catch {
      check.expect(false, "\(error.symbol) where nothing should fail")
    }
    for entry in try FileTree.entries(of: place) {
      let path = place + [0x2f] + entry.name
      if entry.kind == .directory {
        try FileTree.removeDirectory(path)
      } else {
        try FileTree.remove(path)
      }
    }
    try FileTree.changeDirectory(to: [0x2f])
    try FileTree.removeDirectory(place)
  } catch {
    if error == .noSuchCall {
      _ = check.succeeds(.failure(error), "")
    } else {
      check.expect(false, "scratch directory: \(error.symbol)")
    }
  }
}
