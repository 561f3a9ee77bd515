import Emulator

/// Remembers what its pins were told.
final class RecordingSink: InterruptSink {
  private(set) var levels: [Int: Bool] = [:]
  private(set) var rises: [Int: Int] = [:]

  func setLine(_ pin: Int, level: Bool) {
    levels[pin] = level
    if level { rises[pin, default: 0] += 1 }
  }

  func isHigh(_ pin: Int = 0) -> Bool { levels[pin] ?? false }
  func riseCount(_ pin: Int = 0) -> Int { rises[pin] ?? 0 }
}

/// Takes what a device's closures are called with.
final class Recorder<Value> {
  private(set) var values: [Value] = []
  func add(_ value: Value) { values.append(value) }
}

extension BusDevice {
  func byte(_ offset: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: read(offset: offset, size: .byte))
  }

  func setByte(_ offset: UInt64, _ value: UInt8) {
    write(offset: offset, size: .byte, value: UInt64(value))
  }

  func doubleword(_ offset: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: read(offset: offset, size: .doubleword))
  }

  func setDoubleword(_ offset: UInt64, _ value: UInt32) {
    write(offset: offset, size: .doubleword, value: UInt64(value))
  }
}

extension VirtualClock {
  /// Lets time pass, stopping at every event as a machine does.
  func advance(_ nanoseconds: UInt64) {
    let end = now + nanoseconds
    while nextDeadline <= end {
      now = max(now, nextDeadline)
      runDueEvents()
    }
    now = end
  }
}

/// Pseudo-random numbers (SplitMix64) that repeat with their seed.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
