/// A clock signal derived from virtual time, exactly and without drift.
///
/// Tick `n` begins at the first whole nanosecond not before `n / hertz` seconds, so
/// `ticks(at: time(ofTick: n)) == n` for every frequency up to 1 GHz.
public struct Oscillator: Sendable, Equatable, Codable {
  /// Ticks per second of virtual time, at least 1.
  public let hertz: UInt64

  static let nanosecondsPerSecond: UInt64 = 1_000_000_000

  /// An oscillator of `hertz` ticks a second.
  public init(hertz: UInt64) {
    self.hertz = max(1, hertz)
  }

  /// The number of ticks that began in (0, `nanoseconds`].
  public func ticks(at nanoseconds: UInt64) -> UInt64 {
    Self.scale(nanoseconds, by: hertz, over: Self.nanosecondsPerSecond, roundingUp: false)
  }

  /// The nanosecond at which `tick` begins, `.max` when that is beyond the end of time.
  public func time(ofTick tick: UInt64) -> UInt64 {
    Self.scale(tick, by: Self.nanosecondsPerSecond, over: hertz, roundingUp: true)
  }

  /// `value * numerator / denominator` through a 128-bit product, saturating.
  private static func scale(
    _ value: UInt64, by numerator: UInt64, over denominator: UInt64, roundingUp: Bool
  ) -> UInt64 {
    var (high, low) = value.multipliedFullWidth(by: numerator)
    if roundingUp {
      let (sum, carry) = low.addingReportingOverflow(denominator &- 1)
      low = sum
      high &+= carry ? 1 : 0
    }
    guard high < denominator else { return .max }
    return denominator.dividingFullWidth((high, low)).quotient
  }
}
