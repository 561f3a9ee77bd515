/// Time, in nanoseconds.
package struct TimeSpan: BitwiseCopyable {
  package var seconds: Int64
  package var nanoseconds: Int64

  package init(nanoseconds total: UInt64) {
    seconds = Int64(total / 1_000_000_000)
    nanoseconds = Int64(total % 1_000_000_000)
  }
}

package enum Time {
  /// Since boot; it never goes back.
  package static var sinceBoot: UInt64 {
    var span = TimeSpan(nanoseconds: 0)
    let outcome = withUnsafeMutableBytes(of: &span) { Call.clock_gettime(1, $0.baseAddress) }
    guard outcome.isSuccess else { return 0 }
    return UInt64(span.seconds) * 1_000_000_000 + UInt64(span.nanoseconds)
  }

  /// Since 1970.
  package static var ofDay: UInt64? {
    var span = TimeSpan(nanoseconds: 0)
    let outcome = withUnsafeMutableBytes(of: &span) { Call.clock_gettime(0, $0.baseAddress) }
    guard outcome.isSuccess else { return nil }
    return UInt64(span.seconds) * 1_000_000_000 + UInt64(span.nanoseconds)
  }

  package static func sleep(nanoseconds: UInt64) {
    var span = TimeSpan(nanoseconds: nanoseconds)
    _ = withUnsafeMutableBytes(of: &span) { Call.nanosleep($0.baseAddress, nil) }
  }
}
