import ArgumentParser
import Emulator
import EmulatorTesting
import Synchronization

/// `emu test`: runs the tests of manifests, several at once.
struct Test: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the tests of manifests: guests, what is typed, and what has to come of it.",
    discussion: """
      A manifest is a text file; README.md says what stands in it.
      Exit status: 0 all tests passed; 1 some failed; 2 usage, also when --filter leaves nothing; \
      3 a manifest, or a file that one names, is unusable, and nothing ran.
      """)

  @Argument(
    help: "Manifests, and directories in which every file *.emutest, however deep, is one.")
  var paths: [String]

  @Option(
    help: ArgumentHelp(
      "Tests that run at once; without it, as many as the host has processors.", valueName: "n"))
  var jobs: Int?

  @Option(
    help: ArgumentHelp(
      "Run the tests whose name matches (POSIX extended syntax).", valueName: "regex"))
  var filter: String?

  @Option(
    help: ArgumentHelp(
      "Run the i-th of n parts; a test's name alone decides which part it is in.",
      valueName: "i/n"))
  var shard: Shard?

  @Option(
    name: .customLong("repeat"),
    help: ArgumentHelp(
      "Run every test so often, whatever its manifest says; all runs have to be the same.",
      valueName: "n"))
  var repetitions: Int?

  @Flag(help: "Write the Test Anything Protocol, version 14, on standard output.")
  var tap = false

  @Option(help: ArgumentHelp("Write JUnit's XML to a file, too.", valueName: "file"))
  var junit: String?

  @Flag(
    help: "Write golden traces that are not there, and those anew from which a passing run differs."
  )
  var accept = false

  @Flag(help: "Show the names of the tests that would run, and run nothing.")
  var list = false

  func validate() throws {
    if let jobs, jobs < 1 { throw ValidationError("--jobs takes a number from 1 on") }
    if let repetitions, repetitions < 1 {
      throw ValidationError("--repeat takes a number from 1 on")
    }
    guard let filter else { return }
    do {
      _ = try OutputPattern(filter, option: "--filter")
    } catch {
      throw ValidationError(error.description)
    }
  }

  func run() throws {
    let selected = try select(TestPlan(paths: paths).jobs)
    if list {
      for job in selected { print("\(job.manifest): \(job.test.name)") }
      return
    }
    let file = try openJUnit()
    let start = ContinuousClock.now
    if tap { print(TAP.header(count: selected.count)) }
    let reports = runAll(selected)
    if let file { try write(JUnit.text(reports), to: file) }
    let failures = reports.count { !$0.hasPassed }
    if !tap {
      let seconds = (ContinuousClock.now - start).seconds
      let rounded = Double(Int(seconds * 100)) / 100
      print("\(reports.count - failures) passed, \(failures) failed, in \(rounded) s")
    }
    if failures > 0 { throw ExitCode(ExitStatus.testsFailed) }
  }

  private func select(_ jobs: [TestPlan.Job]) throws -> [TestPlan.Job] {
    var jobs = jobs
    if let filter {
      let pattern = try OutputPattern(filter, option: "--filter")
      jobs = jobs.filter { pattern.matches(line: Array($0.test.name.utf8)) }
      guard !jobs.isEmpty else {
        throw Failure("no test's name matches --filter \(filter)", status: ExitStatus.usage)
      }
    }
    if let shard { jobs = jobs.filter { shard.contains($0.test.name) } }
    guard let repetitions else { return jobs }
    return jobs.map { $0.repeated(repetitions) }
  }

  /// Makes the file before anything runs, so that a wrong name costs no time.
  private func openJUnit() throws -> FileBackend? {
    guard let junit else { return nil }
    do {
      return try FileBackend(path: junit)
    } catch {
      throw Failure(error, status: ExitStatus.usage)
    }
  }

  private func write(_ text: String, to file: FileBackend) throws {
    do { try file.send(Array(text.utf8)) } catch {
      throw Failure(error, status: ExitStatus.hostFailure)
    }
    file.close()
  }

  // MARK: Running

  /// Runs the tests on several threads and shows each, in order, as soon as it is known.
  private func runAll(_ selected: [TestPlan.Job]) -> [TestReport] {
    let results = Mutex(TestProgress(count: selected.count))
    let show: @Sendable (TestReport, Int) -> Void = { [tap] report, number in
      print(tap ? TAP.lines(report, number: number) : report.text)
    }
    let accept = accept
    HostProcessors.forEach(below: selected.count, jobs: jobs) { index in
      let report = selected[index].run(acceptsTraces: accept)
      results.withLock { $0.put(report, at: index, show: show) }
    }
    return results.withLock { $0.reports.compactMap(\.self) }
  }
}

/// The tests that have run, of which those are shown whose predecessors are known.
private struct TestProgress {
  private(set) var reports: [TestReport?]
  private var shown = 0

  init(count: Int) { reports = [TestReport?](repeating: nil, count: count) }

  mutating func put(_ report: TestReport, at index: Int, show: (TestReport, Int) -> Void) {
    reports[index] = report
    while shown < reports.count, let report = reports[shown] {
      shown += 1
      show(report, shown)
    }
  }
}

/// `--shard I/N`: a part of all tests.
struct Shard: ExpressibleByArgument, Sendable {
  private let index: UInt64
  private let count: UInt64

  init?(argument: String) {
    let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let index = UInt64(parts[0]), let count = UInt64(parts[1]),
      index >= 1, index <= count
    else { return nil }
    self.index = index
    self.count = count
  }

  /// Whether a test is in the part: its name's FNV-1a hash decides.
  func contains(_ name: String) -> Bool {
    let hash = name.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }
    return hash % count == index - 1
  }
}

extension Duration {
  /// The duration in seconds.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}
