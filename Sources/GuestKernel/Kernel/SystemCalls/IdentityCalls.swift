/// In whose name a process acts, and what it has used.
import KernelArch

extension SystemCalls {
  static func getUser() -> Answer { .success(UInt64(FileTable.current?.userID ?? 0)) }
  static func getUserGroup() -> Answer { .success(UInt64(FileTable.current?.groupID ?? 0)) }

  /// The superuser becomes anybody; others stay who they are.
  static func setUser(_ id: Int32) throws(SystemFailure) -> UInt64 {
    let table = try FileTable.ofCaller()
    guard id >= 0 else { throw SystemFailure(.invalidArgument) }
    let wanted = UInt32(id)
    guard table.userID == 0 || table.userID == wanted else { throw SystemFailure(.notPermitted) }
    table.userID = wanted
    return 0
  }

  static func setUserGroup(_ id: Int32) throws(SystemFailure) -> UInt64 {
    let table = try FileTable.ofCaller()
    guard id >= 0 else { throw SystemFailure(.invalidArgument) }
    let wanted = UInt32(id)
    guard table.userID == 0 || table.groupID == wanted else { throw SystemFailure(.notPermitted) }
    table.groupID = wanted
    return 0
  }

  /// `getrusage`: seconds and microseconds of the process (0) or of its children (-1); the rest is 0.
  static func getUsage(_ who: Int32, _ usage: UInt64) throws(SystemFailure) -> UInt64 {
    let process = Process.current
    let nanoseconds: UInt64
    switch who {
    case 0:
      var sum = process.usage.nanoseconds
      for thread in Processes.lock.withLockIRQ({ process.threads }) {
        sum += thread.ticks * Clock.nanosecondsPerTick
      }
      nanoseconds = sum
    case -1: nanoseconds = process.usage.childrenNanoseconds
    default: throw SystemFailure(.invalidArgument)
    }
    var words = [UInt64](repeating: 0, count: 18)
    words[0] = nanoseconds / 1_000_000_000
    words[1] = nanoseconds % 1_000_000_000 / 1000
    guard words.withUnsafeBytes({ UserMemory.write($0, to: usage) }) else {
      throw SystemFailure(.badAddress)
    }
    return 0
  }
}
