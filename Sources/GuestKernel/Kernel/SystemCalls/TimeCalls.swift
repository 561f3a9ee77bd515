/// What programs ask about time, and how they let it pass.
import KernelArch

extension SystemCalls {
  static func clockTime(_ clock: Int32, _ address: UInt64) -> Answer {
    guard let now = Clock.now(clock) else { return fail(.invalidArgument) }
    return UserMemory.write(record: Timespec(total: now), to: address)
      ? .success(0) : fail(.badAddress)
  }

  static func clockResolution(_ clock: Int32, _ address: UInt64) -> Answer {
    guard Clock.now(clock) != nil else { return fail(.invalidArgument) }
    guard address != 0 else { return .success(0) }
    return UserMemory.write(record: Timespec(nanoseconds: 1), to: address)
      ? .success(0) : fail(.badAddress)
  }

  /// Seconds and microseconds; the second argument, a time zone, has long been ignored everywhere.
  static func timeOfDay(_ address: UInt64, _ zone: UInt64) -> Answer {
    var time = Timespec(total: Clock.wallTime)
    time.nanoseconds /= 1000
    guard address == 0 || UserMemory.write(record: time, to: address) else {
      return fail(.badAddress)
    }
    return .success(0)
  }

  static func time(_ address: UInt64) -> Answer {
    let seconds = Clock.wallTime / 1_000_000_000
    guard address == 0 || UserMemory.write(record: seconds, to: address) else {
      return fail(.badAddress)
    }
    return .success(seconds)
  }

  static func nanosleep(_ time: UInt64, _ remaining: UInt64) -> Answer {
    clockNanosleep(ClockNumber.monotonic, 0, time, remaining)
  }

  /// Sleeps for a duration or until a point in time; when that is interrupted, says what was left.
  static func clockNanosleep(
    _ clock: Int32, _ flags: UInt64, _ time: UInt64, _ remaining: UInt64
  ) -> Answer {
    guard let bytes = UserMemory.read(time, count: UInt64(MemoryLayout<Timespec>.size)) else {
      return fail(.badAddress)
    }
    let wanted = bytes.withUnsafeBytes { $0.loadUnaligned(as: Timespec.self) }
    guard let total = wanted.total, let now = Clock.now(clock) else {
      return fail(.invalidArgument)
    }
    let isAbsolute = flags & ClockNumber.absolute != 0
    let duration = isAbsolute ? (total > now ? total - now : 0) : total
    let end = Clock.nanoseconds &+ duration
    if WaitQueue.never.wait(until: end, { false }) == .timedOut { return .success(0) }
    let left = max(end, Clock.nanoseconds) - Clock.nanoseconds
    if remaining != 0, !isAbsolute {
      guard UserMemory.write(record: Timespec(total: left), to: remaining) else {
        return fail(.badAddress)
      }
    }
    return fail(.interrupted)
  }
}
