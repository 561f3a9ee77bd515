import Glibc

/// How long a fuzz target runs: `EMU_FUZZ_SECONDS`, or a moment in the everyday tests.
struct FuzzBudget {
  private let end: UInt64
  /// Where the random numbers start: `EMU_FUZZ_SEED`.
  let seed: UInt64
  /// The first program to run, to see one again: `EMU_FUZZ_FIRST`.
  let first: Int

  init() {
    let seconds = Self.environment("EMU_FUZZ_SECONDS").flatMap(Double.init) ?? 2
    end = Self.now + UInt64(seconds * 1e9)
    seed = Self.environment("EMU_FUZZ_SEED").flatMap { UInt64($0) } ?? 1
    first = Self.environment("EMU_FUZZ_FIRST").flatMap { Int($0) } ?? 1
  }

  var isSpent: Bool { Self.now >= end }

  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

/// SplitMix64: the same numbers from the same seed on every host.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
