/// In whose name a process acts, what it has used, and which calls it has forsworn.
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

/// The calls a process may still make: a set that only ever gets smaller, and that its children inherit.
struct CallFilter {
  static let wordCount = 20
  private var allowed: [UInt64]

  /// Reading, writing and ending: what `seccomp` calls strict.
  static var strict: CallFilter {
    var filter = CallFilter(allowed: Array(repeating: 0, count: wordCount))
    for call in [.read, .write, .exit, .exit_group, .rt_sigreturn] as [SystemCall] {
      filter.allowed[Int(call.rawValue / 64)] |= 1 << (call.rawValue % 64)
    }
    return filter
  }

  init(allowed: [UInt64]) { self.allowed = allowed }

  func allows(_ number: UInt64) -> Bool {
    number < UInt64(allowed.count * 64)
      && allowed[Int(number / 64)] >> (number % 64) & 1 != 0
  }

  mutating func narrow(to other: CallFilter) {
    for index in allowed.indices { allowed[index] &= other.allowed[index] }
  }
}

extension SystemCalls {
  /// seccomp(0, 0, NULL): strict.
  ///
  /// seccomp(1000, 0, SET): a set of 1280 bits, one a call, that may go on.
  ///
  /// A call that is not allowed ends the process with SIGSYS.
  static func restrictCalls(
    _ operation: UInt32, _ flags: UInt64, _ set: UInt64
  ) throws(SystemFailure) -> UInt64 {
    guard flags == 0 else { throw SystemFailure(.invalidArgument) }
    let filter: CallFilter
    switch operation {
    case 0: filter = .strict
    case 1000:
      let size = UInt64(CallFilter.wordCount * 8)
      guard let bytes = UserMemory.read(set, count: size) else { throw SystemFailure(.badAddress) }
      var words: [UInt64] = []
      for index in 0..<CallFilter.wordCount {
        words.append(
          bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) })
      }
      filter = CallFilter(allowed: words)
    default: throw SystemFailure(.invalidArgument)
    }
    let process = Process.current
    var narrowed = process.callFilter ?? filter
    narrowed.narrow(to: filter)
    process.callFilter = narrowed
    return 0
  }
}
