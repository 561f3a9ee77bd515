import Glibc

/// The host's monotonic time.
enum WallClock {
  /// Nanoseconds since some moment in the past.
  static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

/// Lets virtual time of an idle machine follow the wall clock.
struct Pacing {
  /// How far virtual time may fall behind before the difference is forgotten: after a suspended
  /// process continues, nobody wants to see the hours pass.
  private static let forgivenLag: UInt64 = 1_000_000_000

  private var wallStart: UInt64
  private var virtualStart: UInt64

  init(wall: UInt64, virtual: UInt64) {
    wallStart = wall
    virtualStart = virtual
  }

  /// The virtual time that the wall clock shows, given that the machine is at `virtual`.
  mutating func virtualTime(wall: UInt64, virtual: UInt64) -> UInt64 {
    let shown = virtualStart &+ (wall &- wallStart)
    guard shown > virtual, shown - virtual > Self.forgivenLag else { return shown }
    wallStart = wall
    virtualStart = virtual
    return virtual
  }

  /// How long to sleep until the wall clock shows the virtual time `target`.
  func wait(until target: UInt64, wall: UInt64) -> UInt64 {
    let shown = virtualStart &+ (wall &- wallStart)
    return target > shown ? target - shown : 0
  }
}
