/// How far our transcendental x87 results are from the host's.
///
/// The manual allows an error of one unit in the last place in round to nearest and leaves the bits
/// open, so that two processors may differ by two: every maker has bits of its own.
/// SDM volume 1, "Transcendental Instruction Accuracy".
package struct TranscendentalSurvey {
  /// What was found about one instruction on one kind of operands.
  package struct Finding {
    package var name: String
    package var count = 0
    /// Results that are the same to the bit.
    package var identical = 0
    /// The largest distance in units in the last place.
    package var distance: UInt64 = 0
    /// Results of another class (NaN, infinity, sign), or other exceptions than PE and UE.
    package var disagreements = 0
    /// The operands of the largest distance.
    package var worst = ""

    package var description: String {
      let share = 100 * Double(identical) / Double(max(count, 1))
      return
        "\(name): \(count) cases, \((share * 10).rounded() / 10) % identical, at most \(distance) "
        + "ulp apart (\(worst)), \(disagreements) disagreements"
    }
  }

  /// An instruction and the operands that it is given.
  private struct Kind {
    var name: String
    var modRM: UInt8
    /// Exponents of ST(0) and ST(1), unbiased.
    var exponents: (ClosedRange<Int>, ClosedRange<Int>)
    /// Whether ST(0) must not be negative.
    var isPositive = false
    /// Whether ST(1) of the result is looked at too.
    var hasTwo = false
  }

  private static let kinds = [
    Kind(name: "F2XM1", modRM: 0xF0, exponents: (-80 ... -1, 0...0)),
    Kind(name: "FYL2X", modRM: 0xF1, exponents: (-16000...16000, -8...8), isPositive: true),
    Kind(name: "FYL2X near one", modRM: 0xF1, exponents: (-1...0, -8...8), isPositive: true),
    Kind(name: "FYL2XP1", modRM: 0xF9, exponents: (-80 ... -3, -8...8)),
    Kind(name: "FPATAN", modRM: 0xF3, exponents: (-60...60, -60...60)),
    Kind(name: "FPTAN", modRM: 0xF2, exponents: (-60 ... -1, 0...0), hasTwo: true),
    Kind(name: "FSIN", modRM: 0xFE, exponents: (-60 ... -1, 0...0)),
    Kind(name: "FCOS", modRM: 0xFF, exponents: (-60 ... -1, 0...0)),
    Kind(name: "FSINCOS", modRM: 0xFB, exponents: (-60 ... -1, 0...0), hasTwo: true),
    Kind(name: "FSIN beyond 1", modRM: 0xFE, exponents: (0...8, 0...0)),
    Kind(name: "FCOS beyond 1", modRM: 0xFF, exponents: (0...8, 0...0)),
    Kind(name: "FPTAN beyond 1", modRM: 0xF2, exponents: (0...8, 0...0), hasTwo: true),
  ]

  private var random: SplitMix64

  package init(seed: UInt64) { random = SplitMix64(seed: seed) }

  /// Compares `count` results of each instruction.
  package mutating func run(
    host: any Processor, subject: any Processor, count: Int
  ) -> [Finding] {
    Self.kinds.map { kind in
      var finding = Finding(name: kind.name)
      while finding.count < count {
        let size = min(count - finding.count, Batch.capacity)
        let batch = Batch(images: [DataImage()], cases: (0..<size).map { _ in makeCase(kind) })
        let (expected, actual) = (host.run(batch), subject.run(batch))
        for index in batch.cases.indices {
          Self.compare(
            batch.cases[index], expected[index].after, actual[index].after, kind, &finding)
        }
      }
      return finding
    }
  }

  private mutating func makeCase(_ kind: Kind) -> Case {
    var state = UserState()
    state[st: 0] = operand(kind.exponents.0, isPositive: kind.isPositive)
    state[st: 1] = operand(kind.exponents.1, isPositive: false)
    state.ftw = kind.hasTwo ? 1 : 3
    return Case(code: [0xD9, kind.modRM], before: state, image: 0)
  }

  private mutating func operand(_ exponents: ClosedRange<Int>, isPositive: Bool) -> ExtendedBits {
    let exponent = exponents.lowerBound + random.below(exponents.count)
    let sign: UInt16 = !isPositive && random.oneIn(2) ? 0x8000 : 0
    return ExtendedBits(
      significand: random.next() | 1 << 63, signExponent: sign | UInt16(0x3FFF + exponent))
  }

  private static func compare(
    _ item: Case, _ expected: UserState, _ actual: UserState, _ kind: Kind,
    _ finding: inout Finding
  ) {
    finding.count += 1
    // PE and UE depend on the bits that differ.
    if (expected.fsw ^ actual.fsw) & 0x040F != 0 || expected.ftw != actual.ftw {
      finding.disagreements += 1
    }
    var isIdentical = true
    for index in 0..<(kind.hasTwo ? 2 : 1) {
      let (a, b) = (expected[st: index], actual[st: index])
      if a == b { continue }
      isIdentical = false
      guard let distance = distance(a, b) else {
        finding.disagreements += 1
        continue
      }
      if distance > finding.distance {
        finding.distance = distance
        finding.worst = "\(item.before[st: 0].text) \(item.before[st: 1].text)"
      }
    }
    if isIdentical { finding.identical += 1 }
  }

  /// Units in the last place between two finite numbers of one sign.
  private static func distance(_ a: ExtendedBits, _ b: ExtendedBits) -> UInt64? {
    guard (a.signExponent ^ b.signExponent) & 0x8000 == 0, a.signExponent & 0x7FFF != 0x7FFF,
      b.signExponent & 0x7FFF != 0x7FFF
    else { return nil }
    let (x, y) = (place(a), place(b))
    return UInt64(clamping: x > y ? x - y : y - x)
  }

  /// The number of a magnitude among all magnitudes.
  private static func place(_ a: ExtendedBits) -> UInt128 {
    UInt128(a.signExponent & 0x7FFF) << 63 | UInt128(a.significand & (.max >> 1))
  }
}
