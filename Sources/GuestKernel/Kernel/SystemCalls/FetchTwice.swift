/// Time of check, time of use: why a system call takes its arguments over once, and looks at its own copy.
///
/// Two calls do the same: they copy as many bytes out of a message as a length in the program's memory says,
/// at most the 64 bytes that the message has; behind it lies something that is nobody's business. The
/// wrong one looks at the length in the program's memory twice. Another thread changes it in between.
import KernelArch

enum FetchTwice {
  static let messageSize: UInt64 = 64

  /// The message, and what lies behind it.
  private static func memory() -> [UInt8] {
    [UInt8](repeating: 0x6d, count: 64) + [UInt8](repeating: 0x53, count: 64)  // m and S
  }

  /// Right: one fetch, a check of the copy, the use of the copy.
  static func careful(_ length: UInt64, _ buffer: UInt64) throws(SystemFailure) -> UInt64 {
    let count = try UserMemory.get(0 as UInt64, at: length)
    guard count <= messageSize else { throw SystemFailure(.invalidArgument) }
    pauseForOthers()
    return try copy(count, buffer)
  }

  /// Wrong, on purpose: what was checked is not what is used.
  static func careless(_ length: UInt64, _ buffer: UInt64) throws(SystemFailure) -> UInt64 {
    guard try UserMemory.get(0 as UInt64, at: length) <= messageSize else {
      throw SystemFailure(.invalidArgument)
    }
    pauseForOthers()
    return try copy(try UserMemory.get(0 as UInt64, at: length), buffer)
  }

  /// Anything that takes a while: real calls wait here for memory or a lock.
  private static func pauseForOthers() { Scheduler.yield() }

  private static func copy(_ count: UInt64, _ buffer: UInt64) throws(SystemFailure) -> UInt64 {
    let bytes = memory().prefix(Int(min(count, 128)))
    guard UserMemory.write(Array(bytes), to: buffer) else { throw SystemFailure(.badAddress) }
    return UInt64(bytes.count)
  }
}

extension SystemCalls {
  static func fetchOnce(_ length: UInt64, _ buffer: UInt64) throws(SystemFailure) -> UInt64 {
    try FetchTwice.careful(length, buffer)
  }

  static func fetchTwice(_ length: UInt64, _ buffer: UInt64) throws(SystemFailure) -> UInt64 {
    guard Configuration.MISTAKES else { throw SystemFailure(.noSuchCall) }
    return try FetchTwice.careless(length, buffer)
  }
}
