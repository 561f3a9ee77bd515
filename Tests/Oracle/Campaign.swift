/// A run of the differential fuzzer: batches of random cases on both processors.
package struct Campaign {
  package struct Options: Sendable {
    var seed: UInt64
    var width: Width
    var groups: [Template.Group]
    var modes: [CaseGenerator.Mode]
    var maximumLength: Int
    var mismatchLimit: Int

    package init(
      seed: UInt64, width: Width = .long, groups: [Template.Group] = Template.Group.allCases,
      modes: [CaseGenerator.Mode] = CaseGenerator.Mode.allCases, maximumLength: Int = 8,
      mismatchLimit: Int = 20
    ) {
      self.seed = seed
      self.width = width
      self.groups = groups
      self.modes = modes
      self.maximumLength = maximumLength
      self.mismatchLimit = mismatchLimit
    }
  }

  private let host: HostProcessor
  private let subject: any Processor
  private let options: Options
  private var batchSeed: UInt64
  private var disassembler: Disassembler

  package private(set) var caseCount = 0
  /// Cases that the host could not run to an end.
  package private(set) var skipped = 0
  package private(set) var mismatches: [Mismatch] = []

  package init(host: HostProcessor, subject: any Processor, options: Options) {
    self.host = host
    self.subject = subject
    self.options = options
    batchSeed = options.seed
    disassembler = Disassembler(options.width)
  }

  /// Runs one batch of at most `limit` cases and returns the mismatches in it.
  package mutating func runBatch(limit: Int = .max) -> [Mismatch] {
    var generator = CaseGenerator(
      seed: batchSeed, width: options.width, groups: options.groups, modes: options.modes,
      maximumLength: options.maximumLength)
    let (batch, masks) = generator.batch(count: min(limit, Batch.capacity))
    host.start(batch)
    var actual = subject.run(batch)
    let expected = host.finish(batch)
    var found: [Mismatch] = []
    for index in batch.cases.indices {
      let item = batch.cases[index]
      if expected[index].ending == .timeout || expected[index].ending == .unrunnable {
        skipped += 1
      }
      if actual[index].ending == .timeout && expected[index].ending != .timeout {
        actual[index] = patiently(item, batch) ?? actual[index]
      }
      let differences = Comparison.differences(
        item, expected: expected[index], actual: actual[index], masks: masks[index])
      if differences.isEmpty || isNotJudged(item, expected[index])
        || HostQuirks.explain(
          item, expected: expected[index], actual: actual[index], disassembler: &disassembler)
      {
        continue
      }
      if !hostRepeats(batch, index, expected[index], masks[index]) {
        skipped += 1
        continue
      }
      if mismatches.count + found.count >= options.mismatchLimit { break }
      found.append(
        minimised(
          Mismatch(
            seed: batchSeed, item: item, image: batch.images[item.image],
            expected: expected[index], actual: actual[index], masks: masks[index],
            differences: differences)))
    }
    caseCount += batch.cases.count
    mismatches += found
    batchSeed &+= 1
    return found
  }

  /// Whether the host gives the same answer again; virtual machines have been seen to lose a flag.
  private func hostRepeats(
    _ batch: Batch, _ index: Int, _ first: Outcome, _ masks: Masks
  ) -> Bool {
    let item = batch.cases[index]
    let again = host.run(Batch(images: batch.images, cases: [item]))
    return again.allSatisfy {
      Comparison.differences(item, expected: first, actual: $0, masks: masks).isEmpty
    }
  }

  private func patiently(_ item: Case, _ batch: Batch) -> Outcome? {
    subject.runPatiently(Batch(images: batch.images, cases: [item])).first
  }

  /// Bytes that Zydis calls no instruction, and that this host executes all the same.
  private mutating func isNotJudged(_ item: Case, _ outcome: Outcome) -> Bool {
    var offset = 0
    while offset < item.code.count {
      guard let decoded = disassembler.decode(item.code, at: offset) else {
        let passed = outcome.after.rip &- item.before.rip
        return passed != UInt64(offset) || outcome.ending.text != "#UD"
      }
      offset += decoded.length
    }
    return false
  }

  private mutating func minimised(_ mismatch: Mismatch) -> Mismatch {
    var minimiser = Minimiser(host: host, subject: subject, width: options.width)
    return minimiser.reduce(mismatch)
  }
}

/// A case on which the two processors differ.
package struct Mismatch {
  package var seed: UInt64
  package var item: Case
  package var image: DataImage
  package var expected: Outcome
  package var actual: Outcome
  package var masks: Masks
  package var differences: [Difference]

  /// The mismatch for a person to read, its row last.
  package var report: String {
    var disassembler = Disassembler(item.before.width)
    let text = disassembler.text(item.code, at: item.before.rip)
    let row = Row(item, image: image, outcome: expected, masks: masks, text: text)
    let ours = Row.after(item, outcome: actual, masks: masks)
    return """
      mismatch, batch seed \(seed): \(text)
        before: \(row.before)
        host:   \(row.after)
        ours:   \(ours)
        \(differences.map(\.description).joined(separator: "\n  "))
        row: \(row.line)

      """
  }
}
