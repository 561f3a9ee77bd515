/// System calls about who runs when: policies, nice values, processors, and futexes.
import KernelArch

extension SystemCalls {
  static func schedYield() -> Answer {
    Scheduler.yield()
    return .success(0)
  }

  /// The thread of that number, 0 for the caller.
  private static func thread(_ id: Int32) throws(SystemFailure) -> Thread {
    if id == 0 { return Thread.current }
    for thread in Scheduler.threads where thread.id == Int(id) && thread.state != .ended {
      return thread
    }
    throw SystemFailure(.noSuchProcess)
  }

  /// One that the caller may change.
  private static func ownThread(_ id: Int32) throws(SystemFailure) -> Thread {
    let thread = try thread(id)
    guard thread.process.map({ Permission.mayControl($0) }) ?? Permission.isSuperuser else {
      throw SystemFailure(.notPermitted)
    }
    return thread
  }

  private static func record<Record: BitwiseCopyable>(
    _ initial: Record, at address: UInt64
  ) throws(SystemFailure) -> Record {
    guard let bytes = UserMemory.read(address, count: UInt64(MemoryLayout<Record>.size)) else {
      throw SystemFailure(.badAddress)
    }
    var record = initial
    withUnsafeMutableBytes(of: &record) { $0.copyBytes(from: bytes) }
    return record
  }

  private static func put<Record: BitwiseCopyable>(
    _ record: Record, to address: UInt64
  ) throws(SystemFailure) {
    guard UserMemory.write(record: record, to: address) else { throw SystemFailure(.badAddress) }
  }

  // MARK: Nice values

  /// Of PRIO_PROCESS only; the answer is 20 - nice, so that it is never negative.
  static func getPriority(_ which: Int32, _ who: Int32) throws(SystemFailure) -> UInt64 {
    guard which == 0 else { throw SystemFailure(.invalidArgument) }
    return UInt64(20 - (try thread(who)).entity.pointee.nice)
  }

  static func setPriority(
    _ which: Int32, _ who: Int32, _ nice: Int32
  ) throws(SystemFailure) -> UInt64 {
    guard which == 0 else { throw SystemFailure(.invalidArgument) }
    let thread = try ownThread(who)
    try checkNice(thread, nice)
    thread.setNice(Int(nice))
    return 0
  }

  /// Anybody may step back, only the superuser forward.
  private static func checkNice(_ thread: Thread, _ nice: Int32) throws(SystemFailure) {
    guard Int(nice) >= Int(thread.entity.pointee.nice) || Permission.isSuperuser else {
      throw SystemFailure(.accessDenied)
    }
  }

  // MARK: Policies

  static func setScheduler(
    _ id: Int32, _ policy: Int32, _ parameters: UInt64
  ) throws(SystemFailure) -> UInt64 {
    let priority = try record(Int32(0), at: parameters)
    let resetOnFork: Int32 = 0x4000_0000
    try set(ownThread(id), policy & ~resetOnFork, priority)
    return 0
  }

  static func setParameters(_ id: Int32, _ parameters: UInt64) throws(SystemFailure) -> UInt64 {
    let priority = try record(Int32(0), at: parameters)
    let thread = try ownThread(id)
    try set(thread, Int32(bitPattern: thread.policy.rawValue), priority)
    return 0
  }

  private static func set(
    _ thread: Thread, _ policy: Int32, _ priority: Int32
  ) throws(SystemFailure) {
    guard let policy = SchedulingPolicy(rawValue: UInt32(bitPattern: policy)), policy != .stop,
      policy != .deadline,
      policy.isRealTime ? priority >= 1 && priority <= 99 : priority == 0
    else { throw SystemFailure(.invalidArgument) }
    if policy.isRealTime { try Permission.checkSuperuser() }
    thread.setPolicy(policy, priority: Int(priority))
  }

  static func getScheduler(_ id: Int32) throws(SystemFailure) -> UInt64 {
    UInt64(try thread(id).policy.rawValue)
  }

  static func getParameters(_ id: Int32, _ parameters: UInt64) throws(SystemFailure) -> UInt64 {
    try put(Int32(try thread(id).entity.pointee.priority), to: parameters)
    return 0
  }

