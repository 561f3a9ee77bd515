import GuestKernel
import Testing

@Suite struct CounterScaleTests {
  /// Else the timer's interrupt finds nothing to do, programs the same deadline, and comes again at once.
  @Test(arguments: [
    1_000_000_000, 999_946_200, 1_003_117_000, 2_399_999_999, 5_123_456_789, 24_000_000,
  ])
  func aDeadlineIsNeverEarly(frequency: UInt64) {
    let scale = CounterScale(frequency: frequency)
    var random: UInt64 = 1
    for second in [0, 1, 10, 3600, 100 * 86400] as [UInt64] {
      for _ in 0..<1000 {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let deadline = second * 1_000_000_000 + random >> 34
        let counts = scale.counts(for: deadline)
        let reached = scale.nanoseconds(of: counts)
        #expect(reached >= deadline)
        // Nor late by more than a count and what the fractions cannot say.
        #expect(reached <= deadline + deadline >> 26 + 2 * 1_000_000_000 / frequency + 2)
      }
    }
  }

  @Test func aSecondIsASecond() {
    #expect(CounterScale(frequency: 1_000_000_000).nanoseconds(of: 12_345) == 12_345)
    #expect(CounterScale(frequency: 2_000_000_000).nanoseconds(of: 2_000_000_000) == 1_000_000_000)
  }
}
