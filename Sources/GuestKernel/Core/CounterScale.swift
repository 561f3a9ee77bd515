/// Counts of a counter as nanoseconds, and back, as fractions of 2^32: a multiplication is quicker than a division.
package struct CounterScale {
  private let toNanoseconds: UInt64
  private let toCounts: UInt64

  /// `frequency` in counts per second, up to 2^32 times a billion.
  package init(frequency: UInt64) {
    let second: UInt64 = 1_000_000_000
    toNanoseconds = max(1, (second / frequency) << 32 | ((second % frequency) << 32) / frequency)
    // Rounded up: the product of the two is at least 1, so that no deadline comes early.
    toCounts = toNanoseconds == 1 ? .max : UInt64.max / toNanoseconds + 1
  }

  package func nanoseconds(of counts: UInt64) -> UInt64 {
    CounterScale.multiply(counts, toNanoseconds)
  }

  /// The first count, or one soon after it, at which `nanoseconds` have passed.
  package func counts(for nanoseconds: UInt64) -> UInt64 {
    CounterScale.multiply(nanoseconds, toCounts) &+ 1
  }

  private static func multiply(_ value: UInt64, _ fraction: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: fraction)
    return product.high << 32 | product.low >> 32
  }
}
