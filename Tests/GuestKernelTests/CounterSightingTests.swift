import GuestKernel
import Testing

/// A counter that is read by somebody who is sometimes kept away, by a clock of `clock` counts per second.
private struct Witness {
  let clock: UInt64
  let counter: UInt64
  /// How long asking takes, in counts of the clock, and how often it takes very much longer.
  let cost: UInt64
  let isDisturbed: Bool
  var now: UInt64 = 0
  var random: UInt64

  mutating func next(_ limit: UInt64) -> UInt64 {
    random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (random >> 33) % max(1, limit)
  }

  /// Some time passes: at times very much.
  mutating func pass(_ most: UInt64) {
    now += 1 + next(most)
    if isDisturbed, next(20) == 0 { now += next(clock / 100) }
  }

  mutating func read() -> CounterSighting {
    let before = now
    pass(cost)
    let seen = UInt64(UInt128(now) * UInt128(counter) / UInt128(clock))
    pass(cost)
    return CounterSighting(count: seen, from: before, to: now)
  }

  mutating func sightEdge() -> CounterSighting {
    var last = read()
    while true {
      pass(cost)
      let next = read()
      if let edge = CounterSighting.edge(last, next) { return edge }
      last = next
    }
  }
}

@Suite struct CounterSightingTests {
  /// Whatever comes between, a measurement is never more wrong than it says.
  @Test(arguments: [20, 1_000, 40_000] as [UInt64], [false, true])
  func theErrorIsWhatItIsSaidToBe(cost: UInt64, isDisturbed: Bool) throws {
    for (clock, counter) in [(1_000_000_000, 1_193_182), (3_141_592_653, 1_193_182)]
      as [(UInt64, UInt64)]
    {
      for seed in 1...200 as ClosedRange<UInt64> {
        var witness = Witness(
          clock: clock, counter: counter, cost: cost, isDisturbed: isDisturbed,
          now: seed * 977, random: seed)
        let first = witness.sightEdge()
        witness.now += clock / 10_000 * seed
        let last = witness.sightEdge()
        guard let rate = CounterRate(from: first, to: last), rate.error < 1_000_000 else {
          continue
        }
        let found = rate.clockFrequency(counter: counter)
        let wrong = max(found, clock) - min(found, clock)
        // Rounding down costs one count more.
        #expect(
          UInt128(wrong - min(1, wrong)) * 1_000_000 <= UInt128(clock) * UInt128(rate.error),
          "\(found) for \(clock), to \(rate.error) millionths")
        let counted = rate.counterFrequency(clock: clock)
        let off = max(counted, counter) - min(counted, counter)
        #expect(UInt128(off - min(1, off)) * 1_000_000 <= UInt128(counter) * UInt128(rate.error))
      }
    }
  }

  /// Edges that are pinned down make a tenth of a millisecond enough for a 2000th.
  @Test func quickReadingsPinTheEdgesDown() throws {
    var witness = Witness(
      clock: 1_000_000_000, counter: 1_193_182, cost: 8, isDisturbed: false, random: 1)
    let first = witness.sightEdge()
    witness.now += 100_000
    let last = witness.sightEdge()
    #expect(first.counts.count == 1 && last.counts.count == 1)
    let rate = try #require(CounterRate(from: first, to: last))
    #expect(rate.error <= 500)
  }

  @Test func edges() {
    let a = CounterSighting(count: 7, from: 100, to: 110)
    #expect(CounterSighting.edge(a, CounterSighting(count: 7, from: 120, to: 130)) == nil)
    let one = CounterSighting.edge(a, CounterSighting(count: 8, from: 120, to: 130))
    #expect(one?.times == 100...130 && one?.counts == 8...8)
    let two = CounterSighting(count: 9, from: 120, to: 130)
    #expect(CounterSighting.edge(a, two) == two)
    #expect(two.counts == 9...10)
  }

  /// What may not have moved, or seems to run backwards, has no rate.
  @Test func noRate() {
    let a = CounterSighting(count: 7, from: 100, to: 110)
    #expect(CounterRate(from: a, to: a) == nil)
    #expect(CounterRate(from: a, to: CounterSighting(count: 8, from: 200, to: 210)) == nil)
    #expect(CounterRate(from: a, to: CounterSighting(count: 20, from: 105, to: 210)) == nil)
    #expect(CounterRate(from: a, to: CounterSighting(count: 3, from: 200, to: 210)) == nil)
    let slow = CounterRate(from: a, to: CounterSighting(count: 9, from: 200, to: 210))
    #expect(slow?.error ?? 0 >= 500_000)
  }
}
