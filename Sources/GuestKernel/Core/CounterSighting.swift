/// One counter measured by another, with an error that is known.
///
/// Nobody reads a counter at a known time: between the question and the answer the processor may have been away.
/// So the clock is read before and after, and all that is claimed is that the counter was seen at some
/// moment in between. Two such sightings give a rate, and how far it can be from the truth.

/// At some moment that lies within `times` the counter was within `counts`.
package struct CounterSighting: Equatable {
  package let times: ClosedRange<UInt64>
  package let counts: ClosedRange<UInt64>

  /// A reading: so many whole counts, and perhaps a part of the next.
  package init(count: UInt64, from before: UInt64, to after: UInt64) {
    times = before...max(before, after)
    counts = count...count + 1
  }

  /// The moment at which the counter reached `count`: after the one reading, before the next.
  private init(
    reaching count: UInt64, after earlier: CounterSighting, before later: CounterSighting
  ) {
    times = earlier.times.lowerBound...max(earlier.times.lowerBound, later.times.upperBound)
    counts = count...count
  }

  /// What two readings in a row say together; nil when the counter has not moved.
  ///
  /// With one step between them that step is pinned down; with more the later reading is as good as alone.
  package static func edge(
    _ earlier: CounterSighting, _ later: CounterSighting
  ) -> CounterSighting? {
    let (old, new) = (earlier.counts.lowerBound, later.counts.lowerBound)
    if new == old { return nil }
    return new == old + 1 ? CounterSighting(reaching: new, after: earlier, before: later) : later
  }
}

/// How many counts of the clock and of the counter lie between two sightings.
package struct CounterRate {
  package let times: ClosedRange<UInt64>
  package let counts: ClosedRange<UInt64>

  /// Nil when it is not certain that both have moved.
  package init?(from first: CounterSighting, to last: CounterSighting) {
    guard last.times.lowerBound > first.times.upperBound,
      last.counts.lowerBound > first.counts.upperBound
    else { return nil }
    times = CounterRate.distance(first.times, last.times)
    counts = CounterRate.distance(first.counts, last.counts)
  }

  private static func distance(
    _ first: ClosedRange<UInt64>, _ last: ClosedRange<UInt64>
  ) -> ClosedRange<UInt64> {
    last.lowerBound - first.upperBound...last.upperBound - first.lowerBound
  }

  /// By how many millionths at most the frequencies below are wrong, rounded up.
  package var error: UInt64 {
    let (a, b) = (CounterRate.uncertainty(times), CounterRate.uncertainty(counts))
    guard a < 500_000, b < 500_000 else { return 1_000_000 }
    // The truth lies from (1 - a) / (1 + b) to (1 + a) / (1 - b) of what is said; it, too, may be the whole.
    let rest = 1_000_000 - max(a, b)
    return ((a + b) * 1_000_000 + rest - 1) / rest
  }

  /// Half the width of a range by its middle, in millionths.
  private static func uncertainty(_ range: ClosedRange<UInt64>) -> UInt64 {
    let (sum, width) = (range.lowerBound + range.upperBound, range.upperBound - range.lowerBound)
    return scaled(1_000_000, by: width, over: sum) + (width == 0 ? 0 : 1)
  }

  /// The clock's frequency, where the counter's is known.
  package func clockFrequency(counter frequency: UInt64) -> UInt64 {
    CounterRate.scaled(
      frequency, by: times.lowerBound + times.upperBound,
      over: counts.lowerBound + counts.upperBound)
  }

  /// The counter's frequency, where the clock's is known.
  package func counterFrequency(clock frequency: UInt64) -> UInt64 {
    CounterRate.scaled(
      frequency, by: counts.lowerBound + counts.upperBound,
      over: times.lowerBound + times.upperBound)
  }

  private static func scaled(_ value: UInt64, by a: UInt64, over b: UInt64) -> UInt64 {
    var (a, b) = (a, b)
    while value.multipliedReportingOverflow(by: a).overflow { (a, b) = (a >> 1, b >> 1) }
    return b > 0 ? value * a / b : .max
  }
}
