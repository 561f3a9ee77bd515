import ArgumentParser
import Oracle

/// Runs random user-mode code on the host's processor and on ours, and says where they differ.
@main
struct Differential: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "differential",
    abstract: "Compare random user-mode code between this machine's CPU and the host's own.",
    discussion: """
      Cases depend on the seed alone. A mismatch is printed with its seed, the shortest sequence \
      that still shows it, and a line for Tests/Rows. Exit status 1 where there were mismatches, \
      2 where the host cannot run cases.
      """)

  @Option(help: "How many cases to run; without --cases and --seconds, 1,000,000.")
  var cases: Int?

  @Option(help: "How long to run, in seconds.")
  var seconds: Double?

  @Option(help: "The seed of the first batch.")
  var seed: UInt64 = 1

  @Option(help: "64 for 64-bit mode, 32 for a 32-bit code segment of compatibility mode.")
  var width: Width = .long

  @Option(help: "Only instructions of one kind: integer, sse, x87 or mmx.")
  var only: Template.Group?

  @Option(help: "Only one generator: structured or bytes.")
  var mode: CaseGenerator.Mode?

  @Option(help: "The longest sequence of instructions.")
  var length: Int = 8

  @Option(help: "Stop after this many mismatches.")
  var mismatches: Int = 20

  @Flag(help: "Say how far transcendental x87 results are from the host's, and stop.")
  var transcendentals = false

  @Flag(help: "Say how far the run has come.")
  var verbose = false

  func run() throws {
    guard let host = HostProcessor() else {
      print("This host cannot run x86-64 code natively, so there is nothing to compare with.")
      throw ExitCode(2)
    }
    guard let subject = EmulatedProcessor() else { throw ExitCode(2) }
    if transcendentals {
      var survey = TranscendentalSurvey(seed: seed)
      for finding in survey.run(host: host, subject: subject, count: cases ?? 20_000) {
        print(finding.description)
      }
      return
    }
    var campaign = Campaign(
      host: host, subject: subject,
      options: Campaign.Options(
        seed: seed, width: width, groups: only.map { [$0] } ?? Template.Group.allCases,
        modes: mode.map { [$0] } ?? CaseGenerator.Mode.allCases, maximumLength: max(1, length),
        mismatchLimit: mismatches))
    let limit = cases ?? (seconds == nil ? 1_000_000 : Int.max)
    let clock = ContinuousClock()
    let start = clock.now
    let deadline = seconds.map { start + .seconds($0) }
    var lastReport = start
    while campaign.caseCount < limit && campaign.mismatches.count < mismatches {
      if let deadline, clock.now >= deadline { break }
      for mismatch in campaign.runBatch(limit: limit - campaign.caseCount) {
        print(mismatch.report)
      }
      if verbose && clock.now - lastReport > .seconds(2) {
        lastReport = clock.now
        print("\(campaign.caseCount) cases, \(campaign.mismatches.count) mismatches")
      }
    }
    print(
      "\(campaign.caseCount) cases from seed \(seed) in \(clock.now - start): "
        + "\(campaign.mismatches.count) mismatches, \(campaign.skipped) not comparable")
    if !campaign.mismatches.isEmpty { throw ExitCode(1) }
  }
}

extension Width: ExpressibleByArgument {}
extension Template.Group: ExpressibleByArgument {}
extension CaseGenerator.Mode: ExpressibleByArgument {}