  static func setAttributes(
    _ id: Int32, _ address: UInt64, _ flags: UInt64
  ) throws(SystemFailure) -> UInt64 {
    let size = try record(UInt32(0), at: address)
    guard flags == 0, size >= 48 else { throw SystemFailure(.invalidArgument) }
    let wanted = try record(SchedulingAttributes(), at: address)
    let thread = try ownThread(id)
    if wanted.policy == SchedulingPolicy.deadline.rawValue {
      var promise = DeadlineParameters(
        runtime: wanted.runtime, deadline: wanted.deadline, period: wanted.period)
      if promise.period == 0 { promise.period = promise.deadline }
      guard DeadlineAdmission.isValid(promise) else { throw SystemFailure(.invalidArgument) }
      try Permission.checkSuperuser()
      guard thread.setDeadline(promise) else { throw SystemFailure(.busy) }
      return 0
    }
    try set(thread, Int32(bitPattern: wanted.policy), Int32(bitPattern: wanted.priority))
    if thread.policy.isFair {
      try checkNice(thread, wanted.nice)
      thread.setNice(Int(wanted.nice))
    }
    return 0
  }

  static func getAttributes(
    _ id: Int32, _ address: UInt64, _ size: UInt32, _ flags: UInt64
  ) throws(SystemFailure) -> UInt64 {
    guard flags == 0, size >= 48 else { throw SystemFailure(.invalidArgument) }
    let entity = try thread(id).entity.pointee
    var answer = SchedulingAttributes()
    answer.policy = entity.policy.rawValue
    answer.nice = Int32(entity.nice)
    answer.priority = UInt32(entity.policy.isRealTime ? entity.priority : 0)
    if entity.policy == .deadline {
      answer.runtime = entity.deadline.runtime
      answer.deadline = entity.deadline.deadline
      answer.period = entity.deadline.period
    }
    try put(answer, to: address)
    return 0
  }

  // MARK: Processors

  static func setAffinity(
    _ id: Int32, _ size: UInt64, _ address: UInt64
  ) throws(SystemFailure) -> UInt64 {
    guard size >= 1 else { throw SystemFailure(.invalidArgument) }
    guard let bytes = UserMemory.read(address, count: min(size, 8)) else {
      throw SystemFailure(.badAddress)
    }
    var mask: UInt64 = 0
    for (index, byte) in bytes.enumerated() { mask |= UInt64(byte) << UInt64(index * 8) }
    guard try ownThread(id).setAffinity(mask) else { throw SystemFailure(.invalidArgument) }
    return 0
  }

  static func getAffinity(
    _ id: Int32, _ size: UInt64, _ address: UInt64
  ) throws(SystemFailure) -> UInt64 {
    guard size >= 8 else { throw SystemFailure(.invalidArgument) }
    try put(try thread(id).affinity & RunQueue.online, to: address)
    return 8
  }

  // MARK: Futexes

  static func futex(
    _ word: UInt64, _ operation: Int32, _ value: UInt32, _ timeout: UInt64, _ second: UInt64,
    _ third: UInt32
  ) throws(SystemFailure) -> UInt64 {
    guard word & 3 == 0 else { throw SystemFailure(.invalidArgument) }
    let key = try Futex.key(word, isPrivate: operation & 128 != 0)
    switch operation & 127 {
    case 0, 9:
      var deadline: UInt64?
      if timeout != 0 {
        let time = try record((seconds: Int64(0), nanoseconds: Int64(0)), at: timeout)
        guard time.seconds >= 0, time.seconds < 1 << 32, time.nanoseconds >= 0,
          time.nanoseconds < 1_000_000_000
        else { throw SystemFailure(.invalidArgument) }
        let span = UInt64(time.seconds) * 1_000_000_000 + UInt64(time.nanoseconds)
        deadline = operation & 127 == 9 ? span : Clock.nanoseconds + span
      }
      return try Futex.wait(key, word, value, until: deadline)
    case 1, 10:
      return UInt64(Futex.wake(key, most: Int(value)))
    case 3, 4:
      if operation & 127 == 4, try record(UInt32(0), at: word) != third {
        throw SystemFailure(.tryAgain)
      }
      let target = try Futex.key(second, isPrivate: operation & 128 != 0)
      return UInt64(Futex.wake(key, most: Int(value), rest: target, atMost: Int(timeout)))
    default: throw SystemFailure(.noSuchCall)
    }
  }
}

/// What sched_setattr and sched_getattr pass: Linux's `struct sched_attr`.
struct SchedulingAttributes: BitwiseCopyable {
  var size: UInt32 = 48
  var policy: UInt32 = 0
  var flags: UInt64 = 0
  var nice: Int32 = 0
  var priority: UInt32 = 0
  var runtime: UInt64 = 0
  var deadline: UInt64 = 0
  var period: UInt64 = 0
}
