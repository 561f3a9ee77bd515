import Oracle
import Testing

/// A short run of the differential fuzzer; `swift run -c release differential` makes long ones.
@Suite struct DifferentialTests {
  @Test(
    .enabled(if: HostProcessor() != nil, "the host must be x86-64 Linux"),
    arguments: Template.Group.allCases, CaseGenerator.Mode.allCases)
  func agreesWithTheHost(_ group: Template.Group, _ mode: CaseGenerator.Mode) throws {
    let host = try #require(HostProcessor())
    let subject = try #require(EmulatedProcessor())
    var campaign = Campaign(
      host: host, subject: subject,
      options: Campaign.Options(seed: 0x5EED, groups: [group], modes: [mode], mismatchLimit: 3))
    while campaign.caseCount < 35_000 && campaign.mismatches.count < 3 {
      for mismatch in campaign.runBatch(limit: 35_000 - campaign.caseCount) {
        Issue.record("\(mismatch.report)")
      }
    }
    #expect(campaign.skipped * 50 < campaign.caseCount)
  }

  @Test(
    .enabled(if: HostProcessor() != nil, "the host must be x86-64 Linux"),
    arguments: Template.Group.allCases, CaseGenerator.Mode.allCases)
  func agreesWithTheHostIn32BitCode(_ group: Template.Group, _ mode: CaseGenerator.Mode) throws {
    let host = try #require(HostProcessor())
    let subject = try #require(EmulatedProcessor())
    var campaign = Campaign(
      host: host, subject: subject,
      options: Campaign.Options(
        seed: 0x5EED, width: .compatibility, groups: [group], modes: [mode], mismatchLimit: 3))
    while campaign.caseCount < 20_000 && campaign.mismatches.count < 3 {
      for mismatch in campaign.runBatch(limit: 20_000 - campaign.caseCount) {
        Issue.record("\(mismatch.report)")
      }
    }
    #expect(campaign.skipped * 50 < campaign.caseCount)
  }

  @Test(.enabled(if: HostProcessor() != nil, "the host must be x86-64 Linux"))
  func transcendentalsAreWithinTheManualsBounds() throws {
    let host = try #require(HostProcessor())
    let subject = try #require(EmulatedProcessor())
    var survey = TranscendentalSurvey(seed: 0x5EED)
    for finding in survey.run(host: host, subject: subject, count: 4_000) {
      // One unit in the last place each.
      #expect(finding.distance <= 2 && finding.disagreements == 0, "\(finding.description)")
    }
  }

  @Test func theSameSeedMakesTheSameCases() {
    var first = CaseGenerator(seed: 7)
    var second = CaseGenerator(seed: 7)
    let one = first.batch(count: 300).batch
    let two = second.batch(count: 300).batch
    #expect(one.cases.map(\.code) == two.cases.map(\.code))
    #expect(one.images.map(\.bytes) == two.images.map(\.bytes))
  }

  @Test(.enabled(if: HostProcessor() != nil, "the host must be x86-64 Linux"))
  func aMistakeIsFoundAndMinimised() throws {
    let host = try #require(HostProcessor())
    var campaign = Campaign(
      host: host, subject: Mistaken(host: try #require(HostProcessor())),
      options: Campaign.Options(seed: 3, groups: [.integer], mismatchLimit: 1))
    while campaign.mismatches.isEmpty && campaign.caseCount < 100_000 { _ = campaign.runBatch() }
    let mismatch = try #require(campaign.mismatches.first)
    #expect(mismatch.differences.map(\.what) == ["rax"])
    #expect(mismatch.item.code.count <= 15)
  }
}

/// A processor that is right but for one bit of RAX when CF is set.
private final class Mistaken: Processor {
  private let host: HostProcessor

  init(host: HostProcessor) { self.host = host }

  func run(_ batch: Batch) -> [Outcome] {
    host.run(batch).map { outcome in
      var wrong = outcome
      if outcome.after.rflags & FlagBits.cf != 0 { wrong.after.registers[0] ^= 2 }
      return wrong
    }
  }
}
